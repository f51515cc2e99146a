import { isUnsuccessful } from '../lib/status-codes.js'
import { stray } from './assert-contract.js'
import { exchange, MAX_EXCHANGE_BYTES, type Exchange } from './exchange.js'
import { exchangeHttp2 } from './exchange-http2.js'
import { isLast, type Probe } from './probe.js'
import type { AnswerSyntaxError } from './reader.js'
import { EXCHANGE, judge, type Violation } from './rules.js'
import { printable } from './show.js'
import type { Target } from './target.js'

/** What became of a probe. */
export interface Result {
  readonly probe: Probe
  /** What went over the connection, without the answers: all results are kept until the last. */
  readonly exchange: Pick<Exchange, 'sent' | 'received' | 'receivedLength' | 'end'>
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
  const { sent, received, receivedLength, end } = done
  return { probe, exchange: { sent, received, receivedLength, end }, violations: violationsOf(probe, done, target) }
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
  const { answers, failure, refused, end } = done
  const [least, most] = probe.answers
  if (refused !== undefined) return [{ rule: EXCHANGE.answered, found: refused.message }]

  const violations: Violation[] = answers.flatMap((answer, i) => judge(answer, contract).map(violation => ({ ...violation, answer: i })))
  const broken = failure && failureOf(failure, done, probe)
  if (broken !== undefined) violations.push(broken)
  // A success that is cut is an answer, since it ends so if it fails on its way.
  const count = failure?.answer === undefined ? answers.length : answers.length + 1
  // Over HTTP/2 every request is whole, so that a server which waits for more of it never answers.
  const needed = probe.protocol === 'h2' && (end === 'timeout' || end === 'limit') ? Math.max(1, least) : least
  if (count < needed && broken === undefined) {
    violations.push({ rule: EXCHANGE.answered, found: `${count} of ${needed} answers; the connection: ${end}` })
  }
  if (answers.length > most) violations.push({ rule: EXCHANGE.oneAnswer, found: `${answers.length} answers to ${most} requests` })
  const last = probe.protocol === 'http/1.1' ? answers.findIndex(isLast) : -1
  if (last >= 0 && last < answers.length - 1) violations.push({ rule: EXCHANGE.closeIsLast, found: 'another answer behind it', answer: last })
  violations.push(...probe.check?.(done) ?? [])
  return violations
}

// The one 1xx after which a server waits for the rest of a request.
const CONTINUE = /^HTTP\/1\.1 100[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n$/

/** What bytes break that are no answer, or only the start of one. */
function failureOf (failure: AnswerSyntaxError, { answers, end }: Exchange, { answers: [, most] }: Probe): Violation | undefined {
  const { bytes, statusCode, truncated } = failure
  const before = answers.at(-1)
  const syntax = (found: string): Violation => ({ rule: EXCHANGE.syntax, found: `${found}: ${printable(bytes, 200)}`, answer: answers.length })
  if (truncated && CONTINUE.test(Buffer.from(bytes).toString('latin1'))) return undefined
  if (!truncated) return { ...stray(failure, before), answer: before === undefined ? 0 : answers.length - 1 }
  switch (end) {
    case 'timeout': return syntax('The answer does not end in time')
    case 'limit': return syntax(`The answer does not end within ${MAX_EXCHANGE_BYTES} bytes`)
    // By the server: a success ends so if it fails on its way.
    case 'closed': return statusCode === undefined || isUnsuccessful(statusCode) ? syntax(failure.message) : undefined
    case 'left': return answers.length < most ? undefined : { rule: EXCHANGE.oneAnswer, found: `bytes behind the answer: ${printable(bytes, 200)}`, answer: answers.length - 1 }
    // By the network.
    case 'reset': return undefined
  }
}
