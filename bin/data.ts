import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { describeFileError } from '../lib/file-error.js'
import { UsageError, type Streams } from './command.js'

const JSON_TYPE_PATTERN = /^[^;]*[/+]json *(?:;|$)/i

/** Returns whether an argument of `--data` stands for standard input. */
export function isStdin (argument: string | undefined): boolean {
  return argument === '-' || argument === '@-'
}

/**
 * Returns the body that `--data` gives: the content of a file for `@file`,
 * standard input for `@-` and `-`, and otherwise the argument itself.
 *
 * @throws {UsageError} if the file cannot be read
 */
export async function readData (argument: string, stdin: Streams['stdin']): Promise<Uint8Array> {
  if (isStdin(argument)) return await readStdin(stdin)
  return argument.startsWith('@') ? readDataFile(argument.slice(1)) : Buffer.from(argument)
}

/**
 * Returns the media type of a body: the given one, or JSON by default. Undefined
 * for an empty body without a given media type.
 *
 * @param source where the body comes from, for the message of the error
 * @throws {UsageError} if the media type is JSON, but the body is not. The message does not quote the body, which can be a
 *   secret.
 */
export function resolveMediaType (body: Uint8Array, given: string | null, source: string): string | undefined {
  if (given === null && body.length === 0) return undefined
  if (given !== null && !JSON_TYPE_PATTERN.test(given)) return given
  const fault = findJsonFault(body)
  if (fault === undefined) return given ?? 'application/json'
  throw new UsageError(`${source} is not JSON${fault}. ${given === null ? "Other data needs its type: --header 'Content-Type: text/plain'" : 'The Content-Type says that it is'}`)
}

/** Reads standard input to its end, and returns all bytes. */
export async function readStdin (stdin: Streams['stdin']): Promise<Buffer> {
  const chunks = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk as string))
  return Buffer.concat(chunks)
}

function readDataFile (file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new UsageError(`The file of --data cannot be read: ${describeFileError(error as NodeJS.ErrnoException)}`)
  }
}

/** Returns why a body is not JSON, as the end of a sentence. Empty if the reason is not known. Undefined if the body is JSON. */
function findJsonFault (body: Uint8Array): string | undefined {
  if (!isUtf8(body)) return ', because it is not UTF-8'
  try {
    JSON.parse(new TextDecoder().decode(body))
    return undefined
  } catch (error) {
    const [, position] = / at position (\d+)/.exec((error as Error).message) ?? []
    return position === undefined ? '' : ` (at character ${Number(position) + 1})`
  }
}
