import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { UsageError, type Streams } from './command.js'

/**
 * Returns the body that `--data` names: the content of a file for `@file`,
 * standard input for `-`, else the argument itself.
 *
 * @throws {UsageError} if the file cannot be read
 */
export async function readData (argument: string, stdin: Streams['stdin']): Promise<Uint8Array> {
  if (argument === '-') return readStdin(stdin)
  return argument.startsWith('@') ? readDataFile(argument.slice(1)) : Buffer.from(argument)
}

/** Returns the media type of a body, detected from its content: JSON, text or bytes. */
export function detectMediaType (body: Uint8Array): string {
  if (!isUtf8(body)) return 'application/octet-stream'
  return isJson(new TextDecoder().decode(body)) ? 'application/json' : 'text/plain;charset=UTF-8'
}

/** Returns all of standard input. */
export async function readStdin (stdin: Streams['stdin']): Promise<Buffer> {
  const chunks = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk as string))
  return Buffer.concat(chunks)
}

function readDataFile (file: string): Uint8Array {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new UsageError(`The file of --data cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

function isJson (text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
