import t from 'tap'
import { REFUSALS, type Refusal, type RefusalName } from '../../../lib/idempotency/refusals.js'
import { toReasonPhrase } from '../../../lib/reason-phrase.js'
import { isServerError } from '../../../lib/status-codes.js'

const expected: Record<RefusalName, [statusCode: number, reason: string, idempotencyStatus?: string]> = {
  keyMissing: [400, 'The request must have an Idempotency-Key'],
  executing: [503, 'Another request with this idempotency key is being executed. Retry to learn its outcome', 'executing'],
  mismatch: [422, 'The idempotency key was used for another request. This request did nothing', 'mismatch'],
  closed: [422, 'The idempotency key was closed. The operation did not happen and never will', 'closed'],
  expired: [422, 'The idempotency key has expired. The outcome of its operation is no longer known', 'expired'],
  storeUnavailable: [503, 'The idempotency store is unavailable. This request was not executed'],
  tooManyInFlight: [503, 'Too many requests with idempotency keys are in progress. This request was not executed'],
  commitUnknown: [503, 'The result of the commit is unknown. Repeat the request with the same key to learn it'],
  timedOut: [503, 'The request took too long and was rolled back. Repeat it with the same key'],
  nothingKnown: [404, 'Nothing is known of this idempotency key. Its request may still arrive']
}

t.test('has the status code, the reason and the Idempotency-Status of each refusal', async t => {
  t.strictSame(Object.keys(REFUSALS), Object.keys(expected))
  for (const [name, { statusCode, reason, idempotencyStatus }] of Object.entries(REFUSALS)) {
    t.strictSame([statusCode, reason, ...idempotencyStatus === undefined ? [] : [idempotencyStatus]], expected[name as RefusalName], name)
  }
})

t.test('has a Retry-After of one second for each 503, and for no other refusal', async t => {
  for (const [name, { statusCode, retryAfter }] of Object.entries<Refusal>(REFUSALS)) t.equal(retryAfter, isServerError(statusCode) ? 1 : undefined, name)
})

t.test('has reasons that fit into the reason phrase', async t => {
  for (const { reason } of Object.values(REFUSALS)) t.equal(toReasonPhrase(reason), reason)
})
