import { createHmac, timingSafeEqual } from 'node:crypto'
import { ServiceUnavailable } from '../service-unavailable.js'
import { isPromise, withTimeLimit } from '../time-limit.js'
import type { SignatureSettings } from './options.js'

/** A secret: bytes, or a string, which stands for its UTF-8 bytes. */
export type Secret = string | Uint8Array

/** A key, as the option `keys` returns it. */
export interface Key {
  /** The secret of the key, or several secrets while a new one replaces an old one. */
  secret: Secret | Secret[]
  /** The permissions of the holder, as routes name them. */
  permissions: readonly string[]
}

/** The key that a request was signed with. */
export interface VerifiedKey {
  id: string
  permissions: readonly string[]
}

/** The properties of a key, each read once. */
export interface KeyMaterial {
  readonly secrets: readonly Secret[]
  readonly permissions: readonly string[]
}

/**
 * Returns the key of an id; undefined if there is none.
 *
 * @throws {ServiceUnavailable} if `keys` does not settle in time
 * @throws what `keys` throws
 */
export async function lookUpKey (keyId: string, { keys, keysTimeout }: SignatureSettings): Promise<Key | undefined> {
  const key = keys(keyId)
  // Many stores return null for a key that they do not have.
  return (isPromise(key) ? await withTimeLimit(key, keysTimeout, () => createTimeoutError(keysTimeout)) : key) ?? undefined
}

function createTimeoutError (timeout: number): ServiceUnavailable {
  return new ServiceUnavailable('Keys cannot be looked up for now', { cause: new Error(`keys() did not answer within ${timeout} ms`) })
}

/**
 * Reads each property of a key once, because it can be a getter.
 *
 * @throws {TypeError} if the key is malformed
 */
export function readKey ({ secret, permissions }: Key): KeyMaterial {
  const secrets = Array.isArray(secret) ? secret : [secret]
  if (secrets.length === 0 || !secrets.every(isSecret) || !Array.isArray(permissions)) {
    throw new TypeError('fastify-reason-phrase: keys() must return { secret, permissions }: secret is a non-empty string or bytes, or an array of them, and permissions is an array')
  }
  return { secrets, permissions }
}

function isSecret (secret: unknown): boolean {
  return (typeof secret === 'string' || secret instanceof Uint8Array) && secret.length > 0
}

/** Returns whether one of the secrets made this MAC. Every secret is tried, so that the time does not reveal which one. */
export function verifyMac (mac: Uint8Array, secrets: readonly Secret[], signatureBase: string): boolean {
  let isValid = false
  for (const secret of secrets) isValid = isMacOf(mac, secret, signatureBase) || isValid
  return isValid
}

function isMacOf (mac: Uint8Array, secret: Secret, signatureBase: string): boolean {
  // Field values are bytes, and Node decodes them as latin1.
  // Node takes the buffer of a string from its pool. This takes a third of the time of a buffer that digest() creates.
  const expected = Buffer.from(createHmac('sha256', secret).update(signatureBase, 'latin1').digest('binary'), 'binary')
  return mac.length === expected.length && timingSafeEqual(mac, expected)
}
