import { randomUUID } from 'node:crypto'
import http2 from 'node:http2'
import redis from '@fastify/redis'
import Fastify from 'fastify'
import t from 'tap'
import { outcomeOf } from '../../../client/index.js'
import reasonPhrase, { serverOptions } from '../../../index.js'
import signature, { memoryStore, redisStore } from '../../../plugins/signature/index.js'
import { markIdempotentRoutes } from '../../fixtures/idempotent-routes.js'
import { hasRedis } from '../../fixtures/redis.js'
import { assertInjectedError } from '../../fixtures/service.js'
import { KEY, sign } from '../../fixtures/sign.js'
import { build, keyed, keys, MISMATCH, NOT_VALID, send, signedBytes, slowKeys, UNSIGNED, USED } from '../../fixtures/signed-service.js'
import { connect, exchange, listen, valuesOf } from '../../fixtures/wire.js'

/** Sends the same request twice over HTTP/1.1, each on a new connection. Returns the second response. */
async function sendTwice (port: number, method: string, path: string, body?: string) {
  const request = signedBytes(method, path, body)
  const first = connect(port)
  first.write(request)
  if (method === 'PUT') await first.closed()
  else await first.responses(1)
  first.destroy()
  const response = await exchange(port, request)
  const one = (name: string): string | undefined => valuesOf(response, name)[0]
  const headers = new Headers(response.lines as Array<[string, string]>)
  return { ':status': response.statusCode, reason: one('eb-reason-phrase'), 'retry-after': one('retry-after'), 'accept-signature': one('accept-signature'), outcome: outcomeOf(new Response(null, { status: response.statusCode, headers })).outcome }
}

/** Sends the same request twice over HTTP/2. Returns the second response. */
async function sendTwiceHttp2 (port: number, method: string, path: string, body?: string) {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  const headers = { ':method': method, ':path': path, ...(body !== undefined && { 'content-type': 'application/json' }), ...sign(method, path, body) }
  const ask = async (): Promise<http2.IncomingHttpHeaders & { ':status'?: number }> => await new Promise(resolve => {
    const stream = session.request(headers)
    stream.on('response', resolve).on('error', () => {}).on('close', () => { resolve({}) }).end(body)
  })
  await ask()
  const { ':status': status, 'eb-reason-phrase': reason, 'retry-after': retryAfter, 'accept-signature': accept } = await ask()
  session.destroy()
  return { ':status': status, reason, 'retry-after': retryAfter, 'accept-signature': accept, outcome: outcomeOf(new Response(null, { status })).outcome }
}

t.test('accepts a nonce once, and sends 503 if the store is full', async t => {
  const lines: Array<{ level: number, msg: string }> = []
  const app = await build(t, { replay: { store: memoryStore({ max: 2 }) } }, { logger: { stream: { write: (line: string) => { lines.push(JSON.parse(line)) } } } })
  await app.ready()
  t.match(lines.filter(({ msg }) => msg.includes('nonces')), [{ level: 30, msg: 'fastify-reason-phrase: nonces are remembered by this process alone, at most 2 at a time, and are forgotten when it restarts' }])
  const headers = sign('GET', '/any')
  t.equal((await app.inject({ url: '/any', headers })).statusCode, 200)
  const response = await app.inject({ url: '/any', headers })
  assertInjectedError(t, response, 503, USED)
  t.notHas(response.headers, { 'retry-after': /./ })
  t.notHas(response.headers, { 'accept-signature': /./ })
  assertInjectedError(t, await app.inject({ method: 'POST', url: '/any', headers: { ...sign('POST', '/any', '{"a":1}'), 'content-type': 'application/json' }, payload: '{"a":2}' }), 401, MISMATCH)
  const full = await send(app, 'GET', '/any')
  assertInjectedError(t, full, 503, 'Nonces cannot be looked up for now')
  t.equal(full.headers['retry-after'], '5')
  assertInjectedError(t, await app.inject({ url: '/any', headers }), 503, USED)
})

t.test('accepts one of many concurrent requests with the same nonce', async t => {
  const app = await build(t, { keys: slowKeys, replay: { store: memoryStore() } })
  const headers = sign('GET', '/any')
  const responses = await Promise.all(Array.from({ length: 20 }, async () => await app.inject({ url: '/any', headers })))
  t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
  for (const response of responses) if (response.statusCode !== 200) assertInjectedError(t, response, 503, USED)
})

for (const http2 of [false, true]) {
  t.test(`sends 503 for a copy of a request, because the outcome of the request is unknown, over HTTP/${http2 ? 2 : 1.1}`, async t => {
    let runs = 0
    const app = await build(t, { replay: { store: memoryStore() } }, { http2 }, app => {
      app.put('/thing', async (_request, reply) => {
        runs++
        reply.raw.destroy()
        return await reply.hijack()
      })
    })
    const port = await listen(t, app)
    for (const [method, path, body] of [['PUT', '/thing', '{"a":1}'], ['DELETE', '/none', undefined]] as const) {
      const again = http2 ? await sendTwiceHttp2(port, method, path, body) : await sendTwice(port, method, path, body)
      t.strictSame(again, { ':status': 503, reason: USED, 'retry-after': undefined, 'accept-signature': undefined, outcome: 'unknown' })
    }
    t.equal(runs, 1)
  })
}

