import { existsSync, readFileSync, statSync } from 'node:fs'
import type { Key } from '../client/index.js'
import { UsageError, write, type Environment, type Streams } from './command.js'
import { readAll } from './data.js'

/** The environment variable that has the key if there is no `--key`. */
export const KEY_VARIABLE = 'FASTIFY_REASON_PHRASE_KEY'

const forms = [
  ['FILE', 'the first key of [{ id, secret, permissions }] as JSON'],
  ['FILE#ID', 'the key in the file with this id'],
  ['-', 'ID:SECRET, or what a FILE has, from standard input'],
  ['ID:SECRET', 'other users can see the secret, in the process list']
] as const

/**
 * Returns what `--help` says of the forms that a key can have.
 *
 * @param width how wide the column of the options is
 */
export function keyUsage (width: number): string {
  const lines = forms.map(([form, meaning]) => `    ${form.padEnd(width - 2)}${meaning}`)
  return [...lines, `${' '.repeat(width + 2)}Without --key: FILE, FILE#ID or ID:SECRET in the`, `${' '.repeat(width + 2)}environment variable ${KEY_VARIABLE}`].join('\n')
}

/**
 * Returns the key that a command signs with: that of `--key`, or of the
 * environment; undefined if there is none. A name that exists as a file is a
 * file. Warns if other users can read the file. No error and no warning quotes
 * anything, because each part of it could be a secret.
 *
 * @throws {UsageError} if there is no such key
 */
export async function keyOf (argument: string | undefined, streams: Streams, env: Environment): Promise<Key | undefined> {
  if (argument === '-') return fromText((await readAll(streams.stdin)).toString())
  if (argument !== undefined) return await named(argument, '--key', streams)
  const variable = env[KEY_VARIABLE]
  return variable ? await named(variable, KEY_VARIABLE, streams) : undefined
}

/** The key on standard input, whose last line can have an end. */
function fromText (text: string): Key {
  const line = text.replace(/\r?\n$/, '')
  const key = /^\s*[[{]/.test(line) ? keyIn(line, 'The standard input of --key') : pair(line)
  if (key === undefined) throw new UsageError('--key - needs id:secret, or the JSON of a file of keys, on standard input')
  return key
}

async function named (argument: string, source: string, { stderr }: Streams): Promise<Key> {
  const { file, id } = fileOf(argument)
  if (file === undefined) {
    const key = pair(argument)
    if (key === undefined) throw new UsageError(`${source} must be a file of keys, or id:secret`)
    return key
  }
  const { text, isShared } = read(file, `The file of ${source}`)
  const key = keyIn(text, `The file of ${source}`, id)
  if (isShared) await write(stderr, `fastify-reason-phrase: other users can read the file of ${source}: remove their permission with chmod 600\n`)
  return key
}

function pair (text: string): Key | undefined {
  const colon = text.indexOf(':')
  return colon < 1 || colon === text.length - 1 ? undefined : { id: text.slice(0, colon), secret: text.slice(colon + 1) }
}

function fileOf (argument: string): { file?: string, id?: string } {
  if (existsSync(argument)) return { file: argument }
  const hash = argument.lastIndexOf('#')
  const file = argument.slice(0, hash)
  return hash > 0 && existsSync(file) ? { file, id: argument.slice(hash + 1) } : {}
}

function keyIn (text: string, source: string, id?: string): Key {
  const keys = parse(text, source)
  if (!Array.isArray(keys) || !keys.every(isKey)) throw new UsageError(`${source} must be a JSON array of { id, secret, permissions }`)
  const key = id === undefined ? keys[0] : keys.find(key => key.id === id)
  if (key === undefined) throw new UsageError(`${source} has no ${id === undefined ? 'key' : 'key with this id'}`)
  return key
}

/** The content of a file, and whether its group or others can read it. */
function read (file: string, source: string): { text: string, isShared: boolean } {
  try {
    // On Windows, the mode does not say who can read a file.
    const isShared = process.platform !== 'win32' && (statSync(file).mode & 0o044) !== 0
    return { text: readFileSync(file, 'utf8'), isShared }
  } catch (error) {
    throw new UsageError(`${source} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

function parse (text: string, source: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The error of JSON.parse quotes the text.
    throw new UsageError(`${source} is not JSON`)
  }
}

function isKey (value: unknown): value is Key {
  const { id, secret } = Object(value)
  return typeof id === 'string' && typeof secret === 'string'
}
