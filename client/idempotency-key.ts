import { throwInvalidArgument } from './invalid-argument.js'

// As the service checks it. A URL cannot end with the segments "." and "..", so such a key could not be settled.
const KEY_PATTERN = /^(?!\.\.?$)[ -~]{1,255}$/

/**
 * Returns the key of a request, which is a new one for `true`.
 *
 * @throws {TypeError} if the key is invalid
 */
export function resolveKey (key: string | true | undefined): string | undefined {
  if (key === true) return createKey()
  if (key !== undefined && !(typeof key === 'string' && KEY_PATTERN.test(key))) {
    throwInvalidArgument('an idempotency key must have 1 to 255 characters of printable ASCII, and must not be "." or ".."')
  }
  return key
}

/** Returns the value of the header field `Idempotency-Key`: a string of RFC 9651 section 3.3.3. */
export function serializeKey (key: string): string {
  return `"${key.replace(/["\\]/g, '\\$&')}"`
}

/**
 * Returns a new key: a UUID of version 7 (RFC 9562 section 5.7). Its time tells the service when the key has expired.
 * `crypto.randomUUID()` is of version 4, and missing on pages without https.
 */
export function createKey (): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  const view = new DataView(bytes.buffer)
  const time = Date.now()
  view.setUint32(0, time / 2 ** 16)
  view.setUint16(4, time)
  bytes[6] = bytes[6] & 0x0f | 0x70
  bytes[8] = bytes[8] & 0x3f | 0x80
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
