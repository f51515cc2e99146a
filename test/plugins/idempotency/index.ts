import Fastify from 'fastify'
import t from 'tap'
import type { Rows, Statement } from '../../../lib/idempotency/store.js'
import idempotency from '../../../plugins/idempotency/index.js'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { kVerify } from '../../../plugins/reason-phrase/permissions.js'
import { addRoute, createService, listenForKeys, summarize, TestStore, transactionOf } from '../../fixtures/keyed-service.js'
import { tick, until } from '../../fixtures/maintenance.js'

const config = { idempotency: 'optional' } as const

t.test('fails to register without fastify-reason-phrase, or with an invalid option', async t => {
  const register = async (options: object, isComplete = true) => {
    const app = Fastify()
    if (isComplete) await app.register(reasonPhrase)
    await app.register(idempotency, options as never).ready()
  }
  const store = new TestStore()
  await t.rejects(register({ store }, false), { message: /dependency 'fastify-reason-phrase'/ })
  await t.rejects(register({}), { message: /store must be an object/ })
  await t.rejects(register({ store, wait: -1, scope: () => 'a' }), { message: /wait/ })
  await t.rejects(register({ store: Object.assign(new TestStore(), { poolSize: 5 }), scope: () => 'a' }), {
    message: 'fastify-reason-phrase: option maxInFlight of idempotency is 5, but it must be less than the size of the connection pool, which is 5. Lower maxInFlight, or enlarge the pool'
  })
  await t.resolves(register({ store: Object.assign(new TestStore(), { poolSize: 6 }), scope: () => 'a', prefix: '/v2', logLevel: 'warn' }))
})

t.test('rejects at start if neither the option scope nor the signature plugin identifies callers', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  await app.register(idempotency, { store: new TestStore() })
  await t.rejects(async () => await app.ready(), {
    message: 'fastify-reason-phrase: an idempotency key belongs to one caller, but no plugin identifies the caller of a request. Register fastify-reason-phrase/signature, or set the option scope of idempotency'
  })
})

t.test('uses the id of the key that signed the request as the default scope', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const store = new TestStore()
  await app.register(reasonPhrase)
  await app.register(idempotency, { store })
  app.decorate(kVerify, () => {})
  app.addHook('onRequest', async request => { (request as { key?: object }).key = { id: 'the key' } })
  addRoute(app, async () => 'ok')
  t.throws(() => app.post('/unsigned', { config: { ...config, signature: false } }, async () => 'ok'), {
    message: 'fastify-reason-phrase: Route POST /unsigned: config.idempotency needs to know the caller of a request, but config.signature is false. Remove one of them, or set the option scope of idempotency'
  })
  t.equal((await app.inject({ method: 'POST', url: '/', headers: { 'idempotency-key': 'a' } })).statusCode, 200)
  t.match([...store.settled.values()], [{ operation: { scope: 'the key', key: 'a' } }])
})

t.test('sends 500 if the option scope does not return a non-empty string', async t => {
  for (const [scope, found] of [['', 'an empty string'], [undefined, 'undefined']]) {
    const { app, store, lines } = await createService(t, { options: { scope: () => scope as string } })
    addRoute(app, async () => 'ok')
    const send = await listenForKeys(t, app)
    t.match(summarize(await send('a')), { statusCode: 500, status: undefined })
    t.ok(lines.some(({ err }) => err?.message === `fastify-reason-phrase: option scope of idempotency must return a non-empty string that identifies the caller of a request, but it returned ${found}`))
    t.strictSame(store.log, [])
    t.match(summarize(await send(undefined)), { statusCode: 200 })
  }
})

t.test('logs the description of the store at start', async t => {
  const { app, lines } = await createService(t, { store: Object.assign(new TestStore(), { description: 'records are in a test' }) })
  await app.ready()
  t.ok(lines.some(({ msg }) => msg === 'fastify-reason-phrase: records are in a test'))
})

t.test('does not change routes without config.idempotency, and app.notImplemented', async t => {
  const { app, store } = await createService(t)
  const handlers: unknown[] = []
  app.addHook('onRoute', ({ handler }) => { handlers.push(handler) })
  app.post('/not-implemented', { config }, app.notImplemented)
  app.get('/other', async function other () { return 'ok' })
  app.post('/named', { config }, async function named () { return this.initialConfig.http2 ?? 'the instance' })
  t.equal(handlers[0], app.notImplemented)
  t.equal((handlers.at(-1) as { name: string }).name, 'named')
  const headers = { 'idempotency-key': 'a' }
  t.equal((await app.inject({ method: 'POST', url: '/not-implemented', headers })).statusCode, 501)
  t.equal((await app.inject({ url: '/other', headers })).body, 'ok')
  t.strictSame(store.log, [])
  t.equal((await app.inject({ method: 'POST', url: '/named', headers })).body, 'the instance')
})

