/**
 * Returns bytes as text for a report: printable ASCII as it is, a line feed
 * with a line break after it, and all other bytes as escapes.
 *
 * @param maxBytes the most bytes to show. Default: 2000
 * @param length how many bytes there were, if `bytes` has only the first ones
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
