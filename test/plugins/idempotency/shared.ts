import { hash } from 'node:crypto'
import net from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { Deferred } from '../../../lib/deferred.js'
import { createFingerprint, createOperation } from '../../../lib/idempotency/operation.js'
import type { NewRecord } from '../../../lib/idempotency/record.js'
import { ServiceUnavailable } from '../../../lib/service-unavailable.js'
import { memoryStore, type MemoryTransaction } from '../../../plugins/idempotency/index.js'
import { addRoute, commitEffect, createService, listenForKeys, summarize, TestStore, transactionOf } from '../../fixtures/keyed-service.js'
import { tick, until } from '../../fixtures/maintenance.js'
import { listen, valuesOf, type WireResponse } from '../../fixtures/wire.js'

const config = { idempotency: 'optional', transaction: 'shared' } as const
const fingerprint = createFingerprint('POST', '/', hash('sha256', '{}', 'buffer'))

const FAILED = { statusCode: 500, reason: 'Internal Server Error', body: '', status: undefined, replayed: undefined, retryAfter: undefined }
const UNKNOWN = { ...FAILED, statusCode: 503, reason: 'The result of the commit is unknown. Repeat the request with the same key to learn it', retryAfter: '1' }
const EXECUTING = { ...UNKNOWN, reason: 'Another request with this idempotency key is being executed. Retry to learn its outcome', status: 'executing' }

/** Adds `POST /`, which shares a transaction, with this handler. */
function addSharedRoute (app: FastifyInstance, handler: (request: FastifyRequest, reply: any) => unknown): void {
  addRoute(app, handler, { config })
}

/** Returns the record of another process: a response with a body and a `Location`. */
const success = (key: string): NewRecord => ({
  operation: createOperation('caller', key),
  fingerprint,
  state: 'succeeded',
  answer: { statusCode: 201, headers: { 'content-type': 'text/plain', location: '/won' }, body: Buffer.from('won') }
})
const rejection = (key: string): NewRecord => ({ ...success(key), state: 'rejected', answer: { statusCode: 404, reason: 'There was none', headers: {} } })
const closed = (key: string): NewRecord => ({ operation: createOperation('caller', key), fingerprint: undefined, state: 'closed' })

const WON = { statusCode: 201, reason: undefined, body: 'won', status: 'succeeded', replayed: 'true', retryAfter: undefined }
const LOST = { statusCode: 404, reason: 'There was none', body: '', status: 'rejected', replayed: 'true', retryAfter: undefined }

function assertFields (t: Test, response: WireResponse, fields: Record<string, string[]>): void {
  for (const [name, values] of Object.entries(fields)) t.strictSame(valuesOf(response, name), values, name)
}

t.test('commits the effects of a handler with the record of its response, and replays the response', async t => {
  const { app, store } = await createService(t)
  const log: unknown[] = []
  addSharedRoute(app, async (request, reply) => {
    t.equal(request.transaction, undefined)
    await request.commitWith(async record => {
      log.push(record)
      return await commitEffect(store, record)
    })
    log.push('answer')
    return reply.created({ a: 'ä' }, '/a/1')
  })
  const send = await listenForKeys(t, app)
  for (const replayed of [undefined, 'true', 'true']) {
    const response = await send('a')
    t.match(summarize(response), { statusCode: 201, body: Buffer.from('{"a":"ä"}').toString('latin1'), status: 'succeeded', replayed })
    assertFields(t, response, { location: ['/a/1'], 'content-type': ['application/json; charset=utf-8'] })
  }
  t.strictSame(log, ['answer', {
    operation: createOperation('caller', 'a'),
    fingerprint,
    state: 'succeeded',
    answer: { statusCode: 201, headers: { 'content-type': 'application/json; charset=utf-8', location: '/a/1' }, body: Buffer.from('{"a":"ä"}') }
  }], 'a known key is answered without the handler')
  t.strictSame(store.effects, ['effect'])
})

t.test('calls the commit function at once for a request without a key', async t => {
  const { app, store } = await createService(t)
  addSharedRoute(app, async request => {
    await request.commitWith(async record => {
      t.equal(record, undefined)
      if (request.headers['x-fail'] !== undefined) throw new ServiceUnavailable('It is full')
      return await commitEffect(store, record)
    })
    return { effects: store.effects.length, transaction: String(request.transaction) }
  })
  const send = await listenForKeys(t, app)
  for (const effects of [1, 2]) t.match(summarize(await send(undefined)), { statusCode: 200, body: `{"effects":${effects},"transaction":"undefined"}`, status: undefined })
  t.match(summarize(await send(undefined, { lines: ['X-Fail: 1'] })), { statusCode: 503, reason: 'It is full' })
})

