/** Matches each character that steers a terminal, ends a line, or changes the direction of the text. */
export const CONTROL = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** Returns a text with each character of {@link CONTROL} as an escape of JSON (RFC 8259 section 7), on one line. */
export function oneLine (text: string): string {
  return text.replace(CONTROL, escape)
}

function escape (character: string): string {
  const escaped = JSON.stringify(character).slice(1, -1)
  // JSON leaves some of them as they are.
  return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped
}
