import { escapeControls } from '../../lib/control-characters.js'

/**
 * Returns a stream that prints the JSON lines of a log in a readable form on a terminal.
 *
 * The stream escapes control characters, because pino-pretty prints them unchanged in some fields. Without the escapes, a text
 * from a request could imitate a log line of this service, or control the terminal.
 */
export async function createTerminalStream (): Promise<{ write (json: string): void }> {
  const { default: pretty } = await import('pino-pretty')
  // If a line has no message, join() makes an empty string of undefined.
  const lines = pretty({ sync: true, messageFormat: (line, messageKey) => escapeControls([line[messageKey]].join()) })
  return { write (json) { lines.write(escapeJsonControls(json)) } }
}

// Matches the escapes of JSON, and the control characters that JSON does not escape. The first group has the escapes to keep:
// \", \\ and \n.
const CONTROLS = /\\(["\\n])|\\(?:u[\da-f]{4}|.)|[\u007f-\u009f\u2028\u2029]/g

/**
 * Returns a JSON text in which each control character and each line separator is escaped twice, so that the parsed text contains
 * the escape. Line feeds are kept, because stacks contain them.
 */
export function escapeJsonControls (json: string): string {
  return json.replace(CONTROLS, (found, kept) => kept === undefined ? `\\${found.length > 1 ? found : escapeControls(found)}` : found)
}