t.test('replays the record of another process that has used the key', async t => {
  const { app, store } = await createService(t, { options: { wait: 100 } })
  addSharedRoute(app, async (request, reply) => {
    await request.commitWith(async record => await commitEffect(store, record))
    return reply.header('x-other', 'a').created({ a: 1 }, '/lost')
  })
  const send = await listenForKeys(t, app)
  for (const record of [success('a'), rejection('b'), closed('c'), { ...success('d'), fingerprint: Buffer.alloc(32) }]) store.add(record)
  const won = await send('a')
  t.strictSame(summarize(won), WON)
  assertFields(t, won, { location: ['/won'], 'content-type': ['text/plain'] })
  const refusal = { statusCode: 422, body: '', replayed: undefined, retryAfter: undefined }
  for (const [key, expected] of [['b', LOST], ['c', { ...refusal, status: 'closed' }], ['d', { ...refusal, status: 'mismatch' }]] as const) {
    const response = await send(key)
    t.match(summarize(response), expected)
    assertFields(t, response, { location: [], 'content-type': [] })
  }
  t.strictSame(store.effects, [])
})

t.test('waits for another process that executes the key', async t => {
  const { app, store } = await createService(t, { options: { wait: 100 } })
  addSharedRoute(app, async (request, reply) => {
    await request.commitWith(async record => await commitEffect(store, record))
    return reply.created({ a: 1 }, '/lost')
  })
  const send = await listenForKeys(t, app)
  const name = success('a').operation.id.toString('hex')
  store.executing.add(name)
  const response = await send('a')
  t.strictSame(summarize(response), EXECUTING)
  assertFields(t, response, { location: [] })

  const waiting = send('a')
  await tick(30)
  store.add(success('a'))
  t.strictSame(summarize(await waiting), WON)
  t.strictSame(store.effects, [])

  store.settled.clear()
  store.executing.delete(name)
  t.match(summarize(await send('a')), { statusCode: 201, body: '{"a":1}', replayed: undefined }, 'executes a request whose key was rolled back')
})

