import { randomBytes, randomUUID } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Static } from '@sinclair/typebox'
import { Value, type ValueError } from '@sinclair/typebox/value'
import { describeFileError } from '../../../lib/file-error.js'
import { Keys, Permission } from '../../../schemas/key.js'
import type { Key } from '../../signature/index.js'

const PERMISSIONS = Permission.anyOf.map(({ const: permission }) => permission)

/** Thrown if the key file cannot be read or created. The message has the reason, and never quotes the file. */
export class KeysUnreadable extends Error {
  constructor (file: string, reason: string) {
    super(`KEYS_FILE (${file}) cannot be used: ${reason}`)
  }
}

/**
 * Creates a key file with one key, `dev`, that has a random secret and every permission.
 *
 * @returns whether this process has created the file; `false` if another process was faster
 * @throws {KeysUnreadable} if the file cannot be written
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
    // mkdir() can fail with the same code.
    if (failure.code === 'EEXIST' && failure.syscall === 'link') return false
    throw new KeysUnreadable(file, describeFileError(failure))
  }
}

/**
 * Writes a new file that is complete as soon as it exists, so that other processes and a restart after a crash never see a part
 * of it. The draft has a random name, so that it cannot collide with a draft that a crash has left. A process id is not enough,
 * because in containers each process has the same id.
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
 * @throws {KeysUnreadable} if the file is missing, is not readable, or does not match its schema
 */
export async function readKeysFile (file: string): Promise<Map<string, Key>> {
  const text = await readFile(file, 'utf8').catch(error => { throw new KeysUnreadable(file, describeFileError(error)) })
  let keys: unknown
  try {
    keys = JSON.parse(text)
  } catch {
    // Do not use the message of the parser, which quotes the text with its secrets.
    throw new KeysUnreadable(file, 'it is not JSON')
  }
  const error = Value.Errors(Keys, keys).First()
  if (error !== undefined) throw new KeysUnreadable(file, describeSchemaError(error))
  const keysById = new Map<string, Key>()
  for (const { id, secret, permissions } of keys as Static<typeof Keys>) {
    if (keysById.has(id)) throw new KeysUnreadable(file, `two keys have the id "${id}"`)
    keysById.set(id, { secret, permissions })
  }
  return keysById
}
