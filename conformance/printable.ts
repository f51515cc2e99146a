/**
 * Returns bytes as text for a report. Printable ASCII is unchanged except for
 * the backslash, a line feed becomes `\n` and a line break, and all other bytes
 * become escapes.
 *
 * @param maxBytes the maximum number of bytes to show. Default: 2000
 * @param length the total number of bytes, if `bytes` has only the first ones
 */
export function toPrintable (bytes: Uint8Array, maxBytes = 2000, length = bytes.length): string {
  let text = ''
  for (const byte of bytes.subarray(0, maxBytes)) text += ESCAPES[byte] ?? escapeByte(byte)
  return length > Math.min(maxBytes, bytes.length) ? `${text}… (${length} bytes)` : text
}

const ESCAPES: Record<number, string> = { 9: '\\t', 10: '\\n\n', 13: '\\r', 92: '\\\\' }

function escapeByte (byte: number): string {
  return byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
}
