import type { FinalState, NewRecord } from './record.js'

/** The values of the header field `Idempotency-Status`. */
export type IdempotencyStatus = FinalState | 'executing' | 'mismatch' | 'expired'

/** The reasons why the plugin responds to a request itself. */
export type RefusalName = 'keyMissing' | 'executing' | 'mismatch' | 'closed' | 'expired' | 'storeUnavailable' | 'tooManyInFlight' | 'commitUnknown' | 'timedOut' | 'nothingKnown'

/** What is known about a key: its record, or why there is none. */
export type Outcome = NewRecord | RefusalName

/** A response of the plugin. Refusals are never recorded. */
export interface Refusal {
  readonly statusCode: 400 | 404 | 422 | 503
  readonly reason: string
  /** The value of `Retry-After`, in seconds. */
  readonly retryAfter?: number | undefined
  /** The value of `Idempotency-Status`; undefined if the refusal says nothing about the key. */
  readonly idempotencyStatus?: IdempotencyStatus | undefined
}

// A transaction is short, so a client need not wait as long as for a service that is down.
const RETRY_AFTER_SECONDS = 1

/** The responses that the plugin sends instead of those of a handler. */
export const REFUSALS: Readonly<Record<RefusalName, Refusal>> = {
  keyMissing: {
    statusCode: 400,
    reason: 'The request must have an Idempotency-Key'
  },
  // Not 409: a 4xx would say that nothing happened.
  executing: {
    statusCode: 503,
    reason: 'Another request with this idempotency key is being executed. Retry to learn its outcome',
    retryAfter: RETRY_AFTER_SECONDS,
    idempotencyStatus: 'executing'
  },
  mismatch: {
    statusCode: 422,
    reason: 'The idempotency key was used for another request. This request did nothing',
    idempotencyStatus: 'mismatch'
  },
  closed: {
    statusCode: 422,
    reason: 'The idempotency key was closed. The operation did not happen and never will',
    idempotencyStatus: 'closed'
  },
  expired: {
    statusCode: 422,
    reason: 'The idempotency key has expired. The outcome of its operation is no longer known',
    idempotencyStatus: 'expired'
  },
  storeUnavailable: {
    statusCode: 503,
    reason: 'The idempotency store is unavailable. This request was not executed',
    retryAfter: RETRY_AFTER_SECONDS
  },
  tooManyInFlight: {
    statusCode: 503,
    reason: 'Too many requests with idempotency keys are in progress. This request was not executed',
    retryAfter: RETRY_AFTER_SECONDS
  },
  commitUnknown: {
    statusCode: 503,
    reason: 'The result of the commit is unknown. Repeat the request with the same key to learn it',
    retryAfter: RETRY_AFTER_SECONDS
  },
  timedOut: {
    statusCode: 503,
    reason: 'The request took too long and was rolled back. Repeat it with the same key',
    retryAfter: RETRY_AFTER_SECONDS
  },
  /** The response of an outcome route for a key without a record. */
  nothingKnown: {
    statusCode: 404,
    reason: 'Nothing is known of this idempotency key. Its request may still arrive'
  }
}
