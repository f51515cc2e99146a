import t from 'tap'
import { createErrorReason, describeError } from '../../page/error-reason.js'

const describe = (status: number | undefined, headers: Record<string, string | string[]> = {}, statusText = '') => {
  const response: Record<string, unknown> = { status, statusText, headers: { toJS: () => headers } }
  return describeError({ get: name => response[name] }, { header: 'EB-REASON-PHRASE', requestIdHeader: 'X-Id' })
}

const NOTHING = 'The request was rejected. It did nothing.'
const UNKNOWN = 'The operation may or may not have happened. Do not treat it as failed.'

t.test('describes an error with its reason, and with notes about the outcome', async t => {
  t.strictSame(describe(422, { 'eb-reason-phrase': 'No topic' }, 'No'), { reason: 'No topic', notes: [NOTHING] })
  t.strictSame(describe(500, {}, 'Internal Server Error'), { reason: 'Internal Server Error', notes: [UNKNOWN] })
  t.strictSame(describe(503, { 'eb-reason-phrase': 'We move', 'retry-after': '60' }), { reason: 'We move', notes: [UNKNOWN, 'Retry after 60 s.'] })
  t.strictSame(describe(500, { 'eb-reason-phrase': 'Internal Server Error', 'x-id': 'req-1' }), { reason: 'Internal Server Error', notes: [UNKNOWN, 'Request id: req-1'] })
  t.strictSame(describe(404), { reason: 'HTTP status 404', notes: [NOTHING] })
  t.strictSame(describe(400, { 'eb-reason-phrase': ['One', 'two'] }), { reason: 'One, two', notes: [NOTHING] }, 'Swagger UI splits a value at its commas')
})

t.test('describes no response other than an error', async t => {
  for (const status of [undefined, 200, 302, 399]) t.equal(describe(status), undefined)
})

t.test('shows the reason as text', async t => {
  const createElement = (type: string, _props: unknown, ...children: unknown[]): unknown => `<${type}>${children.flat().join('')}</${type}>`
  t.equal(createErrorReason({ createElement }, { reason: '*a*', notes: ['b', 'c'] })(), '<div><h5>Reason</h5><p>*a*</p><p>b</p><p>c</p></div>')
})
