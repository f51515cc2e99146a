/** The most bytes of a message's body. */
export const BODY_LIMIT = 256 * 1024

/** The most levels of arrays and objects in a JSON body (RFC 8259 section 9 lets a receiver set a limit). */
export const DEPTH_LIMIT = 256

/** The bytes of a JSON value: its text. Undefined where they would not read back as the same value. */
export function fromJson (value: unknown): Buffer | undefined {
  return isFaithful(value, 0) ? Buffer.from(JSON.stringify(value)) : undefined
}

/** The bytes that a base64 text means (RFC 4648 section 4). Undefined where it is none. */
export function fromBase64 (value: unknown): Buffer | undefined {
  if (typeof value !== 'string') return undefined
  const bytes = Buffer.from(value, 'base64')
  // Node skips what is not base64, and takes what is not padded.
  return bytes.toString('base64') === value ? bytes : undefined
}

// The parser makes 1e999 an Infinity, which has no text, and goes deeper than the serialiser can follow.
function isFaithful (value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  return depth < DEPTH_LIMIT && Object.values(value).every(item => isFaithful(item, depth + 1))
}
