/** Matches each character that controls a terminal, ends a line, or changes the direction of text. */
export const CONTROL_CHARACTERS = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** Returns a text on one line: {@link CONTROL_CHARACTERS} are replaced with JSON escapes (RFC 8259 section 7). */
export function escapeControls (text: string): string {
  return text.replace(CONTROL_CHARACTERS, escapeCharacter)
}

function escapeCharacter (character: string): string {
  const escaped = JSON.stringify(character).slice(1, -1)
  // JSON.stringify does not escape all control characters.
  return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped
}
