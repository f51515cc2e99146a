import t from 'tap'
import { encodeRequest, prepareRequest } from '../../../conformance/exchange/request.js'

const origin = { scheme: 'http' as const, authority: 'a:1' }

t.test('encodes a request without a body', async t => {
  t.equal(String(await encodeRequest(origin, { url: '/b', headers: { 'X-A': 'b' } })), 'GET /b HTTP/1.1\r\nhost: a:1\r\nx-a: b\r\n\r\n')
  t.equal(String(await encodeRequest(origin, { url: '/', headers: { Host: 'b' } }, 'HTTP/1.0')), 'GET / HTTP/1.0\r\nhost: b\r\n\r\n')
})

t.test('encodes strings and bytes unchanged, and other bodies as JSON', async t => {
  t.match(await prepareRequest(origin, { method: 'POST', url: '/', body: 'é' }), { headers: { 'content-length': '2', 'content-type': undefined }, body: Buffer.from('é') })
  t.match(await prepareRequest(origin, { method: 'POST', url: '/', body: Buffer.of(0) }), { headers: { 'content-length': '1', 'content-type': undefined }, body: Buffer.of(0) })
  t.match(await prepareRequest(origin, { method: 'POST', url: '/', body: { a: 1 } }), { headers: { 'content-length': '7', 'content-type': 'application/json' }, body: Buffer.from('{"a":1}') })
  t.strictSame((await prepareRequest(origin, { method: 'POST', url: '/', body: '', headers: { 'Transfer-Encoding': 'chunked' } })).headers, { 'transfer-encoding': 'chunked' })
})

t.test('adds the fields of the headers hook', async t => {
  const headers = async ({ target }: { target: string }) => ({ Signature: target })
  t.strictSame((await prepareRequest({ ...origin, headers }, { url: '/b' })).headers, { signature: '/b' })
})

t.test('sends several lines of a field, and passes them to the headers hook as one value', async t => {
  const headers = ({ headers }: { headers: Record<string, string> }) => ({ Signature: headers['x-a']! })
  const request = { url: '/', headers: { 'X-A': ['b', 'c'] } }
  t.equal(String(await encodeRequest({ ...origin, headers }, request)), 'GET / HTTP/1.1\r\nhost: a:1\r\nx-a: b\r\nx-a: c\r\nsignature: b, c\r\n\r\n')
  t.strictSame((await prepareRequest(origin, request)).headers, { 'x-a': ['b', 'c'] })
})
