import { throwInvalidArgument } from './invalid-argument.js'

// The keys that the service accepts, except "." and "..": a URL cannot end with them, so such a key could not be settled.
const KEY_PATTERN = /^(?!\.\.?$)[ -~]{1,255}$/

/**
 * Returns the key of a request. Creates a new key for `true`.
 *
 * @throws {TypeError} if the key is invalid
 */
export function resolveKey (key: string | true | undefined): string | undefined {
  return key === undefined ? key : key === true ? createKey() : checkKey(key)
}

/**
 * Returns a key if it is valid.
 *
 * @throws {TypeError} if it is invalid
 */
export function checkKey (key: string): string {
  if (typeof key !== 'string' || !KEY_PATTERN.test(key)) throwInvalidArgument('idempotencyKey must have 1 to 255 characters of printable ASCII, and not be "." or ".."')
  return key
}

/** Returns the value of the header field `Idempotency-Key`: a string of RFC 9651 section 3.3.3. */
export function serializeKey (key: string): string {
  return `"${key.replace(/["\\]/g, '\\$&')}"`
}

/**
 * Returns a new key: a UUID of version 7 (RFC 9562 section 5.7) with 72 random bits. From its time, the service knows when
 * the key has expired. `crypto.randomUUID()` returns version 4, and is missing on pages without https.
 */
export function createKey (): string {
  const time = Date.now().toString(16).padStart(12, '0')
  const random = Array.from(crypto.getRandomValues(new Uint8Array(18)), byte => (byte % 16).toString(16)).join('')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-8${random.slice(3, 6)}-${random.slice(6)}`
}
