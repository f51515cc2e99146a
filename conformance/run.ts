import { isUnsuccessful } from '../lib/status-codes.js'
import { stray } from './assert-contract.js'
import { exchange, type Exchange } from './exchange.js'
import { exchangeHttp2 } from './exchange-http2.js'
import { isLast, type Probe } from './probe.js'
import { EXCHANGE, judge, type Violation } from './rules.js'
import type { Target } from './target.js'

/** What became of a probe. */
export interface Result {
  readonly probe: Probe
  readonly exchange: Exchange
  /** None, where the server keeps the contract. */
  readonly violations: readonly Violation[]
}

// How long a server is waited for that need not answer, in milliseconds.
const FREE_TIMEOUT = 2000

// How long its own timers are waited for: longer than those that servers have by default.
const SLOW_TIMEOUT = 400_000

/** Sends one probe, and judges what comes back. */
export async function runProbe (target: Target, probe: Probe): Promise<Result> {
  const [least] = probe.answers
  const patience = least === 0 ? Math.min(FREE_TIMEOUT, target.timeout) : target.timeout
  const timeout = probe.slow ? SLOW_TIMEOUT : patience
  const done = probe.protocol === 'h2'
    ? await exchangeHttp2(target, await probe.play(target), timeout)
    : await exchange(target, await probe.play(target), timeout)
  return { probe, exchange: done, violations: violationsOf(probe, done, target) }
}

/**
 * Sends the probes, so many at a time, and yields what became of them in
 * their order. A probe's connections are closed before its result is there.
 */
export async function * run (target: Target, probes: readonly Probe[], concurrency: number): AsyncGenerator<Result> {
  const pending: Array<Promise<Result>> = []
  try {
    for (const probe of probes) {
      const result = runProbe(target, probe)
      // Whoever takes the result hears of it.
      result.catch(() => {})
      pending.push(result)
      if (pending.length >= concurrency) yield await pending.shift()!
    }
    while (pending.length > 0) yield await pending.shift()!
  } finally {
    await Promise.allSettled(pending)
  }
}

function violationsOf (probe: Probe, done: Exchange, { contract }: Target): Violation[] {
  const { answers, failure, refused } = done
  const [least, most] = probe.answers
  if (refused !== undefined) return [{ rule: EXCHANGE.answered, found: refused.message }]

  const violations: Violation[] = answers.flatMap((answer, i) => judge(answer, contract).map(violation => ({ ...violation, answer: i })))
  if (failure !== undefined && isTold(failure, done)) {
    const before = answers.at(-1)
    violations.push({ ...stray(failure, before), answer: failure.truncated || before === undefined ? answers.length : answers.length - 1 })
  }
  if (answers.length < least && failure === undefined) {
    violations.push({ rule: EXCHANGE.answered, found: `${answers.length} of ${least} answers; the connection: ${done.end}` })
  }
  if (answers.length > most) violations.push({ rule: EXCHANGE.oneAnswer, found: `${answers.length} answers to ${most} requests` })
  const last = probe.protocol === 'http/1.1' ? answers.findIndex(isLast) : -1
  if (last >= 0 && last < answers.length - 1) violations.push({ rule: EXCHANGE.closeIsLast, found: 'another answer behind it', answer: last })
  violations.push(...probe.check?.(done) ?? [])
  return violations
}

/**
 * Whether what was cut says something: not if the network or this side cut
 * it, nor of a success, which ends so if it fails on its way.
 */
function isTold ({ truncated, statusCode }: NonNullable<Exchange['failure']>, { end }: Exchange): boolean {
  if (!truncated) return true
  return end === 'closed' && (statusCode === undefined || isUnsuccessful(statusCode))
}
