import assert from 'node:assert/strict'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { runAttempts, resolveRetry, type Operation, type RetryOptions } from '../../client/attempts.js'
import { createDeadline } from '../../client/deadline.js'
import type { AttemptEvent, Rejected, Result, Unknown } from '../../client/index.js'
import { judgeOutcome } from '../../client/recorded-outcome.js'
import { createJudge } from '../../client/retry.js'
import { useVirtualClock, type VirtualClock } from './fixtures/virtual-clock.js'

/** What an attempt returns, and how long it takes. */
interface Attempt {
  result: Result
  duration: number
}

const respond = (status: number, fields: Record<string, string> = {}, duration = 10): Attempt => {
  const headers = new Headers(fields)
  if (status < 300) return { result: { outcome: 'success', status, headers, body: undefined }, duration }
  const retryAfter = headers.get('retry-after')
  const result = { outcome: status < 500 ? 'rejected' : 'unknown', status, headers, reason: `Reason ${status}`, ...retryAfter !== null && { retryAfter: Number(retryAfter) } }
  return { result: result as Rejected | Unknown, duration }
}
const executing = respond(503, { 'idempotency-status': 'executing', 'retry-after': '1' })
const lost: Attempt = { result: { outcome: 'unknown', reason: 'other side closed' }, duration: 10 }
const unsent: Attempt = { result: { outcome: 'rejected', reason: 'connect ECONNREFUSED' }, duration: 1 }

interface Call extends Partial<Omit<Operation, 'send'>> {
  retry?: RetryOptions | undefined
  signal?: AbortSignal
}

/** A run of attempts on a virtual clock. */
interface Run {
  result: Result
  attempts: number
  /** When each attempt was sent, in milliseconds since the start. */
  sentAt: number[]
  endedAt: number
}

/** Runs these attempts. The last one is repeated. */
async function run (clock: VirtualClock, attempts: Attempt[], { retry = {}, signal, ...call }: Call = {}): Promise<Run> {
  const start = clock.now
  const sentAt: number[] = []
  const resolved = resolveRetry(retry)
  const deadline = createDeadline(signal, resolved.deadline)
  const send = async (): Promise<Result> => {
    const { result, duration } = attempts[Math.min(sentAt.length, attempts.length - 1)]
    sentAt.push(clock.now - start)
    let timer
    try {
      await deadline.race(new Promise(resolve => { timer = setTimeout(resolve, duration) }))
      return result
    } catch (cause) {
      return { outcome: 'unknown', reason: String(cause), cause }
    } finally {
      clearTimeout(timer)
    }
  }
  const { result, attempts: count } = await clock.run(runAttempts({ judge: createJudge('POST', true), isPersistent: false, ...call, send }, deadline, resolved))
  deadline.clear()
  // The sums of random delays have small rounding errors.
  return { result, attempts: count, sentAt, endedAt: Number((clock.now - start).toFixed(6)) }
}

/** Makes every delay as long as possible. */
const withLongestDelays = (t: Test) => t.intercept(Math, 'random', { value: () => 1 })

t.test('retries with delays until the outcome is known', async t => {
  withLongestDelays(t)
  const clock = useVirtualClock(t)
  t.match(await run(clock, [lost, respond(500), unsent, respond(201)]), { result: { outcome: 'success', status: 201 }, attempts: 4, sentAt: [0, 510, 1520, 3521] })
  t.match(await run(clock, [lost, respond(422, { 'idempotency-status': 'rejected' })]), { result: { outcome: 'rejected', status: 422 }, attempts: 2 })
  t.match(await run(clock, [respond(200)]), { result: { outcome: 'success' }, attempts: 1, sentAt: [0], endedAt: 10 })
  t.match(await run(clock, [lost], { judge: createJudge('POST', false) }), { result: lost.result, attempts: 1 })
  t.equal(clock.timers, 0)
})

t.test('makes at most 5 attempts, or the number in the option attempts', async t => {
  const clock = useVirtualClock(t)
  t.match(await run(clock, [lost]), { result: lost.result, attempts: 5 })
  for (const attempts of [1, 2, 7]) t.equal((await run(clock, [lost], { retry: { attempts } })).attempts, attempts)
  t.match(await run(clock, [unsent]), { result: unsent.result, attempts: 5 })
})

