/** Matches each character that controls a terminal, ends a line, or changes the direction of text. */
export const CONTROL_CHARACTERS = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** Returns a text on one line: {@link CONTROL_CHARACTERS} are replaced with JSON escapes (RFC 8259 section 7). */
export function escapeControls (text: string): string {
  return text.replace(CONTROL_CHARACTERS, escapeCharacter)
}

// Matches the escapes in a JSON text, and the control characters that JSON does not escape. The first group has the escapes to keep: \", \\ and \n.
const JSON_CONTROLS = /\\(["\\n])|\\(?:u[\da-f]{4}|.)|[\u007f-\u009f\u2028\u2029]/g

/**
 * Returns a JSON text whose control characters and line separators are escaped twice. When a program parses and prints
 * the JSON, they appear as escapes. Line feeds are kept, because stack traces have them.
 */
export function escapeJsonControls (json: string): string {
  return json.replace(JSON_CONTROLS, (match, kept) => kept === undefined ? `\\${match.length > 1 ? match : escapeCharacter(match)}` : match)
}

function escapeCharacter (character: string): string {
  const escaped = JSON.stringify(character).slice(1, -1)
  // JSON.stringify does not escape all control characters.
  return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}` : escaped
}
