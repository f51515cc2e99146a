const BREAKS = /[\p{Cc}\u2028\u2029]/gu

/** Returns a text with its control characters and line separators as the escapes of JSON (RFC 8259 section 7), on one line. */
export function oneLine (text: string): string {
  return text.replace(BREAKS, escape)
}

function escape (character: string): string {
  const escaped = JSON.stringify(character).slice(1, -1)
  // JSON leaves some of them as they are.
  return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped
}
