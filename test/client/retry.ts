import t from 'tap'
import type { Rejected, Result, Success, Unknown } from '../../client/index.js'
import { RetryBudget } from '../../client/retry-budget.js'
import { advance, computeDelay, createJudge, START, type Judge, type Progress } from '../../client/retry.js'

/** Returns the result of an attempt with a response. */
const answered = (status: number, fields: Record<string, string> = {}, reason = `Reason ${status}`): Result => {
  const headers = new Headers(fields)
  if (status < 300) return { outcome: 'success', status, headers, body: status } satisfies Success
  const retryAfter = headers.get('retry-after')
  return { outcome: status < 500 && status >= 400 ? 'rejected' : 'unknown', status, headers, reason, ...retryAfter !== null && { retryAfter: Number(retryAfter) } } as Rejected | Unknown
}
const lost: Unknown = { outcome: 'unknown', reason: 'other side closed', cause: new Error('lost') }
const cut: Unknown = { outcome: 'unknown', status: 200, headers: new Headers(), reason: 'terminated' }
const unsent: Rejected = { outcome: 'rejected', reason: 'connect ECONNREFUSED', cause: new Error('refused') }
const marked = (status: number, idempotencyStatus: string, fields = {}): Result => answered(status, { 'idempotency-status': idempotencyStatus, ...fields })

/** Returns the progress after these attempts. */
const after = (judge: Judge, ...attempts: Result[]): Progress => attempts.reduce((progress, attempt) => advance(progress, attempt, judge), START)
const keyed = createJudge('POST', true)
const unkeyed = createJudge('DELETE', false)

t.test('retries a request whose outcome is unknown if its method is idempotent, or if it has a key', async t => {
  for (const attempt of [lost, cut, answered(500), answered(503), answered(302)]) {
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'get', 'Delete']) t.match(after(createJudge(method, false), attempt), { next: 'repeat', result: { outcome: 'unknown' } }, method)
    for (const method of ['POST', 'PATCH', 'LOCK']) {
      t.strictSame(after(createJudge(method, false), attempt).next, 'end', method)
      t.strictSame(after(createJudge(method, true), attempt).next, 'repeat', method)
    }
  }
})

t.test('does not retry a success or a rejection', async t => {
  for (const judge of [keyed, unkeyed]) {
    for (const attempt of [answered(200), answered(204), answered(400), answered(404), answered(409), answered(429, { 'retry-after': '1' }), marked(422, 'rejected'), marked(422, 'closed'), marked(422, 'mismatch'), marked(422, 'expired')]) {
      t.strictSame(after(judge, attempt), { attempts: 1, failures: 1, next: 'end', result: attempt, doubt: undefined })
    }
  }
})

t.test('retries a request that could not be sent with any method, because it did nothing', async t => {
  for (const judge of [keyed, unkeyed, createJudge('POST', false)]) {
    t.match(after(judge, unsent), { next: 'repeat', result: unsent, doubt: undefined })
    t.match(after(judge, unsent, unsent), { next: 'repeat', result: { outcome: 'rejected' } })
    t.match(after(judge, unsent, answered(404)), { next: 'end', result: { outcome: 'rejected', status: 404 } }, 'a later 4xx is the response to the only request that was sent')
    t.match(after(judge, unsent, answered(201)), { next: 'end', result: { outcome: 'success' } })
  }
})

