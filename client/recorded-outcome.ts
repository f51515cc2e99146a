import { getErrorMessage } from './error-message.js'
import { parseBody } from './response-body.js'
import type { Result, Success } from './result.js'
import { judgeQuestion, type Judgement } from './retry.js'

/** What the service knows about an idempotency key: the response body of its routes `GET` and `PUT {outcomes}/KEY`. */
export interface RecordedOutcome {
  state: 'executing' | 'succeeded' | 'rejected' | 'closed'
  statusCode: number
  reason: string
  headers?: Record<string, string | string[]>
  body?: string
  bodyEncoding?: 'base64'
}

/** Judges an attempt to read the outcome of a key. The result describes the operation, not the attempt. */
export function judgeOutcome (attempt: Result): Judgement {
  return attempt.outcome === 'success' ? { next: 'end', result: readOutcome(attempt) } : judgeQuestion(attempt)
}

function readOutcome (answer: Success): Result {
  try {
    return toResult(answer.body as RecordedOutcome)
  } catch (cause) {
    return { ...answer, outcome: 'unknown', reason: `The outcome of the idempotency key cannot be read: ${getErrorMessage(cause)}`, cause }
  }
}

/** @throws {Error} if the outcome is malformed, or if the recorded body cannot be parsed */
function toResult ({ state, statusCode: status, reason, headers: fields = {}, ...recorded }: RecordedOutcome): Result {
  if (state === 'closed') return { outcome: 'rejected', reason: 'The idempotency key was closed. The operation did not happen and never will' }
  if (state === 'executing') return { outcome: 'unknown', reason: 'A request with this idempotency key is being executed' }
  const headers = new Headers(Object.entries(fields).flatMap(([name, values]) => [values].flat().map((value): [string, string] => [name, value])))
  if (state === 'rejected') return { outcome: 'rejected', status, headers, reason, replayed: true }
  if (state === 'succeeded') return { outcome: 'success', status, headers, body: parseBody(decodeRecordedBody(recorded), headers), replayed: true }
  throw new TypeError(`its state is ${state}`)
}

/** Returns the bytes of a recorded body. */
export function decodeRecordedBody ({ body = '', bodyEncoding }: Pick<RecordedOutcome, 'body' | 'bodyEncoding'>): Uint8Array {
  return bodyEncoding === 'base64' ? Uint8Array.from(atob(body), character => character.charCodeAt(0)) : new TextEncoder().encode(body)
}
