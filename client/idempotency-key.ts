import { throwInvalidArgument } from './invalid-argument.js'

// As the service checks it. A URL cannot end with the segments "." and "..", so such a key could not be settled.
const KEY_PATTERN = /^(?!\.\.?$)[ -~]{1,255}$/

/**
 * Returns the key of a request, which is a new one for `true`.
 *
 * @throws {TypeError} if the key is invalid
 */
export function resolveKey (key: string | true | undefined): string | undefined {
  return key === undefined ? key : key === true ? createKey() : checkKey(key)
}

/** @throws {TypeError} if the key is invalid */
export function checkKey (key: string): string {
  if (typeof key !== 'string' || !KEY_PATTERN.test(key)) throwInvalidArgument('idempotencyKey must have 1 to 255 characters of printable ASCII, and not be "." or ".."')
  return key
}

/** Returns the value of the header field `Idempotency-Key`: a string of RFC 9651 section 3.3.3. */
export function serializeKey (key: string): string {
  return `"${key.replace(/["\\]/g, '\\$&')}"`
}

/**
 * Returns a new key: a UUID of version 7 (RFC 9562 section 5.7) with 72 random bits. Its time tells the service when the
 * key has expired. `crypto.randomUUID()` is of version 4, and missing on pages without https.
 */
export function createKey (): string {
  const time = Date.now().toString(16).padStart(12, '0')
  const random = Array.from(crypto.getRandomValues(new Uint8Array(18)), byte => (byte % 16).toString(16)).join('')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6)}`
}
