import { existsSync, readFileSync, statSync } from 'node:fs'
import type { Key } from '../client/index.js'
import { describeFileError } from '../lib/file-error.js'
import { PROGRAM_PREFIX, UsageError, writeAll, type Environment, type Streams } from './command.js'
import { readStdin } from './data.js'

/** The environment variable with the key, which is read if there is no `--key`. */
export const KEY_VARIABLE = 'FASTIFY_REASON_PHRASE_KEY'

/**
 * Returns the key of `--key`, or of the environment variable if there is no
 * `--key`. Undefined if both are missing. If the argument is the path of an
 * existing file, reads the file. Warns if other users can read the file. Errors
 * and warnings quote no part of the argument, because it could be a secret.
 *
 * @throws {UsageError} if the key cannot be read or is invalid
 */
export async function readKey (argument: string | undefined, streams: Streams, env: Environment): Promise<Key | undefined> {
  if (argument !== undefined) return await readKeyArgument(argument, '--key', streams)
  const variable = env[KEY_VARIABLE]
  return variable ? await resolveKey(variable, KEY_VARIABLE, streams) : undefined
}

/**
 * Returns the argument of `--key` for a command that is printed: the argument itself if it refers to a file, and otherwise `-`
 * for standard input, because the argument can be a secret.
 */
export function toPrintableKey (argument: string): string {
  return findFile(argument).file === undefined ? '-' : argument
}

/**
 * Returns the key that the argument of an option describes, like {@link readKey}.
 *
 * @param option the name of the option, for messages
 * @throws {UsageError} if the key cannot be read or is invalid
 */
export async function readKeyArgument (argument: string, option: string, streams: Streams): Promise<Key> {
  if (argument === '-') return parseStdinKey((await readStdin(streams.stdin)).toString(), option)
  return await resolveKey(argument, option, streams)
}

/** Returns the key in the text of standard input. The text can end with a line break. */
function parseStdinKey (text: string, option: string): Key {
  const line = text.replace(/\r?\n$/, '')
  const key = /^\s*[[{]/.test(line) ? selectKey(line, `The standard input of ${option}`) : parsePair(line)
  if (key === undefined) throw new UsageError(`${option} - expects id:secret, or the JSON of a file of keys, on standard input`)
  return key
}

async function resolveKey (argument: string, source: string, { stderr }: Streams): Promise<Key> {
  const { file, id } = findFile(argument)
  if (file === undefined) {
    const key = parsePair(argument)
    if (key === undefined) throw new UsageError(`${source}: no such file. It must be a file of keys, or id:secret`)
    return key
  }
  const { text, isShared } = readKeyFile(file, `The file of ${source}`)
  const key = selectKey(text, `The file of ${source}`, id)
  if (isShared) await writeAll(stderr, `${PROGRAM_PREFIX}other users can read the file of ${source}: remove their permission with chmod 600\n`)
  return key
}

function parsePair (text: string): Key | undefined {
  const colon = text.indexOf(':')
  return colon < 1 || colon === text.length - 1 ? undefined : { id: text.slice(0, colon), secret: text.slice(colon + 1) }
}

function findFile (argument: string): { file?: string, id?: string } {
  if (existsSync(argument)) return { file: argument }
  const hash = argument.lastIndexOf('#')
  const file = argument.slice(0, hash)
  return hash > 0 && existsSync(file) ? { file, id: argument.slice(hash + 1) } : {}
}

function selectKey (text: string, source: string, id?: string): Key {
  const keys = parseJson(text, source)
  if (!Array.isArray(keys) || !keys.every(isKey)) throw new UsageError(`${source} must be a JSON array of { id, secret, permissions }`)
  const key = id === undefined ? keys[0] : keys.find(key => key.id === id)
  if (key === undefined) throw new UsageError(`${source} has no ${id === undefined ? 'key' : 'key with this id'}`)
  return key
}

/** Returns the content of a file, and whether its group or others can read it. */
function readKeyFile (file: string, source: string): { text: string, isShared: boolean } {
  try {
    // On Windows, the mode does not say who can read a file.
    const isShared = process.platform !== 'win32' && (statSync(file).mode & 0o044) !== 0
    return { text: readFileSync(file, 'utf8'), isShared }
  } catch (error) {
    throw new UsageError(`${source} cannot be read: ${describeFileError(error as NodeJS.ErrnoException)}`)
  }
}

function parseJson (text: string, source: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Do not pass on the error of JSON.parse: it quotes the text, which contains secrets.
    throw new UsageError(`${source} is not JSON`)
  }
}

function isKey (value: unknown): value is Key {
  const { id, secret } = Object(value)
  return typeof id === 'string' && typeof secret === 'string'
}
