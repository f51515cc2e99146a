import Fastify from 'fastify'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { createBasicClient, createClient, type ClientOptions, type Result } from '../../client/index.js'
import reasonPhrase, { serverOptions } from '../../index.js'
import { echo, serve, serveSigned } from './fixtures/servers.js'

const key = { id: 'dev', secret: 'hush' }

/** Returns a result without its headers. Asserts that there are headers if there is a status. */
async function withoutHeaders (t: Test, call: Promise<Result>): Promise<object> {
  const { headers, ...rest } = await call
  t.equal(headers instanceof Headers, 'status' in rest)
  return rest
}

t.test('returns the outcome of each response of a service with the plugin', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/topic', async () => ({ name: 'orders' }))
  app.post('/topic', (_request, reply) => reply.created({ name: 'orders' }))
  app.delete('/topic', (_request, reply) => reply.code(204).send())
  app.get('/invalid', (_request, reply) => reply.unprocessable('The name is taken'))
  app.get('/later', (_request, reply) => reply.serviceUnavailable('Later', { retryAfter: 30 }))
  app.get('/broken', async () => { throw new Error('a secret') })
  app.get('/moved', (_request, reply) => reply.redirect('/topic'))
  const baseUrl = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const client = createClient({ baseUrl })

  t.strictSame(await withoutHeaders(t, client('GET', '/topic')), { outcome: 'success', status: 200, body: { name: 'orders' } })
  t.strictSame(await withoutHeaders(t, client('POST', '/topic')), { outcome: 'success', status: 201, body: { name: 'orders' } })
  t.strictSame(await withoutHeaders(t, client('DELETE', '/topic')), { outcome: 'success', status: 204, body: undefined })
  t.strictSame(await withoutHeaders(t, client('GET', '/invalid')), { outcome: 'rejected', status: 422, reason: 'The name is taken' })
  t.strictSame(await withoutHeaders(t, client('GET', '/nothing')), { outcome: 'rejected', status: 404, reason: 'Route GET:/nothing not found' })
  t.strictSame(await withoutHeaders(t, client('GET', '/later')), { outcome: 'unknown', status: 503, reason: 'Later', retryAfter: 30 })
  t.strictSame(await withoutHeaders(t, client('GET', '/broken')), { outcome: 'unknown', status: 500, reason: 'Internal Server Error' })
  t.strictSame(await withoutHeaders(t, client('GET', '/moved')), { outcome: 'unknown', status: 302, reason: 'Found' }, 'does not follow redirects')
})

t.test('does not wait for the body of an error', async t => {
  const baseUrl = await serve(t, (_request, response) => { response.writeHead(502).write('endless') })
  t.strictSame(await withoutHeaders(t, createClient({ baseUrl })('GET', '/')), { outcome: 'unknown', status: 502, reason: 'Bad Gateway' })
})

t.test('returns the headers of each response', async t => {
  const baseUrl = await serve(t, ({ url }, response) => {
    const [, status] = url.split('/')
    if (url === '/reset') return response.destroy()
    response.writeHead(Number(status), { Location: '/topic/1', 'EB-AFTER': '7', 'Set-Cookie': ['a=b', 'c=d'], 'Content-Type': 'application/json' }).end(url.endsWith('cut') ? '{' : '')
  })
  const client = createClient({ baseUrl })
  for (const [path, outcome] of [['/201', 'success'], ['/204', 'success'], ['/302', 'unknown'], ['/404', 'rejected'], ['/422', 'rejected'], ['/500', 'unknown'], ['/503', 'unknown'], ['/200/cut', 'unknown']] as const) {
    const result = await client('GET', path)
    t.equal(result.outcome, outcome, path)
    t.equal(result.headers!.get('location'), '/topic/1')
    t.equal(result.headers!.get('eb-after'), '7')
    t.strictSame(result.headers!.getSetCookie(), ['a=b', 'c=d'])
    t.ok([...result.headers!.keys()].every(name => name === name.toLowerCase()))
  }
  t.notOk('headers' in await client('GET', '/reset'), 'has no headers without a response')
  t.notOk('headers' in await client('GET', '/201', { signal: AbortSignal.abort() }))
})

t.test('signs requests with a key', async t => {
  const baseUrl = await serveSigned(t, key.id, key.secret)
  const client = createClient({ baseUrl, key })
  t.match(await client('GET', '/a', { query: { b: 'c d' } }), { outcome: 'success', status: 200, body: { url: '/a?b=c+d' } })
  t.match(await client('POST', '/a', { body: { b: 'c' } }), { outcome: 'success', status: 200, body: { body: '{"b":"c"}' } })
  t.strictSame(await withoutHeaders(t, createClient({ baseUrl })('GET', '/a')), { outcome: 'rejected', status: 401, reason: 'Signature-Input' })
  t.strictSame(await withoutHeaders(t, createClient({ baseUrl, key: { ...key, secret: 'hash' } })('GET', '/a')), { outcome: 'rejected', status: 401, reason: 'Signature' })

  t.strictSame(await client('GET', '/a', { signal: AbortSignal.abort('no more') }), { outcome: 'rejected', reason: 'no more', cause: 'no more' })
})

t.test('reads the reason from the configured header', async t => {
  const baseUrl = await serve(t, (_request, response) => { response.writeHead(404, { 'x-reason': 'No topic' }).end() })
  t.match(await createClient({ baseUrl, header: 'X-Reason' })('GET', '/'), { reason: 'No topic' })
  t.match(await createClient({ baseUrl })('GET', '/'), { reason: 'Not Found' })
})

