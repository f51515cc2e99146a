/**
 * Bytes for a person to read: printable ASCII as it is, a line feed with a
 * line break behind it, everything else as an escape. Of what is longer than
 * `limit` bytes, the end is left out.
 *
 * @param length how many bytes there were, if `bytes` are but the first
 */
export function printable (bytes: Uint8Array, limit = 2000, length = bytes.length): string {
  let text = ''
  for (const byte of bytes.subarray(0, limit)) text += ESCAPES[byte] ?? escape(byte)
  return length > Math.min(limit, bytes.length) ? `${text}… (${length} bytes)` : text
}

const ESCAPES: Record<number, string> = { 9: '\\t', 10: '\\n\n', 13: '\\r', 92: '\\\\' }

function escape (byte: number): string {
  return byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
}