t.test('an operation whose outcome was unknown', async t => {
  t.test('stays unknown if a retry could not be sent, and is retried again', async t => {
    for (const judge of [keyed, unkeyed]) {
      t.strictSame(after(judge, lost, unsent), {
        attempts: 2,
        failures: 2,
        next: 'repeat',
        result: { outcome: 'unknown', reason: 'Attempt 1: other side closed. Attempt 2: connect ECONNREFUSED', cause: unsent.cause },
        doubt: { attempt: 1, reason: 'other side closed' }
      })
    }
  })

  t.test('stays unknown with both reasons if a retry without a key is rejected', async t => {
    const { next, result } = after(unkeyed, answered(503), answered(404, {}, 'No topic'))
    t.equal(next, 'end')
    t.match(result, { outcome: 'unknown', status: 404, headers: Headers, reason: 'Attempt 1: Reason 503. Attempt 2: No topic' })
    t.match(after(unkeyed, answered(500), unsent, lost, answered(404)).result, { reason: 'Attempt 3: other side closed. Attempt 4: Reason 404' })
    t.match(after(unkeyed, lost, marked(422, 'rejected')).result, { outcome: 'unknown' }, 'the field is ignored if the request has no key')
  })

  t.test('is rejected if Idempotency-Status says so', async t => {
    for (const status of ['rejected', 'closed']) {
      const answer = marked(422, status)
      t.match(after(keyed, lost, answer), { next: 'end', result: answer })
      t.match(after(keyed, lost, unsent, marked(503, 'executing'), answer), { next: 'end', result: answer })
    }
  })

  t.test('stays unknown if a retry with a key is rejected without Idempotency-Status', async t => {
    for (const status of [400, 401, 404, 422]) {
      t.match(after(keyed, lost, answered(status)), { next: 'end', result: { outcome: 'unknown', status, reason: `Attempt 1: other side closed. Attempt 2: Reason ${status}` } })
    }
    for (const status of ['succeeded', 'constructor']) t.match(after(keyed, lost, marked(422, status)), { next: 'end', result: { outcome: 'unknown' } }, 'other values of Idempotency-Status are ignored')
  })

  t.test('stays unknown if its key is refused, and says what to do', async t => {
    t.match(after(keyed, lost, marked(422, 'expired')), { next: 'end', result: { outcome: 'unknown', status: 422, reason: /has expired.+Check the resource before/ } })
    t.match(after(keyed, lost, marked(422, 'mismatch')), { next: 'end', result: { outcome: 'unknown', status: 422, reason: /used for another request.+look\(\).+check the resource before/ } })
  })

  t.test('is retried if the rejection has Retry-After', async t => {
    for (const judge of [keyed, unkeyed]) {
      t.match(after(judge, lost, answered(429, { 'retry-after': '7' })), { next: 'repeat', result: { outcome: 'unknown', retryAfter: 7, reason: 'Attempt 1: other side closed. Attempt 2: Reason 429' } })
    }
  })

  t.test('is a success if a retry succeeds', async t => {
    for (const answer of [answered(200), marked(201, 'succeeded', { 'idempotent-replayed': 'true' })]) {
      for (const judge of [keyed, unkeyed]) t.match(after(judge, lost, answered(500), unsent, answer), { next: 'end', attempts: 4, result: answer })
    }
  })
})

t.test('waits while another request is being executed, and does not count this as a failure', async t => {
  t.match(after(keyed, marked(503, 'executing')), { next: 'wait', attempts: 1, failures: 0, result: { outcome: 'unknown' } })
  t.match(after(keyed, lost, marked(503, 'executing'), marked(503, 'executing')), { next: 'wait', attempts: 3, failures: 1 })
  t.match(after(unkeyed, marked(503, 'executing')), { next: 'repeat', failures: 1 }, 'the field is ignored if the request has no key')
})

t.test('computeDelay()', async t => {
  const limits = { baseDelay: 500, maxDelay: 8000 }
  const progress = (next: 'repeat' | 'wait', failures: number, retryAfter?: number) => ({ next, failures, result: { ...lost, ...retryAfter !== undefined && { retryAfter } } })
  const longest = () => 1

  t.test('has full jitter below a limit that doubles', async t => {
    t.strictSame([1, 2, 3, 4, 5, 6, 2000].map(failures => computeDelay(progress('repeat', failures), limits, longest)), [500, 1000, 2000, 4000, 8000, 8000, 8000])
    t.equal(computeDelay(progress('repeat', 3), limits, () => 0), 0)
    t.equal(computeDelay(progress('repeat', 3), limits, () => 0.25), 500)
    const delays = Array.from({ length: 1000 }, () => computeDelay(progress('repeat', 3), limits))
    t.ok(delays.every(delay => delay >= 0 && delay < 2000))
    t.ok(delays.some(delay => delay < 500) && delays.some(delay => delay > 1500), 'the default is random')
  })

  t.test('is at least the delay of Retry-After', async t => {
    t.equal(computeDelay(progress('repeat', 1, 30), limits, longest), 30_000)
    t.equal(computeDelay(progress('repeat', 4, 1), limits, longest), 4000)
    t.equal(computeDelay(progress('repeat', 1, 0), limits, () => 0), 0)
  })

  t.test('is at least a second while another request is being executed, because a page may not see Retry-After', async t => {
    t.equal(computeDelay(progress('wait', 0), limits, longest), 1000)
    t.equal(computeDelay(progress('wait', 0, 0), limits, longest), 1000)
    t.equal(computeDelay(progress('wait', 0, 2), limits, longest), 2000)
  })
})

t.test('RetryBudget allows 100 retries, and more after responses', async t => {
  const budget = new RetryBudget()
  const count = () => {
    let taken = 0
    while (budget.take()) taken++
    return taken
  }
  t.equal(count(), 100)
  for (let i = 0; i < 4; i++) budget.refund(false)
  t.equal(count(), 0)
  budget.refund(false)
  t.equal(count(), 1, 'five responses allow one retry')
  budget.refund(true)
  t.equal(count(), 1, 'the response to a retry gives back what the retry took')
  for (let i = 0; i < 1000; i++) budget.refund(true)
  t.equal(count(), 100, 'the budget never exceeds its size at the start')
})
