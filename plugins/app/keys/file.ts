import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Static } from '@sinclair/typebox'
import { Value, type ValueError } from '@sinclair/typebox/value'
import { describeFileError } from '../../../lib/file-error.js'
import { Keys, Permission } from '../../../schemas/key.js'
import type { Key } from '../../signature/index.js'

const PERMISSIONS = Permission.anyOf.map(({ const: permission }) => permission)

/** The error of a key file that cannot be read or created. Its message says why, and quotes nothing of the file. */
export class KeysUnreadable extends Error {
  constructor (file: string, reason: string) {
    super(`KEYS_FILE (${file}) cannot be used: ${reason}`)
  }
}

/**
 * Creates a key file with one key, `dev`, that has a random secret and every permission.
 *
 * @returns whether this process created it: `false` where another process was faster
 * @throws {KeysUnreadable} when the file cannot be written
 */
export async function createKeysFile (file: string): Promise<boolean> {
  const key: Static<typeof Keys>[number] = {
    id: 'dev',
    secret: randomBytes(32).toString('base64url'),
    permissions: PERMISSIONS
  }
  try {
    await writeAtomically(file, JSON.stringify([key], null, 2) + '\n')
    return true
  } catch (error) {
    const failure = error as NodeJS.ErrnoException
    // The folder can fail with the same code.
    if (failure.code === 'EEXIST' && failure.syscall === 'link') return false
    throw new KeysUnreadable(file, describeFileError(failure))
  }
}

/**
 * Writes a new file that is complete as soon as it is there, for other processes that start meanwhile, and after a
 * crash. Each draft has a random name, so that a draft that a crash left is in nobody's way: a process id would not do,
 * because in containers every process has the same one.
 */
async function writeAtomically (file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  const draft = `${file}.${randomUUID()}`
  try {
    await writeFile(draft, text, { mode: 0o600, flag: 'wx', flush: true })
    await link(draft, file)
  } finally {
    await rm(draft, { force: true })
  }
}

function describeSchemaError ({ path, message, schema }: ValueError): string {
  return `${path || '/'}: ${schema === Permission ? `it must be one of the permissions ${PERMISSIONS.join(', ')}` : message}`
}

/**
 * Returns the keys of a key file by their ids.
 *
 * @throws {KeysUnreadable} when the file is missing, is not readable, or does not match its schema
 */
export async function readKeysFile (file: string): Promise<Map<string, Key>> {
  const text = await readFile(file, 'utf8').catch(error => { throw new KeysUnreadable(file, describeFileError(error)) })
  let keys: unknown
  try {
    keys = JSON.parse(text)
  } catch {
    // The message of the parser quotes the text, which has secrets.
    throw new KeysUnreadable(file, 'it is not JSON')
  }
  const error = Value.Errors(Keys, keys).First()
  if (error !== undefined) throw new KeysUnreadable(file, describeSchemaError(error))
  const keysById = new Map<string, Key>()
  for (const { id, secret, permissions } of keys as Static<typeof Keys>) {
    if (keysById.has(id)) throw new KeysUnreadable(file, `the id "${id}" is there twice`)
    keysById.set(id, { secret, permissions })
  }
  return keysById
}