t.test('records a rejection, or a response without effects, in its own transaction', async t => {
  const { app, store } = await createService(t)
  let executions = 0
  addSharedRoute(app, async (request, reply) => {
    executions++
    if (request.headers['x-commit'] !== undefined) await request.commitWith(async record => await commitEffect(store, record))
    if (request.headers['x-reject'] !== undefined) return reply.header('location', '/rejected').notFound('There is none')
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  for (const [key, lines, expected] of [
    ['a', ['X-Commit: 1', 'X-Reject: 1'], { statusCode: 404, reason: 'There is none', status: 'rejected' }],
    ['b', ['X-Reject: 1'], { statusCode: 404, status: 'rejected' }],
    ['c', [], { statusCode: 200, body: 'ok', status: 'succeeded' }]
  ] as const) {
    for (const replayed of [undefined, 'true']) t.match(summarize(await send(key, { lines: [...lines] })), { ...expected, replayed })
  }
  t.strictSame([executions, store.effects, store.settled.size], [3, [], 3])

  for (const [key, record] of [['d', success('d')], ['e', closed('e')], ['f', rejection('f')]] as const) {
    store.add(record)
    const response = await send(key, { lines: ['X-Reject: 1'] })
    t.match(summarize(response), key === 'd' ? WON : key === 'e' ? { statusCode: 422, status: 'closed' } : LOST)
    assertFields(t, response, { location: key === 'd' ? ['/won'] : [] })
  }
})

t.test('sends the error of the commit function, and records nothing', async t => {
  const { app, store, lines } = await createService(t)
  const errors: unknown[] = [
    new ServiceUnavailable('It is full'),
    Object.assign(new Error('There is none'), { statusCode: 404 }),
    Object.assign(new Error('It is taken'), { status: 422 }),
    new Error('It broke'),
    'a text',
    undefined
  ]
  addSharedRoute(app, async (request, reply) => {
    await request.commitWith(async record => {
      if (errors.length > 0) throw errors.shift()
      return await commitEffect(store, record)
    })
    return reply.accepted({ a: 1 }, '/a/1')
  })
  const send = await listenForKeys(t, app)
  const full = await send('a')
  t.strictSame(summarize(full), { ...FAILED, statusCode: 503, reason: 'It is full', retryAfter: '5' })
  assertFields(t, full, { location: [], 'content-type': [] })
  while (errors.length > 0) t.strictSame(summarize(await send('a')), FAILED)
  for (const [statusCode, message] of [[404, 'There is none'], [422, 'It is taken']]) {
    const { err } = lines.find(({ err }) => err?.message.includes(`with the status code ${statusCode}`))
    t.match(err.message, `fastify-reason-phrase: the function given to request.commitWith() threw an error with the status code ${statusCode}. 500 is sent, because a rejection cannot be recorded after the handler. Check the request in the handler`)
    t.match(err.stack, message)
  }
  t.strictSame([store.effects, store.settled.size], [[], 0])
  t.match(summarize(await send('a')), { statusCode: 202, body: '{"a":1}', status: 'succeeded', replayed: undefined }, 'executes a retry')
  t.strictSame(store.effects, ['effect'])
})

t.test('sends 500 if the commit function does not resolve to a boolean, unless the record was inserted', async t => {
  const { app, store, lines } = await createService(t)
  addSharedRoute(app, async request => {
    await request.commitWith((async (record: NewRecord) => { if (request.headers['x-insert'] !== undefined) await commitEffect(store, record) }) as never)
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  t.strictSame(summarize(await send('a')), FAILED)
  t.ok(lines.some(({ err }) => err?.message === 'fastify-reason-phrase: Route POST /: the function given to request.commitWith() must resolve to true if it has inserted the record, or to false if the key was used before. It resolved to undefined'))
  t.match(summarize(await send('b', { lines: ['X-Insert: 1'] })), { statusCode: 200, body: 'ok', status: 'succeeded' }, 'sends the response whose record was inserted')
})

t.test('sends the record of the key, if there is one, instead of a 5xx', async t => {
  const { app, store, lines } = await createService(t)
  const failures: Record<string, (request: FastifyRequest, reply: any) => unknown> = {
    thrown: () => { throw new ServiceUnavailable('It is full') },
    sent: (_request, reply) => reply.header('location', '/lost').code(503).send({ message: 'It is full' }),
    decorator: (_request, reply) => reply.serviceUnavailable('It is full', { retryAfter: 5 }),
    serialized: (_request, reply) => {
      const circular: { self?: object } = {}
      circular.self = circular
      return reply.send(circular)
    },
    commit: async (request, reply) => {
      await request.commitWith(async () => { throw new ServiceUnavailable('It is full') })
      return reply.accepted({ a: 1 }, '/lost')
    }
  }
  for (const [name, handler] of Object.entries(failures)) app.post(`/${name}`, { config }, async (request, reply) => await handler(request, reply))
  const send = await listenForKeys(t, app)
  for (const name of Object.keys(failures)) {
    const path = `/${name}`
    const failed = summarize(await send(name, { path }))
    t.match(failed, name === 'serialized' ? FAILED : { statusCode: 503, reason: 'It is full', status: undefined, replayed: undefined }, `${name}, without a record`)

    const fingerprint = createFingerprint('POST', path, hash('sha256', '{}', 'buffer'))
    for (const [record, expected] of [[success(name), WON], [rejection(name), LOST]] as const) {
      store.settled.clear()
      store.add({ ...record, fingerprint })
      const response = await send(name, { path })
      t.strictSame(summarize(response), expected, `${name}, ${record.state}`)
      assertFields(t, response, { location: record.state === 'succeeded' ? ['/won'] : [] })
    }
    store.settled.clear()
    store.add(closed(`closed ${name}`))
    t.match(summarize(await send(`closed ${name}`, { path })), { statusCode: 422, status: 'closed', retryAfter: undefined })
    store.begin = async () => { throw new Error('It is away') }
    t.strictSame(summarize(await send(`${name} again`, { path })), failed, `${name}, without a store`)
    store.begin = async () => {}
  }
  t.ok(lines.some(({ msg }) => msg === 'fastify-reason-phrase: the store of idempotency failed. Clients can retry with the same key'))
  t.strictSame(store.effects, [])
})

t.test('replays the recorded response if the commit function fails after its commit', async t => {
  const { app, store } = await createService(t)
  addSharedRoute(app, async (request, reply) => {
    await request.commitWith(async record => {
      await commitEffect(store, record)
      throw new Error('The connection is lost')
    })
    return reply.accepted({ a: 1 }, '/a/1')
  })
  const send = await listenForKeys(t, app)
  const replay = { statusCode: 202, body: '{"a":1}', status: 'succeeded', replayed: 'true' }
  t.match(summarize(await send('a')), replay)
  t.match(summarize(await send('a')), replay)
  t.strictSame(store.effects, ['effect'])
})

t.test('sends 503 if a rejection cannot be recorded', async t => {
  const { app, store, lines } = await createService(t)
  addSharedRoute(app, async (_request, reply) => reply.notFound('There is none'))
  const send = await listenForKeys(t, app)
  store.commit = async () => { throw new Error('The connection is lost') }
  t.strictSame(summarize(await send('a')), UNKNOWN)
  t.match(lines.find(({ err }) => err !== undefined).err.stack, /The connection is lost/)
  store.commit = async () => {}
  t.match(summarize(await send('a')), { statusCode: 404, status: 'rejected', replayed: undefined })
})

t.test('executes one of 50 concurrent requests with the same key', async t => {
  const { app, store } = await createService(t, { options: { wait: 10_000 } })
  let arrivals = 0
  let executions = 0
  app.addHook('onRequest', async () => { arrivals++ })
  addSharedRoute(app, async request => {
    await until(() => arrivals === 50)
    await request.commitWith(async record => {
      await tick(20)
      return await commitEffect(store, record)
    })
    return { execution: ++executions }
  })
  const send = await listenForKeys(t, app)
  const responses = (await Promise.all(Array.from({ length: 50 }, async () => await send('a')))).map(summarize)
  t.strictSame(responses.filter(({ replayed }) => replayed === undefined).length, 1)
  t.strictSame(new Set(responses.map(({ statusCode, body, status }) => `${statusCode} ${body} ${status}`)), new Set(['200 {"execution":1} succeeded']))
  t.strictSame([store.effects, store.log], [['effect'], ['begin', 'commit']])
})

t.test('sends 503 to retries that wait too long, and executes a waiting retry after a failure', async t => {
  const { app, store } = await createService(t, { options: { wait: 60 } })
  const ends: Array<() => void> = []
  addSharedRoute(app, async request => {
    await request.commitWith(async record => await commitEffect(store, record))
    await new Promise<void>(resolve => { ends.push(resolve) })
    if (ends.length === 1) throw new Error('It broke')
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  const first = send('a')
  await until(() => ends.length === 1)
  t.strictSame(summarize(await send('a')), EXECUTING)
  const other = send('a')
  await tick(10)
  ends[0]!()
  t.strictSame(summarize(await first), FAILED)
  await until(() => ends.length === 2)
  ends[1]!()
  t.match(summarize(await other), { statusCode: 200, body: 'ok', replayed: undefined })
  t.strictSame(store.effects, ['effect'])
})

t.test('executes an operation once on two instances that share a store', async t => {
  const store = new TestStore()
  const senders: Array<Awaited<ReturnType<typeof listenForKeys>>> = []
  for (const instance of [1, 2]) {
    const { app } = await createService(t, { store })
    addSharedRoute(app, async (request, reply) => {
      await request.commitWith(async record => {
        await tick(10)
        return await commitEffect(store, record)
      })
      return reply.created({ instance }, `/${instance}`)
    })
    senders.push(await listenForKeys(t, app))
  }
  const responses = await Promise.all(Array.from({ length: 20 }, async (_, i) => await senders[i % 2]!('a')))
  t.equal(new Set(responses.map(response => `${response.statusCode} ${response.body} ${valuesOf(response, 'location').join()}`)).size, 1)
  t.equal(responses.filter(response => summarize(response).replayed === undefined).length, 1)
  t.strictSame(store.effects, ['effect'])
})

t.test('limits the transactions of the plugin, but not the handlers', async t => {
  const { app, store } = await createService(t, { options: { wait: 50, maxInFlight: 1 } })
  const gate = new Deferred<void>()
  let running = 0
  app.post('/own', { config: { idempotency: 'optional' } }, async () => {
    running++
    await gate.promise
    return 'ok'
  })
  app.post('/shared', { config }, async (request, reply) => {
    if (request.headers['x-reject'] !== undefined) return reply.notFound('There is none')
    if (request.headers['x-commit'] !== undefined) await request.commitWith(async record => await commitEffect(store, record))
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  const own = send('own', { path: '/own' })
  await until(() => running === 1)
  const shared = { path: '/shared' }
  t.match(summarize(await send('a', { ...shared, lines: ['X-Commit: 1'] })), { statusCode: 200, status: 'succeeded' }, 'commits effects without a transaction of the plugin')
  const busy = { statusCode: 503, reason: 'Too many requests with idempotency keys are in progress. This request was not executed', status: undefined, retryAfter: '1' }
  t.match(summarize(await send('a', shared)), busy, 'sends 503 if it cannot read the record of a settled key')
  t.match(summarize(await send('b', { ...shared, lines: ['X-Reject: 1'] })), busy, 'sends 503 if it cannot record a rejection')
  gate.resolve()
  t.match(summarize(await own), { statusCode: 200 })
  t.match(summarize(await send('b', { ...shared, lines: ['X-Reject: 1'] })), { statusCode: 404, replayed: undefined })
})

t.test('does not call the handler for a settled key or an expired key', async t => {
  const { app, store } = await createService(t)
  let executions = 0
  addSharedRoute(app, async request => {
    executions++
    await request.commitWith(async record => await commitEffect(store, record))
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  await send('a')
  t.match(summarize(await send('a', { body: '[]' })), { statusCode: 422, status: 'mismatch' })
  const old = '00000000-0000-7000-8000-000000000000'
  t.match(summarize(await send(old)), { statusCode: 422, status: 'expired' })
  store.add(success(old))
  t.strictSame(summarize(await send(old)), WON)
  store.begin = async () => { throw new Error('It is away') }
  t.match(summarize(await send('a')), { statusCode: 503, reason: 'The idempotency store is unavailable. This request was not executed' })
  store.begin = async () => {}
  t.equal(executions, 1)

  store.settled.clear()
  t.match(summarize(await send('a')), { statusCode: 200, replayed: undefined }, 'executes the operation again after its record was removed')
  t.equal(executions, 2)
})

t.test('sends 503 after the timeout, and commits no effects after that', async t => {
  const { app, store } = await createService(t, { options: { timeout: 40, wait: 20 } })
  const gate = new Deferred<void>()
  const errors: unknown[] = []
  let commits = 0
  addSharedRoute(app, async request => {
    const commit = async (record: NewRecord | undefined): Promise<boolean> => {
      commits++
      return await commitEffect(store, record)
    }
    if (request.headers['x-wait'] === 'before') {
      await gate.promise
      await request.commitWith(commit).catch((error: Error) => { errors.push(error) })
    } else {
      await request.commitWith(commit)
      if (request.headers['x-wait'] === 'after') await gate.promise
    }
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  for (const wait of ['before', 'after']) {
    t.match(summarize(await send('a', { lines: [`X-Wait: ${wait}`] })), { ...UNKNOWN, reason: 'The request took too long and was rolled back. Repeat it with the same key' })
  }
  gate.resolve()
  await until(() => errors.length > 0)
  t.match(errors, [{ message: 'fastify-reason-phrase: Route POST /: request.commitWith() was called after the response. Call it before the response is sent' }])
  t.strictSame([commits, store.effects, store.settled.size], [0, [], 0])
  t.match(summarize(await send('a')), { statusCode: 200, status: 'succeeded', replayed: undefined })
})

t.test('sends 503 if the commit takes too long, and replays the response after the commit', async t => {
  for (const options of [{ options: { timeout: 20 } }, { server: { handlerTimeout: 20 } as object }]) {
    const { app, store } = await createService(t, options)
    const gate = new Deferred<void>()
    let executions = 0
    app.post('/', { config }, async request => {
      executions++
      await request.commitWith(async record => {
        await gate.promise
        return await commitEffect(store, record)
      })
      return 'ok'
    })
    const headers = { 'idempotency-key': 'a' }
    t.match(await app.inject({ method: 'POST', url: '/', headers }), { statusCode: 503, headers: { 'idempotency-status': undefined } })
    const second = app.inject({ method: 'POST', url: '/', headers })
    await tick(10)
    gate.resolve()
    t.match(await second, { statusCode: 200, body: 'ok', headers: { 'idempotency-status': 'succeeded', 'idempotent-replayed': 'true' } })
    t.strictSame([executions, store.effects], [1, ['effect']])
  }
})

t.test('sends the 5xx if reading the record takes too long', async t => {
  const { app, store } = await createService(t, { options: { timeout: 30 } })
  const gate = new Deferred<void>()
  addSharedRoute(app, async () => { throw new ServiceUnavailable('It is full') })
  const send = await listenForKeys(t, app)
  store.begin = async () => { await gate.promise }
  store.add(success('a'))
  t.match(summarize(await send('a')), { statusCode: 503, status: undefined })
  gate.resolve()
  t.strictSame(summarize(await send('a')), WON)
})

t.test('does not commit the effects of a response that cannot be recorded', async t => {
  const { app, store, lines } = await createService(t, { options: { maxBytes: 10 } })
  const handlers: Record<string, [handler: (reply: any) => unknown, message: RegExp]> = {
    '/stream': [reply => reply.send(Readable.from(['a'])), /cannot be recorded for its idempotency key, because its payload is a stream/],
    '/long': [reply => reply.send('12345678901'), /body has 11 bytes/],
    '/hijacked': [reply => reply.hijack(), /reply\.hijack\(\) was called/],
    '/raw': [reply => { reply.raw.end('raw') }, /the handler ended the raw response/]
  }
  for (const [url, [handler]] of Object.entries(handlers)) {
    app.post(url, { config }, (request, reply) => {
      request.commitWith(async record => await commitEffect(store, record)).then(() => handler(reply)).catch((error: Error) => reply.send(error))
    })
  }
  const send = await listenForKeys(t, app)
  for (const [path, [, message]] of Object.entries(handlers)) {
    const response = summarize(await send(path, { path }))
    if (path === '/raw') t.match(response, { statusCode: 200, body: 'raw', status: undefined })
    else t.strictSame(response, FAILED)
    await until(() => lines.some(({ msg, err }) => message.test(`${msg} ${err?.message}`)))
  }
  t.strictSame([store.effects, store.settled.size], [[], 0])
})

t.test('commits if the client disconnects', async t => {
  const { app, store } = await createService(t)
  const started = new Deferred<void>()
  addSharedRoute(app, async request => {
    started.resolve()
    await request.commitWith(async record => await commitEffect(store, record))
    await tick(30)
    return 'ok'
  })
  const socket = net.connect(await listen(t, app))
  socket.write('POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\r\nContent-Length: 0\r\n\r\n')
  await started.promise
  socket.destroy()
  await until(() => store.settled.size === 1)
  t.strictSame(store.effects, ['effect'])
})

t.test('sends the first response if the handler sends two', async t => {
  const { app, store } = await createService(t)
  addSharedRoute(app, (request, reply) => {
    const [first, second] = [Number(request.headers['x-first']), Number(request.headers['x-second'])]
    request.commitWith(async record => {
      await tick(10)
      return await commitEffect(store, record)
    })
    reply.code(first).send({ message: 'first' })
    reply.code(second).header('location', '/2').send({ message: 'second' })
  })
  const send = await listenForKeys(t, app)
  for (const [first, second] of [[201, 202], [201, 404], [404, 201], [503, 404], [503, 200]]) {
    const response = await send(`${first} ${second}`, { lines: [`X-First: ${first}`, `X-Second: ${second}`] })
    t.match(summarize(response), { statusCode: first, status: first === 503 ? undefined : first === 201 ? 'succeeded' : 'rejected' }, `${first}, then ${second}`)
    if (first === 201) assertFields(t, response, { location: [] })
  }
  t.strictSame(store.effects, ['effect', 'effect'])
})

t.test('sends the record of another process, even if the handler sends two responses', async t => {
  const { app, store } = await createService(t)
  app.addHook('onSend', async () => { await tick(20) })
  addSharedRoute(app, async (request, reply) => {
    await request.commitWith(async record => await commitEffect(store, record))
    setTimeout(() => reply.code(202).header('location', '/second').send('second'), 10)
    return reply.code(200).header('location', '/lost').send('lost')
  })
  const send = await listenForKeys(t, app)
  for (const [record, expected, location] of [[success('a'), WON, ['/won']], [rejection('b'), LOST, []], [closed('c'), { statusCode: 422, status: 'closed' }, []]] as const) {
    store.add(record)
    const response = await send(record.operation.key)
    t.match(summarize(response), expected)
    assertFields(t, response, { location: [...location] })
    await tick(20)
  }
  t.match(summarize(await send('d')), { statusCode: 200, body: 'lost', status: 'succeeded' })
})

t.test('sends 500 instead of a 4xx that contradicts the record of another process', async t => {
  const { app, store } = await createService(t, { options: { wait: 20 } })
  app.setErrorHandler((_error, _request, reply) => reply.code(422).send({ message: 'mapped' }))
  app.addHook('onSend', async (_request, reply) => { if (reply.getHeader('idempotency-status') !== undefined) throw new Error('A later hook failed') })
  addSharedRoute(app, async (_request, reply: FastifyReply) => reply.notFound('There is none'))
  const send = await listenForKeys(t, app)
  store.add(success('a'))
  store.add(rejection('b'))
  store.executing.add(success('c').operation.id.toString('hex'))
  for (const [key, statusCode] of [['a', 500], ['b', 422], ['c', 500]] as const) {
    t.match(summarize(await send(key)), { statusCode, status: undefined, replayed: undefined })
  }
})

t.test('request.commitWith() throws on other routes, before the handler, and at the second call', async t => {
  const { app, store, lines } = await createService(t)
  const commit = async (record: NewRecord | undefined): Promise<boolean> => await commitEffect(store, record)
  app.post('/own', { config: { idempotency: 'optional' } }, async request => { await request.commitWith(commit) })
  app.post('/plain', async request => { await request.commitWith(commit) })
  app.post('/twice', { config }, async request => {
    await request.commitWith(commit)
    await request.commitWith(commit)
  })
  app.post('/hook', { config, preHandler: async request => { await request.commitWith(commit) } }, async () => 'ok')
  const send = await listenForKeys(t, app)
  const name = (path: string): string => `fastify-reason-phrase: Route POST ${path}:`
  for (const [path, key, message, effects] of [
    ['/own', 'a', "request.commitWith() needs config.transaction: 'shared'. Add it to the route, or use request.transaction", 0],
    ['/own', undefined, "request.commitWith() needs config.transaction: 'shared'. Add it to the route, or use request.transaction", 0],
    ['/plain', undefined, "request.commitWith() needs config.transaction: 'shared'. Add it to the route, or use request.transaction", 0],
    ['/twice', 'b', 'request.commitWith() was called twice for one request. Call it once, with one function that commits all effects', 0],
    ['/twice', undefined, 'request.commitWith() was called twice for one request. Call it once, with one function that commits all effects', 1],
    ['/hook', 'c', 'request.commitWith() was called before the handler. Call it in the handler', 0]
  ] as const) {
    lines.length = store.effects.length = 0
    t.match(summarize(await send(key, { path })), FAILED)
    t.ok(lines.some(({ err }) => err?.message === `${name(path)} ${message}`), `${path}: ${message}`)
    t.equal(store.effects.length, effects)
  }
  t.equal(store.settled.size, 0)
})

t.test('gives a transaction to each route that does not share one', async t => {
  const { app, store } = await createService(t)
  app.post('/own', { config: { idempotency: 'optional', transaction: undefined } }, async request => {
    transactionOf(request).insert('own')
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  t.match(summarize(await send('a', { path: '/own' })), { statusCode: 200, status: 'succeeded' })
  t.strictSame(store.effects, ['own'])
})

t.test('commits with memoryStore()', async t => {
  const store = memoryStore()
  let effects = 0
  const { app } = await createService(t, { options: { store: store as never } })
  addSharedRoute(app, async (request, reply) => {
    await request.commitWith(async record => await store.transaction(async ({ transaction, records }: { transaction: MemoryTransaction, records?: any }) => {
      const [isInserted] = record === undefined ? [true] : await records.insert([record])
      if (isInserted) transaction.onCommit(() => { effects++ })
      return isInserted
    }))
    if (request.headers['x-reject'] !== undefined) return reply.notFound('There is none')
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  for (const replayed of [undefined, 'true']) {
    t.match(summarize(await send('a')), { statusCode: 200, body: 'ok', replayed })
    t.match(summarize(await send('b', { lines: ['X-Reject: 1'] })), { statusCode: 404, status: 'rejected', replayed })
  }
  t.equal((await send(undefined)).body, 'ok')
  t.equal(effects, 2)
})
