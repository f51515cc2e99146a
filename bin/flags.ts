import { KEY_VARIABLE } from './key.js'

/** A flag of a command. `parseArgs` uses the type and the names; the help prints the other properties. */
export interface Flag {
  readonly type: 'string' | 'boolean'
  readonly short?: string
  readonly multiple?: true
  readonly default?: string
  /** The placeholder for the value in the help, such as `FILE`. Absent for a boolean. */
  readonly value?: string
  /** The description of the flag in the help. */
  readonly text: string
}

/** The flags of a command by their names. */
export type Flags = Readonly<Record<string, Flag>>

/** The flags of every command. */
export const COMMON_FLAGS = {
  help: { type: 'boolean', short: 'h', text: 'print this help' },
  version: { type: 'boolean', short: 'V', text: 'print the version of the package' }
} as const satisfies Flags

/** The flags of every command that sends or signs requests. */
export const REQUEST_FLAGS = {
  key: { type: 'string', value: 'KEY', text: 'sign the request with a key' },
  header: { type: 'string', short: 'H', multiple: true, value: "'NAME: VALUE'", text: 'send a header field; can be repeated' }
} as const satisfies Flags

/** The flags that describe one request. */
export const BODY_FLAGS = {
  method: { type: 'string', short: 'X', value: 'METHOD', text: 'the method of the request, instead of METHOD' },
  data: { type: 'string', short: 'd', multiple: true, value: 'BODY', text: 'send BODY; @FILE sends a file, @- sends standard input. Without a Content-Type in --header, BODY must be JSON' },
  'idempotency-key': { type: 'string', value: 'KEY', text: 'execute the request only once, even if it is sent several times; auto creates a key' }
} as const satisfies Flags

/** The flag that sets the name of the header field with the reason. */
export const REASON_HEADER_FLAG = {
  'reason-header': { type: 'string', value: 'NAME', text: 'the header field with the reason (EB-REASON-PHRASE)' }
} as const satisfies Flags

/** The flag that sets the path of the outcome routes. */
export const OUTCOMES_FLAG = {
  outcomes: { type: 'string', value: 'PATH', text: 'the path of the outcome routes (/v2/operation)' }
} as const satisfies Flags

/** The flags of every command that prints an outcome. */
export const OUTCOME_FLAGS = {
  ...REASON_HEADER_FLAG,
  ...OUTCOMES_FLAG,
  retry: { type: 'string', value: 'DURATION', text: 'retry the request for at most this time until the outcome is known, and report each attempt on standard error' },
  timeout: { type: 'string', value: 'DURATION', text: 'the maximum duration of one attempt (no limit)' },
  'max-response-size': { type: 'string', value: 'N', text: 'the maximum size of the response body, in bytes (16 MiB)' },
  include: { type: 'boolean', short: 'i', text: 'print the status line and the header fields of the response before its body' },
  output: { type: 'string', short: 'o', value: 'FILE', text: 'write the body of a success to FILE; - is standard output' },
  json: { type: 'boolean', text: 'print one line of JSON; bytes are in base64' }
} as const satisfies Flags

const KEY_FORMS = [
  ['FILE', 'the first key of a JSON array of { id, secret, permissions }'],
  ['FILE#ID', 'the key with this id in such a file'],
  ['-', 'ID:SECRET, or the content of such a file, on standard input'],
  ['ID:SECRET', 'the key itself; other users can see it in the process list']
] as const

/** The lines of the help that describe the forms of a key. */
export const KEY_HELP = `A key for --key is one of
${KEY_FORMS.map(([form, meaning]) => `    ${form.padEnd(11)}${meaning}`).join('\n')}
Without --key, the environment variable ${KEY_VARIABLE} is
read: FILE, FILE#ID or ID:SECRET. Without both, requests are not signed.`

/** The lines of the help that describe durations. */
export const DURATION_HELP = `Examples of a DURATION: 500ms, 60s, 2m, 1h. Without a unit, --retry is in
seconds, and --timeout is in milliseconds.`

/** The lines of the help that describe the output of a command that prints an outcome. */
export const OUTPUT_HELP = `On a terminal, the outcome and the body are printed. If standard
output is a pipe or a file, it gets only the body of a success, byte for byte,
and the outcome is printed to standard error.`

/** The lines of the help that describe exit codes. */
export const EXIT_CODE_HELP = `Exit code: 0 success; 1 rejected, the operation did not happen; 2 unknown, the
operation may or may not have happened; 64 invalid arguments.`
