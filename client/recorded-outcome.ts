import { getErrorMessage } from './error-message.js'
import { parseBody } from './response-body.js'
import type { Rejected, Result, Success, Unknown } from './result.js'
import { judgeQuestion, type Judgement } from './retry.js'

/** What the service knows of an idempotency key: the body of its routes `GET` and `PUT {outcomes}/KEY`. */
interface RecordedOutcome {
  state: 'executing' | 'succeeded' | 'rejected' | 'closed'
  statusCode: number
  reason?: string
  headers?: Record<string, string | string[]>
  body?: string
  bodyEncoding?: 'base64'
}

/** Judges an attempt to learn the outcome of a key. The result is that of the operation, not of the attempt. */
export function judgeOutcome (attempt: Result): Judgement {
  return attempt.outcome === 'success' ? { next: 'end', result: readOutcome(attempt) } : judgeQuestion(attempt)
}

function readOutcome ({ status, headers, body }: Success): Result {
  try {
    return toResult(body as RecordedOutcome)
  } catch (cause) {
    return { outcome: 'unknown', status, headers, reason: 'The response is not the outcome of an idempotency key. Check the option outcomes', cause }
  }
}

/** @throws {TypeError} if the outcome is malformed */
function toResult (outcome: RecordedOutcome): Result {
  const { state, statusCode } = outcome
  if (state === 'closed') return { outcome: 'rejected', reason: 'The idempotency key was closed. The operation did not happen and never will' }
  if (state === 'executing') return { outcome: 'unknown', reason: 'A request with this idempotency key is being executed' }
  if (typeof statusCode === 'number') {
    if (state === 'succeeded') return toAnswer(outcome)
    if (state === 'rejected') return toRejection(outcome)
  }
  throw new TypeError('The outcome has no known state, or no status code')
}

function toAnswer ({ statusCode: status, headers: fields, body, bodyEncoding }: RecordedOutcome): Success | Unknown {
  const headers = toHeaders(fields)
  try {
    return { outcome: 'success', status, headers, body: parseBody(decode(body ?? '', bodyEncoding), headers), replayed: true }
  } catch (cause) {
    return { outcome: 'unknown', status, headers, reason: getErrorMessage(cause), cause, replayed: true }
  }
}

function toRejection ({ statusCode: status, headers, reason = `HTTP status ${status}` }: RecordedOutcome): Rejected {
  return { outcome: 'rejected', status, headers: toHeaders(headers), reason, replayed: true }
}

function toHeaders (fields: RecordedOutcome['headers'] = {}): Headers {
  return new Headers(Object.entries(fields).flatMap(([name, values]) => [values].flat().map((value): [string, string] => [name, value])))
}

function decode (body: string, encoding: 'base64' | undefined): Uint8Array {
  return encoding === 'base64' ? Uint8Array.from(atob(body), character => character.charCodeAt(0)) : new TextEncoder().encode(body)
}