t.test('sends 503 if the store fails, and never runs the handler', async t => {
  const down = new Error('a password')
  const stores = {
    throws: () => { throw down },
    rejects: async () => { throw down },
    hangs: async () => await new Promise<boolean>(() => {}),
    nonsense: () => 'OK' as unknown as boolean
  }
  for (const [title, take] of Object.entries(stores)) {
    let ran = false
    const app = await build(t, { replay: { store: { take }, timeout: 10 } }, {}, app => { app.get('/ran', async () => { ran = true; return 'unsafe' }) })
    const response = await send(app, 'GET', '/ran')
    assertInjectedError(t, response, 503, 'Nonces cannot be looked up for now')
    t.equal(response.headers['retry-after'], '5', title)
    assertInjectedError(t, await app.inject('/ran'), 401, UNSIGNED)
    assertInjectedError(t, await send(app, 'GET', '/ran', undefined, { key: { id: KEY.id, secret: 'x' } }), 401, NOT_VALID)
    t.equal(ran, false)
  }
})

t.test('accepts a copy of a request with an idempotency key on an idempotent route, and on no other route', async t => {
  let runs = 0
  const app = await build(t, { replay: { store: memoryStore() } }, {}, app => {
    markIdempotentRoutes(app)
    const handler = async (): Promise<number> => ++runs
    app.post('/once', { config: { idempotency: 'optional' }, handler })
    app.post('/must', { config: { idempotency: 'required', permission: 'topic:read' }, handler })
    app.post('/denied', { config: { idempotency: 'required', permission: 'topic:write' }, handler })
  })
  const copied = async (url: string, headers: Record<string, string>): Promise<Array<[status: number, reason: unknown]>> => {
    const responses = []
    for (let i = 0; i < 2; i++) responses.push(await app.inject({ method: 'POST', url, headers: { ...headers, 'content-type': 'application/json' }, payload: '{"a":1}' }))
    return responses.map(({ statusCode, headers }) => [statusCode, headers['eb-reason-phrase']])
  }
  for (const url of ['/once', '/must']) t.strictSame(await copied(url, keyed('POST', url, '{"a":1}')), [[200, undefined], [200, undefined]], url)
  t.equal(runs, 4)
  t.strictSame(await copied('/denied', keyed('POST', '/denied', '{"a":1}')), Array(2).fill([403, 'The key lacks the permission topic:write']))
  t.equal(runs, 4)
  t.strictSame(await copied('/once', sign('POST', '/once', '{"a":1}')), [[200, undefined], [503, USED]], 'rejects a copy without an idempotency key')
  t.strictSame(await copied('/any', keyed('POST', '/any', '{"a":1}')), [[200, undefined], [503, USED]], 'rejects a copy on another route')

  const first = keyed('POST', '/once', '{"a":1}', { parameters: ';nonce="n"' })
  t.strictSame(await copied('/once', first), [[200, undefined], [200, undefined]])
  assertInjectedError(t, await send(app, 'GET', '/any', undefined, { parameters: ';nonce="n"' }), 503, USED)
  assertInjectedError(t, await app.inject({ method: 'POST', url: '/once', headers: { ...first, 'content-type': 'application/json', signature: 'sig1=:AAAA:' }, payload: '{"a":1}' }), 401, NOT_VALID)
  assertInjectedError(t, await app.inject({ method: 'POST', url: '/once', headers: { ...first, 'content-type': 'application/json' }, payload: '{"a":2}' }), 401, MISMATCH)
})

t.test('sends 503 for a request with an idempotency key if the store fails', async t => {
  let ran = false
  const app = await build(t, { replay: { store: { take: async () => { throw new Error('no store') } } } }, {}, app => {
    markIdempotentRoutes(app)
    app.post('/once', { config: { idempotency: 'required' } }, async () => { ran = true })
  })
  const response = await app.inject({ method: 'POST', url: '/once', headers: keyed('POST', '/once') })
  assertInjectedError(t, response, 503, 'Nonces cannot be looked up for now')
  t.equal(response.headers['retry-after'], '5')
  t.equal(ran, false)
})

t.test('accepts a nonce once in all processes that share a Redis server', { skip: !await hasRedis() && 'no Redis answers at 127.0.0.1:6379' }, async t => {
  const prefix = `fastify-reason-phrase:test:${randomUUID()}:`
  const apps = await Promise.all([1, 2].map(async () => {
    const app = Fastify(serverOptions())
    t.teardown(() => app.close())
    await app.register(reasonPhrase)
    await app.register(redis, { host: '127.0.0.1' })
    await app.register(signature, { keys, maxAge: 20, replay: { store: redisStore(app.redis, { prefix }) } })
    app.get('/any', async () => 'any')
    return app
  }))
  for (let i = 0; i < 5; i++) {
    const headers = sign('GET', '/any', undefined, { parameters: `;nonce="n${i}"` })
    const codes = await Promise.all([...apps, ...apps].map(async app => (await app.inject({ url: '/any', headers })).statusCode))
    t.strictSame(codes.sort(), [200, 503, 503, 503])
  }
  const left = await apps[0].redis.pttl(`${prefix}4:test:n0`)
  t.ok(left > 45_000 && left <= 51_000, 'remembers the nonce for maxAge and clockSkew')
  await apps[0].redis.del(Array.from({ length: 5 }, (_, i) => `${prefix}4:test:n${i}`))

  const client = apps[0].redis.duplicate()
  client.disconnect()
  const app = await build(t, { replay: { store: redisStore(client) } })
  assertInjectedError(t, await send(app, 'GET', '/any'), 503, 'Nonces cannot be looked up for now')
})
