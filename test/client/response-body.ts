import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { createClient, type Success } from '../../client/index.js'
import { serve } from './fixtures/servers.js'

/** Returns the result of a call whose response has this body. */
async function resultOf (t: Test, body: string | Uint8Array, headers: Record<string, string>, method = 'GET') {
  const baseUrl = await serve(t, (_request, response) => { response.writeHead(200, headers).end(body) })
  const { headers: _headers, ...result } = await createClient({ baseUrl })(method, '/')
  return result
}

t.test('parses JSON', async t => {
  for (const type of ['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON ;a=b', 'text/json', 'application/problem+json', 'application/vnd.a+json;v=1']) {
    t.strictSame(await resultOf(t, '{"a":["é"]}', { 'content-type': type }), { outcome: 'success', status: 200, body: { a: ['é'] } }, type)
  }
  for (const body of ['null', '0', '""', ' [] ', '\ufefftrue']) {
    t.match(await resultOf(t, body, { 'content-type': 'application/json' }), { outcome: 'success', body: JSON.parse(body.replace('\ufeff', '')) }, body)
  }
  t.match(await resultOf(t, gzipSync('{"a":1}'), { 'content-type': 'application/json', 'content-encoding': 'gzip' }), { outcome: 'success', body: { a: 1 } })
})

t.test('returns text as a string', async t => {
  for (const type of ['text/plain', 'text/html; charset=utf-8', 'Text/csv', 'text/jsonl']) {
    t.strictSame(await resultOf(t, '{"é', { 'content-type': type }), { outcome: 'success', status: 200, body: '{"é' }, type)
  }
})

t.test('returns any other media type as bytes', async t => {
  const bytes = Uint8Array.of(0, 255, 123)
  for (const headers of [{}, { 'content-type': 'application/octet-stream' }, { 'content-type': 'application/jsonl' }, { 'content-type': 'image/png; name=a/json;' }, { 'content-type': 'a' }] as Array<Record<string, string>>) {
    t.strictSame(await resultOf(t, bytes, headers), { outcome: 'success', status: 200, body: bytes }, JSON.stringify(headers))
  }
})

t.test('returns undefined for an empty body', async t => {
  for (const type of ['application/json', 'text/plain', 'a/b']) t.strictSame(await resultOf(t, '', { 'content-type': type }), { outcome: 'success', status: 200, body: undefined })
  t.strictSame(await resultOf(t, '', {}), { outcome: 'success', status: 200, body: undefined })
  t.strictSame(await resultOf(t, '{}', { 'content-type': 'application/json' }, 'HEAD'), { outcome: 'success', status: 200, body: undefined })
})

t.test('returns unknown if the media type is JSON, but the body is not JSON', async t => {
  for (const body of ['{', '{"a":1}x', 'undefined', '<html>', "{'a':1}", ' ']) {
    const result = await resultOf(t, body, { 'content-type': 'application/json' })
    t.match(result, { outcome: 'unknown', status: 200, reason: 'The body is not JSON', cause: { name: 'SyntaxError', cause: SyntaxError } }, body)
    t.strictSame(Object.keys(result).sort(), ['cause', 'outcome', 'reason', 'status'])
  }
})

t.test('returns unknown if the body cannot be decompressed', async t => {
  t.match(await resultOf(t, 'plain', { 'content-type': 'text/plain', 'content-encoding': 'gzip' }), { outcome: 'unknown', status: 200, cause: TypeError })
})

t.test('returns unknown for a body over 16 MiB, and stops reading it', async t => {
  const limit = 16 * 1024 * 1024
  let closed
  let sent = 0
  const endless = await serve(t, (_request, response) => {
    const chunk = Buffer.alloc(64 * 1024, 'a')
    closed = once(response, 'close')
    response.writeHead(200, { 'content-type': 'text/plain' })
    const more = (): void => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length
    }
    response.on('drain', more)
    more()
  })
  const result = await createClient({ baseUrl: endless })('GET', '/')
  t.match(result, { outcome: 'unknown', status: 200, reason: `The body is larger than ${limit} bytes`, cause: RangeError })
  t.equal(result.headers!.get('content-type'), 'text/plain')
  await closed
  t.ok(sent < 4 * limit, `${sent} bytes`)

  const bomb = gzipSync(Buffer.alloc(limit + 1))
  const compressed = await serve(t, (_request, response) => { response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb) })
  t.match(await createClient({ baseUrl: compressed })('GET', '/'), { outcome: 'unknown', status: 200, cause: RangeError })
  const { outcome, body } = await createClient({ baseUrl: compressed, maxResponseSize: Infinity })<Uint8Array>('GET', '/') as Success<Uint8Array>
  t.strictSame([outcome, body.length], ['success', limit + 1])
})

t.test('maxResponseSize limits the bytes of a body', async t => {
  const baseUrl = await serve(t, (_request, response) => { response.end('abc') })
  t.match(await createClient({ baseUrl, maxResponseSize: 3 })('GET', '/'), { outcome: 'success' })
  t.match(await createClient({ baseUrl, maxResponseSize: 2 })('GET', '/'), { outcome: 'unknown', status: 200, reason: 'The body is larger than 2 bytes' })
  t.match(await createClient({ baseUrl, maxResponseSize: 0 })('HEAD', '/'), { outcome: 'success', body: undefined })
})