t.test('waits for another request that is being executed, without a limit of attempts', async t => {
  withLongestDelays(t)
  const clock = useVirtualClock(t)
  const waited = await run(clock, [...Array<Attempt>(20).fill(executing), respond(201)])
  t.match(waited, { result: { outcome: 'success' }, attempts: 21 })
  t.equal(waited.sentAt[20], 20 * 1010)
  t.match(await run(clock, [executing, lost, executing, lost]), { result: { outcome: 'unknown' }, attempts: 7 }, 'waiting is not a failed attempt')
})

t.test('ends at the deadline', async t => {
  withLongestDelays(t)
  const clock = useVirtualClock(t)
  t.match(await run(clock, [executing], { retry: { deadline: 5000 } }), { result: executing.result, attempts: 5, endedAt: 4050 }, 'starts no delay that would end after the deadline')
  t.match(await run(clock, [lost, { ...lost, duration: 10_000 }], { retry: { deadline: 5000 } }), {
    result: { outcome: 'unknown', reason: 'TimeoutError: No response within 5000 ms' }, attempts: 2, endedAt: 5000
  }, 'during an attempt')
  t.match(await run(clock, [respond(503, { 'retry-after': '60' })]), { result: { outcome: 'unknown', retryAfter: 60 }, attempts: 1, endedAt: 10 })
  t.match(await run(clock, [executing]), { endedAt: 59_600 }, 'the default deadline is a minute')
  t.equal(clock.timers, 0)
})

t.test('calls onAttempt before each attempt, and before its delay', async t => {
  withLongestDelays(t)
  const clock = useVirtualClock(t)
  const events: Array<AttemptEvent & { at: number }> = []
  const start = clock.now
  await run(clock, [lost, respond(503), respond(201)], { idempotencyKey: 'a', onAttempt: event => { events.push({ ...event, at: clock.now - start }) } })
  t.strictSame(events, [
    { attempt: 1, idempotencyKey: 'a', result: undefined, delay: 0, at: 0 },
    { attempt: 2, idempotencyKey: 'a', result: lost.result, delay: 500, at: 10 },
    { attempt: 3, idempotencyKey: 'a', result: respond(503).result, delay: 1000, at: 520 }
  ])

  t.test('waits for the promise that onAttempt returns', async t => {
    const onAttempt = async () => { await new Promise(resolve => setTimeout(resolve, 100)) }
    t.match(await run(clock, [lost, respond(201)], { onAttempt }), { sentAt: [100, 710] })
  })

  t.test('sends nothing more if onAttempt throws', async t => {
    const failure = new Error('The outbox is down')
    for (const onAttempt of [() => { throw failure }, async () => { throw failure }]) {
      t.strictSame(await run(clock, [lost], { onAttempt }), { result: { outcome: 'rejected', reason: 'The outbox is down', cause: failure }, attempts: 1, sentAt: [], endedAt: 0 })
    }
    const { result, sentAt } = await run(clock, [lost], { onAttempt: ({ attempt }) => { if (attempt > 1) throw failure } })
    t.strictSame(result, { outcome: 'unknown', reason: 'Attempt 1: other side closed. Attempt 2: The outbox is down', cause: failure })
    t.equal(sentAt.length, 1)
  })

  t.test('sends nothing if onAttempt takes longer than the deadline', async t => {
    t.match(await run(clock, [lost], { onAttempt: () => new Promise<void>(() => {}) }), { result: { outcome: 'rejected', cause: { name: 'TimeoutError' } }, sentAt: [], endedAt: 60_000 })
  })
})

t.test('ends if the caller aborts', async t => {
  withLongestDelays(t)
  const clock = useVirtualClock(t)
  const abortAt = (milliseconds: number): AbortSignal => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('the user left')), milliseconds)
    return controller.signal
  }
  t.match(await run(clock, [lost], { signal: abortAt(5) }), { result: { outcome: 'unknown', reason: 'Error: the user left' }, attempts: 1, endedAt: 5 }, 'during an attempt')
  t.match(await run(clock, [lost], { signal: abortAt(100) }), {
    result: { outcome: 'unknown', reason: 'Attempt 1: other side closed. Attempt 2: the user left', cause: { message: 'the user left' } }, sentAt: [0], endedAt: 100
  }, 'during a delay')
  t.match(await run(clock, [unsent], { signal: abortAt(100) }), { result: { outcome: 'rejected', reason: 'the user left' }, sentAt: [0] })
  t.equal(clock.timers, 0, 'no timer keeps the process alive')
})

