import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { UsageError, type Streams } from './command.js'

/** The body that `--data` names: the text itself, `@file`, or `-` for what is on stdin. */
export async function dataOf (argument: string, stdin: Streams['stdin']): Promise<Uint8Array> {
  if (argument === '-') return readAll(stdin)
  return argument.startsWith('@') ? read(argument.slice(1)) : Buffer.from(argument)
}

/** The media type that a body can have by what it is. */
export function mediaTypeOf (body: Uint8Array): string {
  if (!isUtf8(body)) return 'application/octet-stream'
  return isJson(new TextDecoder().decode(body)) ? 'application/json' : 'text/plain;charset=UTF-8'
}

/** Reads standard input to its end. */
export async function readAll (stdin: Streams['stdin']): Promise<Buffer> {
  const chunks = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk as string))
  return Buffer.concat(chunks)
}

function read (file: string): Uint8Array {
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
