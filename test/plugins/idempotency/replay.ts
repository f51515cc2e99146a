import { hash } from 'node:crypto'
import cors from '@fastify/cors'
import t from 'tap'
import { createFingerprint, createOperation } from '../../../lib/idempotency/operation.js'
import { addRoute, createService, listenForKeys, summarize, transactionOf } from '../../fixtures/keyed-service.js'
import { tick } from '../../fixtures/maintenance.js'
import { assertErrorResponse, valuesOf } from '../../fixtures/wire.js'

const EXECUTING = 'Another request with this idempotency key is being executed. Retry to learn its outcome'

t.test('replays a success and a rejection', async t => {
  const { app, store } = await createService(t)
  let executions = 0
  addRoute(app, async (request, reply) => {
    transactionOf(request).insert('effect')
    executions++
    return request.headers['x-reject'] === undefined ? reply.created({ a: 'ä' }, '/a/1') : reply.unprocessable('It is taken')
  })
  const send = await listenForKeys(t, app)
  const success = { statusCode: 201, reason: undefined, body: Buffer.from('{"a":"ä"}').toString('latin1'), status: 'succeeded', replayed: undefined, retryAfter: undefined }
  const rejection = { statusCode: 422, reason: 'It is taken', body: '', status: 'rejected', replayed: undefined, retryAfter: undefined }
  for (const [key, replayed] of [['a', undefined], ['"a"', 'true'], ['a', 'true']]) {
    const response = await send(key)
    t.strictSame(summarize(response), { ...success, replayed })
    t.strictSame(valuesOf(response, 'location'), ['/a/1'])
  }
  const rejected = { lines: ['X-Reject: 1'] }
  t.strictSame(summarize(await send('b', rejected)), rejection)
  const replay = await send('b', rejected)
  t.strictSame(summarize(replay), { ...rejection, replayed: 'true' })
  assertErrorResponse(t, replay, 422, 'It is taken')
  t.strictSame([executions, store.effects], [2, ['effect']])
})

t.test('keeps the keys of callers apart', async t => {
  const { app, store } = await createService(t)
  addRoute(app, async request => request.headers['x-caller'])
  const send = await listenForKeys(t, app)
  for (const caller of ['x', 'y']) t.match(summarize(await send('a', { lines: [`X-Caller: ${caller}`] })), { body: caller, replayed: undefined })
  t.equal(store.settled.size, 2)
})