t.test('has one retry budget for all calls of a client', async t => {
  const clock = useVirtualClock(t)
  const retry = resolveRetry({})
  const call = async (attempts: Attempt[], isPersistent = false) => {
    let sent = 0
    const deadline = createDeadline(undefined, retry.deadline)
    const send = async () => attempts[Math.min(sent++, attempts.length - 1)].result
    const ended = await clock.run(runAttempts({ judge: createJudge('POST', true), isPersistent, send }, deadline, retry))
    deadline.clear()
    return ended
  }
  let attempts = 0
  for (let i = 0; i < 25; i++) attempts += (await call([lost])).attempts
  t.equal(attempts, 125, '100 retries use up the budget')
  t.match(await call([lost]), { result: lost.result, attempts: 1 })
  for (let i = 0; i < 5; i++) await call([respond(200)])
  t.match(await call([lost]), { attempts: 2 }, 'five responses give back the budget for one retry')
  t.match(await call([lost]), { attempts: 1 })
  for (let i = 0; i < 5; i++) await call([respond(404)])
  t.match(await call([lost, respond(200)]), { attempts: 2, result: { outcome: 'success' } })
  t.match(await call([lost, respond(200)]), { attempts: 2 }, 'the response to a retry gives back its budget')
  t.match(await call([executing, executing, respond(503), lost]), { attempts: 4 }, 'waiting uses no budget')

  t.test('uses no budget if the call ends at the deadline', async t => {
    await call([lost, respond(200)])
    for (let i = 0; i < 5; i++) await call([respond(200)])
    t.match(await call([respond(503, { 'retry-after': '100' })]), { attempts: 1 })
    t.match(await call([lost]), { attempts: 2 })
  })

  t.test('waits the maximum delay in a persistent operation if the budget is used up', async t => {
    const start = clock.now
    t.match(await call([lost], true), { attempts: 6 })
    t.equal(Math.round(clock.now - start), 5 * 10_000)
  })
})

t.test('ends a persistent operation only at the deadline', async t => {
  withLongestDelays(t)
  const clock = useVirtualClock(t)
  const { attempts, endedAt } = await run(clock, [lost], { isPersistent: true, judge: judgeOutcome })
  t.equal(attempts, 10)
  t.ok(endedAt > 50_000 && endedAt <= 60_000)
})

t.test('resolveRetry() rejects invalid options', async t => {
  const invalid: Record<keyof RetryOptions, unknown[]> = {
    deadline: [0, 0.5, -1, NaN, Infinity, 2 ** 31, '1'],
    attempts: [0, -1, NaN, Infinity, '2'],
    baseDelay: [0, NaN, '1', 2 ** 31],
    maxDelay: [0, NaN, '1', 2 ** 31]
  }
  for (const [name, values] of Object.entries(invalid)) {
    for (const value of values) {
      t.throws(() => resolveRetry({ [name]: value }), { name: 'TypeError', message: new RegExp(`^fastify-reason-phrase: retry.${name} must be a number from 1 to 2147483647$`) }, `${name}: ${value}`)
    }
  }
  t.match(resolveRetry({}), { deadline: 60_000, attempts: 5, baseDelay: 500, maxDelay: 10_000 })
  t.match(resolveRetry({ deadline: undefined, attempts: undefined, baseDelay: undefined, maxDelay: undefined }), { deadline: 60_000, attempts: 5 })
  t.match(resolveRetry({ deadline: 2 ** 31 - 1, attempts: 1, baseDelay: 1, maxDelay: 1 }), { attempts: 1, maxDelay: 1 })
})

