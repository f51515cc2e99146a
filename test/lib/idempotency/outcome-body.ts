import fc from 'fast-check'
import t from 'tap'
import { createOperation } from '../../../lib/idempotency/operation.js'
import { createExecutingBody, createOutcomeBody } from '../../../lib/idempotency/outcome-body.js'
import type { StoredRecord } from '../../../lib/idempotency/record.js'

const times = { createdAt: Date.UTC(2024, 1, 29, 23, 59, 58, 7), settledAt: Date.UTC(2024, 2, 1) }
const dateTimes = { createdAt: '2024-02-29T23:59:58.007Z', settledAt: '2024-03-01T00:00:00.000Z' }
const record = (state: StoredRecord['state'], answer?: StoredRecord['answer']): StoredRecord =>
  ({ operation: createOperation('alice', 'a key'), fingerprint: Buffer.alloc(32), state, answer, ...times })

/** Returns what a client reads. */
const sent = (outcome: object): any => JSON.parse(JSON.stringify(outcome))

t.test('contains the recorded response of an operation that succeeded, but not its caller', async t => {
  const headers = { location: '/topic/1', vary: ['a', 'b'] }
  t.strictSame(sent(createOutcomeBody(record('succeeded', { statusCode: 201, headers, body: Buffer.from('{"a":"é"}') }))),
    { key: 'a key', state: 'succeeded', statusCode: 201, headers, body: '{"a":"é"}', ...dateTimes })
  t.strictSame(sent(createOutcomeBody(record('succeeded', { statusCode: 204, headers: {} }))), { key: 'a key', state: 'succeeded', statusCode: 204, headers: {}, ...dateTimes }, 'without a body')
})

t.test('contains the message of a rejection', async t => {
  t.strictSame(sent(createOutcomeBody(record('rejected', { statusCode: 422, reason: 'It is taken', headers: {} }))),
    { key: 'a key', state: 'rejected', statusCode: 422, reason: 'It is taken', headers: {}, ...dateTimes })
})

t.test('contains the state of a closed key', async t => {
  t.strictSame(sent(createOutcomeBody(record('closed'))), { key: 'a key', state: 'closed', ...dateTimes })
})

t.test('contains the state of an execution, and its start if that is known', async t => {
  t.strictSame(sent(createExecutingBody('a', times.createdAt)), { key: 'a', state: 'executing', createdAt: dateTimes.createdAt })
  t.strictSame(sent(createExecutingBody('a', undefined)), { key: 'a', state: 'executing' })
})

t.test('encodes each body without losing bytes', async t => {
  const read = ({ body, bodyEncoding }: { body: string, bodyEncoding?: 'base64' }): Buffer => Buffer.from(body, bodyEncoding)
  const bytes = fc.oneof(fc.uint8Array(), fc.string({ unit: 'binary' }).map(text => Buffer.from(text)))
  fc.assert(fc.property(bytes, bytes => read(sent(createOutcomeBody(record('succeeded', { statusCode: 200, headers: {}, body: Buffer.from(bytes) })))).equals(bytes)))
  const encodingOf = (body: Buffer): unknown => createOutcomeBody(record('succeeded', { statusCode: 200, headers: {}, body })).bodyEncoding
  t.strictSame([Buffer.alloc(0), Buffer.from('\ufeffé\u{1f600}'), Buffer.from([0xC3]), Buffer.from([0xED, 0xA0, 0x80])].map(encodingOf), [undefined, undefined, 'base64', 'base64'])
})
