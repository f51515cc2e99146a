import t from 'tap'
import type { HttpResponse } from '../../../conformance/exchange/response.js'
import { describeDifference, describeStatus, hasStatus, isReplayed, readState } from '../../../conformance/probes/keyed-response.js'

const response: HttpResponse = { version: '1.1', method: 'POST', statusCode: 201, phrase: 'Created', fields: [['Location', '/a'], ['Date', 'now']], trailers: [], body: Buffer.from('a'), interim: [] }
const withFields = (...fields: HttpResponse['fields']): HttpResponse => ({ ...response, fields })

t.test('isReplayed() reads Idempotent-Replayed', async t => {
  t.equal(isReplayed(withFields(['Idempotent-Replayed', 'true'])), true)
  t.equal(isReplayed(withFields(['Idempotent-Replayed', 'false'])), false)
  t.equal(isReplayed(response), false)
})

t.test('hasStatus() and describeStatus() read Idempotency-Status', async t => {
  const closed = withFields(['Idempotency-Status', 'closed'])
  t.equal(hasStatus(closed, 'closed'), true)
  t.equal(hasStatus(closed, 'succeeded'), false)
  t.equal(hasStatus(withFields(...closed.fields, ...closed.fields), 'closed'), false)
  t.equal(describeStatus(response), 'no Idempotency-Status')
  t.equal(describeStatus(withFields(['idempotency-status', 'a\x9b'])), 'Idempotency-Status: a\\u009b')
})

t.test('describeDifference() compares the recorded parts of a response', async t => {
  const describe = (other: Partial<HttpResponse>): string | undefined => describeDifference(response, { ...response, ...other }, 'x-reason')
  t.equal(describe({ fields: [['location', '/a'], ['Date', 'later']] }), undefined)
  t.equal(describe({ statusCode: 200 }), '200, not 201')
  t.equal(describe({ phrase: 'OK' }), 'another reason phrase')
  t.equal(describe({ body: Buffer.from('bc') }), 'another body of 2 bytes')
  t.equal(describe({ fields: [] }), 'another location')
  t.equal(describe({ fields: [...response.fields, ['Content-Type', 'text/plain']] }), 'another content-type')
  t.equal(describe({ fields: [...response.fields, ['X-Reason', 'a']] }), 'another x-reason')
})

t.test('readState() returns the state in the body of an outcome response', async t => {
  const read = (body: string): string | undefined => readState({ ...response, body: Buffer.from(body) })
  t.equal(read('{"state":"closed"}'), 'closed')
  t.equal(read('{"state":"\x9b"}'), '\\u009b')
  for (const body of ['', 'null', '"closed"', '{"state":1}']) t.equal(read(body), undefined)
})
