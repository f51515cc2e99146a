import { STATUS_CODES } from 'node:http'
import { startOf } from './message.js'

// How programs of several languages print the calls that led to an error. Each
// part of a line that is skipped is bounded, so that no text takes long.
const STACK_TRACE = new RegExp([
  String.raw`\bat [^\n]{0,300}?(?:\.[a-z]\w{0,4}|>|node:[\w/.-]{1,100}):\d+:\d+`, // JavaScript
  String.raw`\bat [\w$.<>]{1,300}\([\w$]{1,100}\.\w{1,6}:\d+\)`, // Java, on one line
  String.raw`(?:\n|\\n)(?:[ \t]|\\t){0,16}at [\w$.<>\[\]` + '`' + String.raw`]{1,300}\(`, // Java and .NET, a line for each call
  String.raw`Traceback \(most recent call last\)|File \\?"[^"\n]{1,300}", line \d+`, // Python
  String.raw`Stack trace:|#0 [^\n]{1,300}\(\d+\)`, // PHP
  String.raw`goroutine \d+ \[`, // Go
  String.raw`\.rb:\d+:in `, // Ruby
  String.raw`stack backtrace:` // Rust
].join('|'))

// Members that a serialised error has, and a message for people does not.
const TRACES = ['stack', 'stackTrace', 'exception']

// The format of Fastify and of @hapi/boom, inside of another text.
const SERIALIZED_ERROR = /"(?:statusCode|stack)\\?"\s{0,10}:/

/** Returns whether a text has a stack trace in it. Looks at its first 64 Ki characters. */
export function hasStackTrace (text: string): boolean {
  return STACK_TRACE.test(startOf(text))
}

/**
 * Returns whether a body is what a program made of an error, rather than what
 * somebody wrote for a client: the format of Fastify's error serializer
 * (`statusCode`, `error` and `message`) with any status code, another
 * serialised error, or a text with a stack trace.
 */
export function isErrorReport (body: string | Uint8Array): boolean {
  const text = startOf(body)
  if (STACK_TRACE.test(text)) return true
  if (text[0] !== '{' && text[0] !== '[' && text[0] !== '"') return SERIALIZED_ERROR.test(text)
  try {
    return isReportValue(JSON.parse(text))
  } catch {
    return SERIALIZED_ERROR.test(text)
  }
}

/** The places of a value that {@link messageIn} takes a message from. */
function isReportValue (value: unknown): boolean {
  // JSON in a text in JSON.
  if (typeof value === 'string') return isErrorReport(value)
  const { error, errors } = Object(value) as { error?: unknown, errors?: unknown }
  return isReportObject(value) || isReportObject(error) || (Array.isArray(errors) && isReportObject(errors[0]))
}

function isReportObject (value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { statusCode, status, error, message, name } = value as Record<string, unknown>
  return (typeof (statusCode ?? status) === 'number' && typeof error === 'string' && typeof message === 'string') ||
    (typeof name === 'string' && /(?:Error|Exception)$/.test(name)) ||
    TRACES.some(member => Object.hasOwn(value, member))
}

/** Returns whether a body is what Fastify serialises of an error with this status code. */
export function isSerializedError (statusCode: number, body: unknown): boolean {
  if (typeof body !== 'string' || body[0] !== '{') return false
  try {
    const error = JSON.parse(body)
    return error.statusCode === statusCode && error.error === STATUS_CODES[statusCode]
  } catch {
    return false
  }
}