t.test('sends 422 for a key that was used for another request, was closed, or has expired', async t => {
  const { app, store } = await createService(t)
  addRoute(app, async () => 'ok')
  app.post('/other', { config: { idempotency: 'optional' } }, async () => 'ok')
  const send = await listenForKeys(t, app)
  await send('a')
  const mismatch = { statusCode: 422, reason: 'The idempotency key was used for another request. This request did nothing', body: '', status: 'mismatch', replayed: undefined, retryAfter: undefined }
  for (const options of [{ body: '{ }' }, { path: '/?a' }, { path: '/other' }]) t.strictSame(summarize(await send('a', options)), mismatch)

  store.add({ operation: createOperation('caller', 'closed'), fingerprint: undefined, state: 'closed' })
  t.strictSame(summarize(await send('closed')), { ...mismatch, reason: 'The idempotency key was closed. The operation did not happen and never will', status: 'closed' })

  const uuid = (age: number) => {
    const time = (Date.now() - age).toString(16).padStart(12, '0')
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`
  }
  const WEEK = 7 * 24 * 3600 * 1000
  const expired = await send(uuid(WEEK + 60_000))
  t.strictSame(summarize(expired), { ...mismatch, reason: 'The idempotency key has expired. The outcome of its operation is no longer known', status: 'expired' })
  assertErrorResponse(t, expired, 422, 'The idempotency key has expired. The outcome of its operation is no longer known')
  for (const age of [WEEK - 60_000, -2 * WEEK]) t.match(summarize(await send(uuid(age))), { statusCode: 200, status: 'succeeded' })

  const old = uuid(WEEK + 120_000)
  const fingerprint = [...store.settled.values()].at(-1)!.fingerprint
  store.add({ operation: createOperation('caller', old), fingerprint, state: 'succeeded', answer: { statusCode: 204, headers: {} } })
  t.match(summarize(await send(old)), { statusCode: 204, status: 'succeeded', replayed: 'true' }, 'replays the record of an expired key if it still exists')
  t.match(summarize(await send(old, { body: '[]' })), { status: 'mismatch' })
})

t.test('sends 400 for an invalid key', async t => {
  const { app, store } = await createService(t)
  addRoute(app, async request => String(request.transaction))
  app.post('/required', { config: { idempotency: 'required' } }, async () => 'ok')
  const send = await listenForKeys(t, app)
  const invalid = (reason: string) => ({ statusCode: 400, reason, body: '', status: undefined, replayed: undefined, retryAfter: undefined })
  t.strictSame(summarize(await send(undefined, { path: '/required' })), invalid('The request must have an Idempotency-Key'))
  t.strictSame(summarize(await send('a', { lines: ['idempotency-key: b'] })), invalid('The request must have one Idempotency-Key, not several'))
  t.strictSame(summarize(await send('')), invalid('The Idempotency-Key must not be empty'))
  t.strictSame(summarize(await send('a'.repeat(256))), invalid('The Idempotency-Key must have at most 255 characters'))
  t.match(summarize(await send('a,b')), { statusCode: 400, reason: /printable ASCII/ })
  t.strictSame(store.log, [])
  t.match(summarize(await send('a'.repeat(255))), { statusCode: 200 })
  t.match(summarize(await send('a', { path: '/required' })), { statusCode: 200, status: 'succeeded' })
  t.match(summarize(await send(undefined)), { statusCode: 200, body: 'undefined', status: undefined }, 'accepts a request without a key if the key is optional')
})

t.test('sends 503 while another process executes the operation, and then replays the response of that process', async t => {
  const { app, store } = await createService(t, { options: { wait: 100 } })
  addRoute(app, async () => 'ok')
  const send = await listenForKeys(t, app)
  const operation = createOperation('caller', 'a')
  store.executing.add(operation.id.toString('hex'))
  t.strictSame(summarize(await send('a')), { statusCode: 503, reason: EXECUTING, body: '', status: 'executing', replayed: undefined, retryAfter: '1' })
  t.ok(store.log.length >= 4, 'tries several times')

  const waiting = send('a')
  await tick(30)
  const fingerprint = createFingerprint('POST', '/', hash('sha256', '{}', 'buffer'))
  store.add({ operation, fingerprint, state: 'succeeded', answer: { statusCode: 200, headers: { 'content-type': 'text/plain' }, body: Buffer.from('elsewhere') } })
  t.match(summarize(await waiting), { statusCode: 200, body: 'elsewhere', replayed: 'true' })
})

t.test('sends 503 if the store is unavailable', async t => {
  const { app, store, lines } = await createService(t)
  addRoute(app, async () => 'ok')
  const send = await listenForKeys(t, app)
  store.begin = async () => { throw new Error('It is away') }
  const unavailable = { statusCode: 503, reason: 'The idempotency store is unavailable. This request was not executed', body: '', status: undefined, replayed: undefined, retryAfter: '1' }
  t.strictSame(summarize(await send('a')), unavailable)
  t.strictSame(summarize(await send('00000000-0000-7000-8000-000000000000')), unavailable, 'sends 503 for an expired key too')
  t.match(lines.filter(({ msg }) => msg === 'fastify-reason-phrase: the store of idempotency failed. Clients can retry with the same key').map(({ level, err }) => [level, err.message]), [[50, 'It is away'], [50, 'It is away']])
  store.begin = async () => {}
  t.match(summarize(await send('a')), { statusCode: 200, replayed: undefined })
})

t.test('sends 503 if too many requests are in flight', async t => {
  const { app } = await createService(t, { options: { wait: 50, maxInFlight: 1 } })
  let finish = () => {}
  addRoute(app, async request => {
    if (request.headers['x-wait'] !== undefined) await new Promise<void>(resolve => { finish = resolve })
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  const first = send('a', { lines: ['X-Wait: 1'] })
  await tick(20)
  const busy = { statusCode: 503, reason: 'Too many requests with idempotency keys are in progress. This request was not executed', body: '', status: undefined, replayed: undefined, retryAfter: '1' }
  t.strictSame(summarize(await send('b')), busy)
  t.strictSame(summarize(await send('00000000-0000-7000-8000-000000000000')), busy, 'sends 503 for an expired key too')
  t.match(summarize(await send(undefined)), { statusCode: 200 }, 'executes a request without a key, which needs no transaction')
  finish()
  t.match(summarize(await first), { statusCode: 200 })
})

t.test('lets pages of other origins read Idempotency-Status and Idempotent-Replayed', async t => {
  const { app } = await createService(t, { plugins: app => app.register(cors, { origin: true, exposedHeaders: ['x-a'] }) })
  addRoute(app, async request => {
    if (request.headers['x-reject'] !== undefined) throw Object.assign(new Error('No'), { statusCode: 404 })
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  const requests = [
    ['a', [], 'x-a, Idempotency-Status'],
    ['a', [], 'x-a, Idempotent-Replayed, Idempotency-Status'],
    ['a', ['X-Reject: 1'], 'x-a, Idempotent-Replayed, Idempotency-Status'],
    ['b', ['X-Reject: 1'], 'x-a, EB-REASON-PHRASE, Idempotency-Status'],
    ['b', ['X-Reject: 1'], 'x-a, EB-REASON-PHRASE, Idempotent-Replayed, Idempotency-Status']
  ] as const
  for (const [key, lines, exposed] of requests) {
    const response = await send(key, { lines: ['Origin: http://other', ...lines] })
    t.strictSame(valuesOf(response, 'access-control-expose-headers'), [exposed])
  }
  t.strictSame(valuesOf(await send(undefined, { lines: ['Origin: http://other'] }), 'access-control-expose-headers'), ['x-a'])
})
