import t from 'tap'
import { createKey, createOperation, isUnique, withKey, withKeyLines } from '../../../conformance/probes/operation.js'

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/

t.test('replaces the placeholder by the same UUID in the URL, the fields and the body', async t => {
  const given = { method: 'PUT', url: '/a/{{uuid}}', headers: { 'X-A': 'b {{uuid}}' }, body: { c: ['{{uuid}}', 1] } }
  const { request, key } = createOperation(given)
  const uuid = request.url.slice(3)
  t.match(uuid, UUID)
  t.strictSame(request, { method: 'PUT', url: `/a/${uuid}`, headers: { 'X-A': `b ${uuid}` }, body: { c: [uuid, 1] } })
  t.match(key, UUID)
  t.not(key, uuid)
  t.not(createOperation(given).request.url, request.url)
  t.equal(given.url, '/a/{{uuid}}')
})

t.test('keeps the type of the body', async t => {
  t.match(createOperation({ url: '/', body: 'a {{uuid}}' }).request.body, /^a [\da-f-]{36}$/)
  const bytes = createOperation({ url: '/', body: Buffer.concat([Buffer.of(0xff), Buffer.from('{{uuid}}')]) }).request.body as Buffer
  t.equal(bytes[0], 0xff)
  t.match(bytes.subarray(1).toString(), UUID)
  t.strictSame(createOperation({ url: '/' }).request, { method: undefined, url: '/', headers: undefined, body: undefined })
})

t.test('isUnique() returns whether operations differ', async t => {
  for (const request of [{ url: '/{{uuid}}' }, { url: '/', body: { a: '{{uuid}}' } }, { url: '/', body: '{{uuid}}' }, { url: '/', body: Buffer.from('{{uuid}}') }]) t.ok(isUnique(request))
  for (const request of [{ url: '/' }, { url: '/', body: {} }, { url: '/', body: Buffer.of(0) }, { url: '/', headers: { a: '{{uuid}}' } }]) t.notOk(isUnique(request))
})

t.test('adds the key as a structured field string', async t => {
  const request = { url: '/', headers: { a: 'b' } }
  t.strictSame(withKey({ request, key: 'k' }).headers, { a: 'b', 'idempotency-key': '"k"' })
  t.strictSame(withKeyLines(request, ['a', 'b']).headers, { a: 'b', 'idempotency-key': ['a', 'b'] })
  t.match(createKey(), UUID)
})
