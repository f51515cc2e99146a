const MAX_LENGTH = 255
const PRINTABLE = /^[ -~]*$/

// A string of RFC 9651 section 3.3.3. The text can match in one way only, so matching takes linear time.
const QUOTED = /^"[ !#-[\]-~]*(?:\\["\\][ !#-[\]-~]*)*"$/
// A bare key has no comma, because a proxy joins two lines of a field with a comma.
const BARE = /^[ !#-+\--~]*$/
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i

/** Reports an `Idempotency-Key` that is not valid: 400. */
export class InvalidKey extends Error {
  statusCode = 400
}

/**
 * Returns the key of the header field `Idempotency-Key`. The key is a string of
 * a structured field, as in draft-ietf-httpapi-idempotency-key-header-07, or the
 * bare value: `"a"` and `a` are the same key.
 *
 * @param lines the values of all lines of the field, without whitespace around them
 * @throws {InvalidKey} if there are several lines, or if the key is malformed, empty, or has over 255 characters
 */
export function parseKey ([line, ...others]: readonly string[]): string {
  if (others.length > 0) throw new InvalidKey('The request must have one Idempotency-Key, not several')
  return checkLength(decode(line))
}

/**
 * Checks a key from a path. Unlike in the header field, it has no quotes and no escapes.
 *
 * @throws {InvalidKey} if no request can have the key
 */
export function checkKey (key: string): void {
  if (!PRINTABLE.test(key)) throw new InvalidKey('The idempotency key must be printable ASCII')
  checkLength(key)
}

function checkLength (key: string): string {
  if (key === '') throw new InvalidKey('The Idempotency-Key must not be empty')
  if (key.length > MAX_LENGTH) throw new InvalidKey(`The Idempotency-Key must have at most ${MAX_LENGTH} characters`)
  return key
}

function decode (value: string): string {
  if (QUOTED.test(value)) return value.slice(1, -1).replace(/\\(.)/g, '$1')
  if (BARE.test(value)) return value
  throw new InvalidKey('The Idempotency-Key must be printable ASCII without quotes and commas, or a quoted string')
}

/**
 * Returns the time of a key that is a UUID of version 7 (RFC 9562 section 5.7), in milliseconds since 1970; undefined for
 * other keys.
 */
export function getKeyTime (key: string): number | undefined {
  return UUID_V7.test(key) ? Number.parseInt(key.slice(0, 8) + key.slice(9, 13), 16) : undefined
}
