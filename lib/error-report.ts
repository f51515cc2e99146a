import { STATUS_CODES } from 'node:http'
import { decodeStart } from './message.js'

/**
 * Matches the stack traces of several languages. The parts of a line that are skipped have a maximum length, so that no text
 * takes long to match.
 */
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

/** Members that only a serialized error has. */
const TRACE_MEMBERS = ['stack', 'stackTrace', 'exception']

/** Matches an error that Fastify or @hapi/boom serialized, within another text. */
const SERIALIZED_ERROR = /"(?:statusCode|stack)\\?"\s{0,10}:/

/** Returns whether a text contains a stack trace in its first 64 Ki characters. */
export function hasStackTrace (text: string): boolean {
  return STACK_TRACE.test(decodeStart(text))
}

/**
 * Returns whether a program created a body from an error, and no person wrote it for clients. Such a body has the format of
 * Fastify's error serializer (`statusCode`, `error` and `message`) with any status code, is another serialized error, or
 * contains a stack trace.
 */
export function isErrorReport (body: string | Uint8Array): boolean {
  const text = decodeStart(body)
  if (STACK_TRACE.test(text)) return true
  if (text[0] !== '{' && text[0] !== '[' && text[0] !== '"') return SERIALIZED_ERROR.test(text)
  try {
    return isReportValue(JSON.parse(text))
  } catch {
    return SERIALIZED_ERROR.test(text)
  }
}

/** Returns whether a value is a report in one of the places where {@link messageFromBody} finds a message. */
function isReportValue (value: unknown): boolean {
  // The text itself can be JSON.
  if (typeof value === 'string') return isErrorReport(value)
  const { error, errors } = Object(value) as { error?: unknown, errors?: unknown }
  return isReportObject(value) || isReportObject(error) || (Array.isArray(errors) && isReportObject(errors[0]))
}

function isReportObject (value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { statusCode, status, error, message, name } = value as Record<string, unknown>
  return (typeof (statusCode ?? status) === 'number' && typeof error === 'string' && typeof message === 'string') ||
    (typeof name === 'string' && /(?:Error|Exception)$/.test(name)) ||
    TRACE_MEMBERS.some(member => Object.hasOwn(value, member))
}

/** Returns whether Fastify serialized a body from an error with this status code. */
export function isSerializedError (statusCode: number, body: unknown): boolean {
  if (typeof body !== 'string' || body[0] !== '{') return false
  try {
    const error = JSON.parse(body)
    return error.statusCode === statusCode && error.error === STATUS_CODES[statusCode]
  } catch {
    return false
  }
}