t.test('reads the request id from the configured header', async t => {
  const baseUrl = await serve(t, ({ url }, response) => { response.writeHead(Number(url!.slice(1)), { 'x-request-id': 'req-1', 'x-trace': 'abc' }).end() })
  for (const create of [createClient, createBasicClient] as Array<typeof createBasicClient>) {
    for (const path of ['/404', '/500', '/304']) {
      t.match(await create({ baseUrl })('GET', path), { requestId: 'req-1' })
      t.match(await create({ baseUrl, requestIdHeader: 'X-Trace' })('GET', path), { requestId: 'abc' })
      t.notOk('requestId' in await create({ baseUrl, requestIdHeader: 'X-Other' })('GET', path))
    }
    t.notOk('requestId' in await create({ baseUrl })('GET', '/200'), 'a success has no request id')
  }
  t.match(await createClient({ baseUrl, retry: { attempts: 1 } })('POST', '/500', { idempotencyKey: 'a' }), { requestId: 'req-1', idempotencyKey: 'a' })
})

t.test('sends requests with a custom fetch', async t => {
  const baseUrl = await serve(t, echo)
  const asked: string[] = []
  const client = createClient({
    baseUrl,
    fetch (request, init) {
      asked.push(`${request.method} ${request.url} ${request.redirect}`)
      return fetch(request, init)
    }
  })
  t.match(await client('GET', '/a'), { outcome: 'success' })
  t.strictSame(asked, [`GET ${baseUrl}/a manual`])

  t.test('returns unknown if the custom fetch does not behave like fetch', async t => {
    const broken = (fetch: unknown) => createClient({ baseUrl, fetch: fetch as typeof globalThis.fetch })('GET', '/')
    t.strictSame(await broken(() => { throw new Error('no') }), { outcome: 'unknown', reason: 'no', cause: new Error('no') })
    t.match(await broken(async () => undefined), { outcome: 'unknown', cause: TypeError })
    t.match(await broken(async () => ({ status: 200 })), { outcome: 'unknown', status: 200, cause: TypeError })
    t.match(await broken(async () => { throw undefined }), { outcome: 'unknown', reason: 'undefined' }) // eslint-disable-line no-throw-literal
  })
})

t.test('throws for invalid options', async t => {
  const base = 'fastify-reason-phrase: baseUrl must be an http or https URL without a user, query or fragment'
  for (const baseUrl of ['', '/v2', '127.0.0.1', 'ftp://127.0.0.1', 'file:///v2', 'httpx://a', 'http://dev:hush@a', 'http://dev@a', 'http://a?b', 'http://a/?b=c', 'http://a#b', 'blob:http://a/b']) {
    t.throws(() => createClient({ baseUrl }), { name: 'TypeError', message: base }, baseUrl)
  }
  t.throws(() => createClient({} as ClientOptions), { name: 'TypeError', message: base })
  const baseUrl = 'http://127.0.0.1'
  for (const timeout of [0, -1, NaN, Infinity, 2 ** 31]) {
    t.throws(() => createClient({ baseUrl, timeout }), { name: 'TypeError', message: 'fastify-reason-phrase: timeout must be a positive number of milliseconds, at most 2147483647' }, `${timeout}`)
  }
  for (const maxResponseSize of [-1, NaN, '1 MB' as never]) {
    t.throws(() => createClient({ baseUrl, maxResponseSize }), { name: 'TypeError', message: 'fastify-reason-phrase: maxResponseSize must be a number of bytes, at least 0' })
  }
  for (const name of ['a b', '']) {
    for (const option of ['header', 'requestIdHeader']) {
      t.throws(() => createClient({ baseUrl, [option]: name }), { name: 'TypeError', message: 'fastify-reason-phrase: header and requestIdHeader must be valid header names' })
    }
  }
  t.throws(() => createClient({ baseUrl, key: { id: '', secret: 'hush' } }), { name: 'TypeError', message: /id of printable ASCII/ })
  t.throws(() => createClient({ baseUrl, key: { id: 'dev', secret: '' } }), { name: 'TypeError', message: /key must have an id of printable ASCII, and a secret/ })
  t.doesNotThrow(() => createClient({ baseUrl: new URL('https://a/v2/'), timeout: 2 ** 31 - 1, header: 'X-Reason', key }))
})

t.test('imports the key once', async t => {
  const imports = t.capture(crypto.subtle, 'importKey', crypto.subtle.importKey)
  createClient({ baseUrl: 'http://127.0.0.1', key })
  t.equal(imports().length, 1)
})

t.test('shows no secret in results, errors or the client', async t => {
  const client = createClient({ baseUrl: await serve(t, ({ url }, response) => url === '/reset' ? response.destroy() : response.writeHead(401).end()), key })
  const headers = { authorization: 'hush' }
  const shown = [
    client, await client('GET', '/'), await client('POST', '/reset', { headers, body: 'a' }),
    await createClient({ baseUrl: 'http://127.0.0.1:1', key })('GET', '/', { headers }),
    await client('GET', '/', { headers: { authorization: 'hush\n\0' } }).catch(error => error),
    await client('GET', '//', { headers }).catch(error => error)
  ]
  t.equal(shown.length, 6)
  for (const value of shown) t.notMatch(inspect(value, { depth: Infinity, showHidden: true }), /hush/)
})
