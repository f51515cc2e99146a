import t from 'tap'
import type { Rejected, Success, Unknown } from '../../client/index.js'
import { judgeOutcome as judge } from '../../client/recorded-outcome.js'

/** Judges a response that has this outcome as its body. */
const told = (body: unknown) => judge({ outcome: 'success', status: 200, headers: new Headers(), body })
const succeeded = (more: object) => told({ key: 'a', state: 'succeeded', statusCode: 201, headers: {}, createdAt: '', settledAt: '', ...more })

t.test('returns the recorded response for the state succeeded', async t => {
  const { next, result } = succeeded({ headers: { 'content-type': 'application/json', location: '/topic/1', link: ['<a>', '<b>'] }, body: '{"name":"é"}' })
  t.equal(next, 'end')
  t.match(result, { outcome: 'success', status: 201, body: { name: 'é' }, replayed: true })
  t.strictSame([...result.headers!], [['content-type', 'application/json'], ['link', '<a>, <b>'], ['location', '/topic/1']])
  t.match(succeeded({ statusCode: 303, headers: { location: '/topic/1' } }).result, { outcome: 'success', status: 303, body: undefined }, 'a redirect is a success, because the operation happened')

  t.test('parses each kind of recorded body', async t => {
    const bodyOf = (type: string | undefined, body: string | undefined, bodyEncoding?: string) => {
      const { result } = succeeded({ headers: type === undefined ? {} : { 'content-type': type }, body, bodyEncoding })
      return (result as Success).body
    }
    t.equal(bodyOf('text/plain', 'é'), 'é')
    t.equal(bodyOf('text/plain', ''), undefined)
    t.equal(bodyOf('text/plain', undefined), undefined)
    t.strictSame(bodyOf('image/png', 'AP9h', 'base64'), Uint8Array.of(0, 255, 97))
    t.strictSame(bodyOf(undefined, 'é'), Uint8Array.of(0xc3, 0xa9))
    t.strictSame(bodyOf('application/json', 'null'), null)
  })

  t.test('returns unknown if the recorded body cannot be read', async t => {
    const type = { 'content-type': 'application/json' }
    t.match(succeeded({ headers: type, body: '{' }), { next: 'end', result: { outcome: 'unknown', status: 200, headers: Headers, reason: 'The outcome of the idempotency key cannot be read: The body is not JSON', cause: SyntaxError } })
    t.match(succeeded({ headers: type, body: '?', bodyEncoding: 'base64' }), { next: 'end', result: { outcome: 'unknown', status: 200, cause: { name: 'InvalidCharacterError' } } })
  })
})

t.test('returns the recorded rejection for the state rejected', async t => {
  const { next, result } = told({ key: 'a', state: 'rejected', statusCode: 422, reason: 'The name is taken', headers: { link: '<a>' } })
  t.equal(next, 'end')
  t.match(result, { outcome: 'rejected', status: 422, reason: 'The name is taken', replayed: true })
  t.strictSame([...result.headers!], [['link', '<a>']])
  t.match(told({ state: 'rejected', statusCode: 404, reason: 'a' }), { result: { outcome: 'rejected', headers: Headers } }, 'accepts a rejection without header fields')
})

t.test('returns a rejection without a status code for the state closed', async t => {
  t.strictSame(told({ key: 'a', state: 'closed' }), {
    next: 'end',
    result: { outcome: 'rejected', reason: 'The idempotency key was closed. The operation did not happen and never will' }
  })
})

t.test('returns unknown for the state executing', async t => {
  t.match(told({ key: 'a', state: 'executing' }), { next: 'end', result: { outcome: 'unknown', reason: 'A request with this idempotency key is being executed' } })
})

t.test('returns unknown for any other body, and does not ask again', async t => {
  for (const body of [undefined, null, 'succeeded', {}, { state: 'constructor' }, { state: 1 }, { state: 'succeeded', statusCode: 200, headers: { 'a b': '' } }]) {
    t.match(told(body), { next: 'end', result: { outcome: 'unknown', status: 200, reason: /^The outcome of the idempotency key cannot be read: / } }, JSON.stringify(body))
  }
})

t.test('returns unknown for any response but a success', async t => {
  const headers = new Headers()
  const lost: Unknown = { outcome: 'unknown', reason: 'other side closed' }
  const unsent: Rejected = { outcome: 'rejected', reason: 'connect ECONNREFUSED', cause: 1 }
  t.strictSame(judge(lost), { next: 'repeat', result: lost })
  t.strictSame(judge(unsent), { next: 'repeat', result: { ...unsent, outcome: 'unknown' } }, 'a request for the outcome that was not sent shows nothing about the operation')
  t.match(judge({ outcome: 'unknown', status: 503, headers, reason: 'Later' }), { next: 'repeat', result: { outcome: 'unknown', reason: 'Later' } })
  for (const status of [401, 403, 404]) {
    t.match(judge({ outcome: 'rejected', status, headers, reason: 'a' }), { next: 'end', result: { outcome: 'unknown', status, reason: 'a' } })
  }
  t.match(judge({ outcome: 'rejected', status: 429, headers, reason: 'a', retryAfter: 3 }), { next: 'repeat', result: { outcome: 'unknown' } })
  t.match(judge({ outcome: 'unknown', status: 503, headers: new Headers({ 'idempotency-status': 'executing' }), reason: 'a' }), { next: 'wait', result: { outcome: 'unknown' } })
  t.match(judge({ outcome: 'rejected', status: 422, headers: new Headers({ 'idempotency-status': 'expired' }), reason: 'a' }), { next: 'end', result: { outcome: 'unknown', reason: /has expired.+Check the resource/ } })
})
