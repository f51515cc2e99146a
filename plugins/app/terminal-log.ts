import { escapeControls } from '../../lib/control-characters.js'

/**
 * Returns a stream that prints the JSON lines of a log for a person who reads them on a terminal.
 *
 * Without the escapes, a text of a request could print a line that looks like a line of this service, or control the
 * terminal: pino-pretty prints the line ends of a message, and the control characters of a stack and of some other
 * fields, as they are.
 */
export async function createTerminalStream (): Promise<{ write (json: string): void }> {
  const { default: pretty } = await import('pino-pretty')
  // A log line without a message gets an empty one.
  const lines = pretty({ sync: true, messageFormat: (line, messageKey) => escapeControls([line[messageKey]].join()) })
  return { write (json) { lines.write(escapeJsonControls(json)) } }
}

// Matches the escapes of JSON, and the control characters that JSON leaves as they are. The first group has the escapes
// to keep: \", \\ and \n.
const CONTROLS = /\\(["\\n])|\\(?:u[\da-f]{4}|.)|[\u007f-\u009f\u2028\u2029]/g

/**
 * Returns a JSON text in which each control character and each line separator is escaped twice, so that the parsed text
 * shows the escape. Line feeds stay, because a stack has some.
 */
export function escapeJsonControls (json: string): string {
  return json.replace(CONTROLS, (found, kept) => kept === undefined ? `\\${found.length > 1 ? found : escapeControls(found)}` : found)
}