const statuses = ['succeeded', 'rejected', 'closed', 'executing', 'mismatch', 'expired', undefined]
const attemptOf = fc.oneof(
  fc.record({ kind: fc.constantFrom('lost', 'unsent'), duration: fc.nat(3000) }),
  fc.record({ kind: fc.constant('answer'), duration: fc.nat(3000), status: fc.constantFrom(200, 204, 302, 400, 404, 422, 429, 500, 503), idempotencyStatus: fc.constantFrom(...statuses), retryAfter: fc.option(fc.nat(5), { nil: undefined }) })
).map((attempt): Attempt => {
  if (!('status' in attempt)) return { ...attempt.kind === 'lost' ? lost : unsent, duration: attempt.duration }
  const { status, idempotencyStatus, retryAfter, duration } = attempt
  return respond(status, { ...idempotencyStatus && { 'idempotency-status': idempotencyStatus }, ...retryAfter !== undefined && { 'retry-after': String(retryAfter) } }, duration)
})

t.test('never returns an outcome that the attempts do not prove, and keeps its limits', async t => {
  const clock = useVirtualClock(t)
  const retry = fc.record({ deadline: fc.integer({ min: 1, max: 20_000 }), attempts: fc.integer({ min: 1, max: 6 }), baseDelay: fc.integer({ min: 1, max: 1000 }), maxDelay: fc.integer({ min: 1, max: 3000 }) })
  await fc.assert(fc.asyncProperty(fc.array(attemptOf, { minLength: 1, maxLength: 8 }), fc.constantFrom('GET', 'POST', 'DELETE'), fc.boolean(), retry, async (attempts, method, isKeyed, retry) => {
    const { result, attempts: count, sentAt, endedAt } = await run(clock, attempts, { retry, judge: createJudge(method, isKeyed) })
    const sent = sentAt.map((_, index) => attempts[Math.min(index, attempts.length - 1)].result)
    const idempotencyStatusOf = ({ headers }: Result) => isKeyed ? headers?.get('idempotency-status') : undefined
    const last = sent.at(-1)!

    assert.ok(count === sent.length || result.outcome === 'unknown')
    assert.ok(endedAt <= retry.deadline, 'ends before the deadline')
    const waits = sent.filter(attempt => attempt.outcome === 'unknown' && idempotencyStatusOf(attempt) === 'executing').length
    assert.ok(sent.length - waits <= retry.attempts, 'makes at most the maximum number of attempts')
    if (method === 'POST' && !isKeyed) assert.ok(sent.slice(0, -1).every(attempt => attempt === unsent.result), 'a POST without a key is sent once')
    assert.ok(sent.slice(0, -1).every(({ outcome }) => outcome !== 'success'), 'nothing follows a success')

    const wasUnknown = sent.slice(0, -1).some(({ outcome }) => outcome === 'unknown')
    if (result.outcome === 'success') {
      assert.equal(result, last)
      assert.ok(result.status >= 200 && result.status < 300)
    }
    if (result.outcome === 'rejected') {
      assert.ok(last.outcome === 'rejected')
      if (wasUnknown) assert.ok(['rejected', 'closed'].includes(idempotencyStatusOf(last)!), 'only an Idempotency-Status resolves an unknown outcome')
    }
    // The deadline can end an attempt. Then the outcome is unknown.
    if (result.outcome === 'unknown') assert.ok(wasUnknown || last.outcome === 'unknown' || endedAt === retry.deadline)
    assert.equal(clock.timers, 0)
  }), { numRuns: 500 })
})

t.test('returns for a key only the outcome that the service reports', async t => {
  const clock = useVirtualClock(t)
  const answer = fc.constantFrom('executing', 'succeeded', 'rejected', 'closed', undefined)
    .map((state): Attempt => ({ duration: 10, result: { outcome: 'success', status: 200, headers: new Headers(), body: state && { state, statusCode: state === 'rejected' ? 422 : 200, headers: {} } } }))
  const failure = attemptOf.filter(({ result }) => result.outcome !== 'success')
  const expected: Record<string, string> = { succeeded: 'success', rejected: 'rejected', closed: 'rejected', executing: 'unknown' }
  await fc.assert(fc.asyncProperty(fc.array(failure, { maxLength: 5 }), answer, async (failures, answer) => {
    const { result, sentAt, endedAt } = await run(clock, [...failures, answer], { isPersistent: true, judge: judgeOutcome })
    const isAnswered = sentAt.length === failures.length + 1
    const { state } = Object((answer.result as { body: unknown }).body) as { state?: string }
    assert.equal(result.outcome, isAnswered ? expected[state!] ?? 'unknown' : 'unknown')
    assert.ok(endedAt <= 60_000)
  }), { numRuns: 300 })
})
