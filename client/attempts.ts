import type { Deadline } from './deadline.js'
import { getErrorMessage } from './error-message.js'
import { throwInvalidArgument } from './invalid-argument.js'
import type { Result } from './result.js'
import { RetryBudget } from './retry-budget.js'
import { advance, computeDelay, START, type DelayLimits, type Judge, type Judgement, type Progress } from './retry.js'
import { MAX_TIMEOUT_MS } from './timeout.js'

/** How a client retries requests. */
export interface RetryOptions {
  /** The maximum time of a call in milliseconds, including all attempts and delays. Default: 60,000. */
  deadline?: number | undefined
  /**
   * The maximum number of attempts of a call. An attempt does not count if the service is still executing another request
   * with the same key. Default: 5.
   */
  attempts?: number | undefined
  /** The maximum delay before the first retry, in milliseconds. It doubles with each retry. Default: 500. */
  baseDelay?: number | undefined
  /** The maximum delay before any retry, in milliseconds, unless `Retry-After` is longer. Default: 10,000. */
  maxDelay?: number | undefined
}

/** An attempt that is about to start. */
export interface AttemptEvent {
  /** The number of the attempt, from 1. */
  attempt: number
  /** The idempotency key of the call, if any. Save it before the first attempt, so that you can settle it after a crash. */
  idempotencyKey: string | undefined
  /** The result of the earlier attempts. Undefined before the first attempt. */
  result: Result | undefined
  /** The delay before the attempt, in milliseconds. */
  delay: number
}

/**
 * A function that is called before each attempt, and before its delay. The attempt waits for the returned promise. If the
 * function throws, nothing more is sent.
 */
export type OnAttempt = (event: AttemptEvent) => unknown

/** How a client retries requests, and the budget that limits its retries. */
export interface Retry extends DelayLimits {
  readonly deadline: number
  readonly attempts: number
  readonly budget: RetryBudget
}

/** An operation that is attempted until its outcome is known. */
export interface Operation {
  readonly idempotencyKey?: string | undefined
  readonly judge: Judge
  readonly onAttempt?: OnAttempt | undefined
  /** Whether the attempts go on until the deadline, even if the maximum number of attempts or the retry budget is used up. */
  readonly isPersistent: boolean
  /** Sends the request once. Does not reject. */
  readonly send: () => Promise<Result>
}

/**
 * Adds the defaults to the options, and creates the budget.
 *
 * @throws {TypeError} if an option is invalid
 */
export function resolveRetry ({ deadline = 60_000, attempts = 5, baseDelay = 500, maxDelay = 10_000 }: RetryOptions): Retry {
  const limits = { deadline, attempts, baseDelay, maxDelay }
  for (const [name, value] of Object.entries(limits)) {
    if (!(typeof value === 'number' && value >= 1 && value <= MAX_TIMEOUT_MS)) throwInvalidArgument(`retry.${name} must be a number from 1 to ${MAX_TIMEOUT_MS}`)
  }
  return { ...limits, budget: new RetryBudget() }
}

/**
 * Attempts an operation until its outcome is known, or a limit is reached.
 *
 * @param deadline ends the operation, even during a delay
 * @param retry how to retry. Without it, there is one attempt
 */
export async function runAttempts (operation: Operation, deadline: Deadline, retry: Retry | undefined): Promise<Judgement & { attempts: number }> {
  const endsAt = performance.now() + (retry?.deadline ?? 0)
  let progress: Progress = START
  let delay: number | undefined = 0
  while (true) {
    try {
      // Without an await, the first attempt starts before the call returns its promise.
      if (delay > 0 || operation.onAttempt !== undefined) await announce(operation, progress, delay, deadline)
    } catch (cause) {
      return advance(progress, { outcome: 'rejected', reason: getErrorMessage(cause), cause }, operation.judge)
    }
    const attempt = await operation.send()
    const judged = advance(progress, attempt, operation.judge)
    if (retry === undefined) return judged
    if (attempt.status !== undefined && attempt.outcome !== 'unknown') retry.budget.refund(judged.attempts > 1)

    delay = planRepetition(judged, operation, retry, deadline.signal.aborted ? 0 : endsAt - performance.now())
    if (delay === undefined) return judged
    progress = judged
  }
}

/** Calls `onAttempt`, and waits for the delay before the attempt. Rejects if the deadline passes first. */
async function announce ({ idempotencyKey, onAttempt }: Operation, { attempts, result }: Progress, delay: number, { race }: Deadline): Promise<void> {
  if (onAttempt !== undefined) await race(Promise.resolve(onAttempt({ attempt: attempts + 1, idempotencyKey, result, delay })))
  if (delay === 0) return
  let timer
  try {
    await race(new Promise(resolve => { timer = setTimeout(resolve, delay) }))
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Returns the delay before the next attempt in milliseconds; undefined if there is no next attempt.
 *
 * @param timeLeft the milliseconds until the deadline
 */
function planRepetition (progress: Progress & Judgement, { isPersistent }: Operation, retry: Retry, timeLeft: number): number | undefined {
  const delay = computeDelay(progress, retry)
  if (progress.next === 'end' || delay >= timeLeft) return undefined
  if (progress.next === 'wait') return delay
  if (!isPersistent && progress.failures >= retry.attempts) return undefined
  if (retry.budget.take()) return delay
  return isPersistent && retry.maxDelay < timeLeft ? Math.max(delay, retry.maxDelay) : undefined
}
