import { existsSync, readFileSync } from 'node:fs'
import type { Key } from '../client/index.js'
import { UsageError } from './command.js'

/**
 * The key that `--key` names: `id:secret`, or the first key of a file, or the
 * one with an id of it, `file#id`. What exists as a file is one. No error
 * quotes anything: each of it could be a secret.
 *
 * @throws {UsageError} where there is no such key
 */
export function keyOf (argument: string): Key {
  const { file, id } = fileOf(argument)
  if (file !== undefined) return keyIn(file, id)
  const colon = argument.indexOf(':')
  if (colon < 1 || colon === argument.length - 1) throw new UsageError('--key must be a file of keys, or id:secret')
  return { id: argument.slice(0, colon), secret: argument.slice(colon + 1) }
}

function fileOf (argument: string): { file?: string, id?: string } {
  if (existsSync(argument)) return { file: argument }
  const hash = argument.lastIndexOf('#')
  const file = argument.slice(0, hash)
  return hash > 0 && existsSync(file) ? { file, id: argument.slice(hash + 1) } : {}
}

function keyIn (file: string, id?: string): Key {
  const keys = parse(read(file))
  if (!Array.isArray(keys) || !keys.every(isKey)) throw new UsageError('The file of --key must be a JSON array of { id, secret, permissions }')
  const key = id === undefined ? keys[0] : keys.find(key => key.id === id)
  if (key === undefined) throw new UsageError(`The file of --key has no ${id === undefined ? 'key' : 'key with this id'}`)
  return key
}

function read (file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`The file of --key cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The error of JSON.parse quotes the text.
    throw new UsageError('The file of --key is not JSON')
  }
}

function isKey (value: unknown): value is Key {
  const { id, secret } = Object(value)
  return typeof id === 'string' && typeof secret === 'string'
}
