import type { Result, Unknown } from './result.js'

/**
 * What the client does after an attempt:
 *
 * - `end`: nothing. The result is final, or a retry would not change it.
 * - `repeat`: retries the request, within the limits of the client.
 * - `wait`: retries the request until another request with the same key, which is being executed, has ended.
 */
export type Next = 'end' | 'repeat' | 'wait'

/** An attempt that may have succeeded. */
export interface Doubt {
  readonly attempt: number
  readonly reason: string
}

/** What the attempts so far show about the operation, and what the client does next. */
export interface Judgement {
  readonly next: Next
  readonly result: Result
}

/**
 * Judges an attempt.
 *
 * @param number the number of the attempt, from 1
 * @param doubt the last earlier attempt that may have succeeded, if there is one
 */
export type Judge = (attempt: Result, number: number, doubt: Doubt | undefined) => Judgement

/** The state of an operation after its attempts so far. */
export interface Progress {
  readonly attempts: number
  /** The number of attempts that were not followed by `wait`. */
  readonly failures: number
  readonly doubt: Doubt | undefined
  readonly next: Next
  /** Absent before the first attempt. */
  readonly result?: Result
}

/** The delays between attempts, in milliseconds. */
export interface DelayLimits {
  /** The maximum delay before the first retry. It doubles with each retry. */
  readonly baseDelay: number
  readonly maxDelay: number
}

export const START: Progress = { attempts: 0, failures: 0, doubt: undefined, next: 'repeat' }

/** Returns the progress after one more attempt. */
export function advance ({ attempts, failures, doubt }: Progress, attempt: Result, judge: Judge): Progress & Judgement {
  const number = attempts + 1
  const { next, result } = judge(attempt, number, doubt)
  return {
    attempts: number,
    failures: next === 'wait' ? failures : failures + 1,
    doubt: attempt.outcome === 'unknown' ? { attempt: number, reason: attempt.reason } : doubt,
    next,
    result
  }
}

// The idempotent methods (RFC 9110 section 9.2.2), without OPTIONS and TRACE, which services do not use for operations.
const IDEMPOTENT_METHOD = /^(?:GET|HEAD|PUT|DELETE)$/i

/** What the caller can do if the service refuses a key, by the `Idempotency-Status` of the response. */
const ADVICE = new Map([
  ['expired', 'The idempotency key has expired, so its outcome is no longer known. Check the resource before you use a new key'],
  ['mismatch', 'The idempotency key was used for another request. Ask look() for its outcome, and check the resource before you use a new key']
])

/** Returns the function that judges the attempts of a call. */
export function createJudge (method: string, isKeyed: boolean): Judge {
  const isRepeatable = isKeyed || IDEMPOTENT_METHOD.test(method)

  return function judge (attempt, number, doubt) {
    if (attempt.outcome === 'success') return { next: 'end', result: attempt }
    const status = isKeyed ? getIdempotencyStatus(attempt) : ''
    if (attempt.outcome === 'unknown') {
      return { next: !isRepeatable ? 'end' : status === 'executing' ? 'wait' : 'repeat', result: attempt }
    }

    if (doubt === undefined) return { next: wasNotSent(attempt) ? 'repeat' : 'end', result: attempt }
    // Other rejections are about this attempt only. These come from the record of the key, which is about all attempts.
    if (status === 'rejected' || status === 'closed') return { next: 'end', result: attempt }
    return {
      next: mayChange(attempt) ? 'repeat' : 'end',
      result: toUnknown(attempt, ADVICE.get(status) ?? `Attempt ${doubt.attempt}: ${doubt.reason}. Attempt ${number}: ${attempt.reason}`)
    }
  }
}

/** A result other than a success. */
export type Failure = Exclude<Result, { outcome: 'success' }>

/** Judges a failed attempt to read the outcome of a key. The outcome of the operation stays unknown. */
export function judgeQuestion (attempt: Failure): Judgement {
  const status = getIdempotencyStatus(attempt)
  return {
    next: status === 'executing' ? 'wait' : attempt.outcome === 'unknown' || mayChange(attempt) ? 'repeat' : 'end',
    result: toUnknown(attempt, ADVICE.get(status) ?? attempt.reason)
  }
}

function getIdempotencyStatus ({ headers }: Result): string {
  return headers?.get('idempotency-status') ?? ''
}

function wasNotSent ({ outcome, status }: Result): boolean {
  return outcome === 'rejected' && status === undefined
}

/** Returns whether a retry can change a rejection: the attempt was not sent, or its response has `Retry-After`. */
function mayChange (attempt: Failure): boolean {
  return wasNotSent(attempt) || attempt.retryAfter !== undefined
}

function toUnknown (attempt: Failure, reason: string): Unknown {
  return { ...attempt, outcome: 'unknown', reason }
}

// The client must wait even if it cannot read Retry-After: on a page of another origin, unless the service exposes the field.
const MIN_WAIT_SECONDS = 1

/**
 * Returns the delay before the next attempt in milliseconds: exponential backoff with full jitter, or the delay of
 * `Retry-After` if that is longer.
 *
 * @param random returns a number from 0 up to, but not including, 1
 */
export function computeDelay ({ next, failures, result }: Pick<Progress & Judgement, 'next' | 'failures' | 'result'>, { baseDelay, maxDelay }: DelayLimits, random = Math.random): number {
  const backoff = random() * Math.min(maxDelay, baseDelay * 2 ** (failures - 1))
  const { retryAfter = 0 } = result as Failure
  return Math.max(backoff, 1000 * Math.max(retryAfter, next === 'wait' ? MIN_WAIT_SECONDS : 0))
}