t.test('authenticates and validates a request before it reads the key', async t => {
  const { app, store } = await createService(t)
  app.addHook('onRequest', async ({ headers }) => {
    if (headers['x-bad'] !== undefined) throw Object.assign(new Error('Who are you?'), { statusCode: 401 })
  })
  app.post('/', { config, schema: { body: { type: 'object', required: ['a'] } } }, async () => 'ok')
  const send = await listenForKeys(t, app)
  const invalid = { statusCode: 400, status: undefined, replayed: undefined }
  const unauthorized = { ...invalid, statusCode: 401 }
  t.match(summarize(await send('a')), invalid)
  t.match(summarize(await send('a', { lines: ['X-Bad: 1'] })), unauthorized)
  t.strictSame(store.log, [])
  t.match(summarize(await send('a', { body: '{"a":1}' })), { statusCode: 200 })
  t.match(summarize(await send('a', { body: '{"a":1}', lines: ['X-Bad: 1'] })), unauthorized)
  t.match(summarize(await send('a')), invalid)
})

t.test('executes one of 50 concurrent requests with the same key', async t => {
  const { app, store } = await createService(t, { options: { wait: 10_000 } })
  let arrivals = 0
  let executions = 0
  app.addHook('onRequest', async () => { arrivals++ })
  addRoute(app, async request => {
    transactionOf(request).insert('effect')
    await until(() => arrivals === 50)
    await tick(20)
    return { execution: ++executions }
  })
  const send = await listenForKeys(t, app)
  const responses = (await Promise.all(Array.from({ length: 50 }, async () => await send('a')))).map(summarize)
  t.strictSame(responses.filter(({ replayed }) => replayed === undefined).length, 1)
  t.strictSame(new Set(responses.map(({ statusCode, body, status }) => `${statusCode} ${body} ${status}`)), new Set(['200 {"execution":1} succeeded']))
  t.strictSame([store.effects, store.log], [['effect'], ['begin', 'commit']], 'needs no transaction for the requests that wait')
})

t.test('sends 503 to retries that wait too long, and executes a waiting retry after a rollback', async t => {
  const { app, store } = await createService(t, { options: { wait: 60 } })
  const ends: Array<() => void> = []
  addRoute(app, async request => {
    transactionOf(request).insert('effect')
    await new Promise<void>(resolve => { ends.push(resolve) })
    if (ends.length === 1) throw new Error('It broke')
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  const first = send('a')
  await until(() => ends.length === 1)
  t.match(summarize(await send('a')), { statusCode: 503, status: 'executing', retryAfter: '1' })
  const other = send('a', { body: '{ }' })
  await tick(10)
  ends[0]!()
  t.match(summarize(await first), { statusCode: 500, status: undefined })
  await until(() => ends.length === 2)
  const mismatch = send('a')
  await tick(10)
  ends[1]!()
  t.match(summarize(await other), { statusCode: 200, body: 'ok', replayed: undefined })
  t.match(summarize(await mismatch), { statusCode: 422, status: 'mismatch' })
  t.strictSame(store.effects, ['effect'])
})

t.test('executes an operation once on two instances that share a store', async t => {
  const store = new TestStore()
  const services = [await createService(t, { store }), await createService(t, { store })]
  const senders: Array<Awaited<ReturnType<typeof listenForKeys>>> = []
  for (const { app } of services) {
    addRoute(app, async (request, reply) => {
      transactionOf(request).insert('effect')
      await tick(30)
      return reply.created({ a: 1 })
    })
    senders.push(await listenForKeys(t, app))
  }
  const responses = await Promise.all(Array.from({ length: 20 }, async (_, i) => summarize(await senders[i % 2]!('a'))))
  t.strictSame(new Set(responses.map(({ statusCode, body }) => `${statusCode} ${body}`)), new Set(['201 {"a":1}']))
  t.strictSame(responses.filter(({ replayed }) => replayed === undefined).length, 1)
  t.strictSame(store.effects, ['effect'])
})

t.test('replays without a transaction if the store has query()', async t => {
  let rows: Rows = []
  const statements: string[] = []
  const store = Object.assign(new TestStore(), {
    query: async ({ parts }: Statement) => {
      statements.push(parts.join('?'))
      return rows
    }
  })
  const { app } = await createService(t, { store })
  addRoute(app, async () => 'ok')
  const send = await listenForKeys(t, app)
  t.match(summarize(await send('a')), { body: 'ok', replayed: undefined })
  t.strictSame([statements, store.log], [[], ['begin', 'commit']])

  const { fingerprint } = [...store.settled.values()][0]!
  rows = [{ fingerprint, state: 'succeeded', status: 200, reason: null, headers: '{}', body: Buffer.from('recorded'), created: 1, settled: 2 }]
  t.match(summarize(await send('a')), { body: 'recorded', replayed: 'true' })
  t.match([statements, store.log], [[/^select /], ['begin', 'commit']])

  // The record was removed, so the operation is executed again.
  rows = []
  store.settled.clear()
  t.match(summarize(await send('a')), { body: 'ok', replayed: undefined })
  t.strictSame(store.log, ['begin', 'commit', 'begin', 'commit'])
})
