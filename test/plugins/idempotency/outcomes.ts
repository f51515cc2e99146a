import { createHash } from 'node:crypto'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod'
import t, { type Test } from 'tap'
import { v7 } from 'uuid'
import { createOperation } from '../../../lib/idempotency/operation.js'
import type { NewRecord } from '../../../lib/idempotency/record.js'
import { REFUSALS } from '../../../lib/idempotency/refusals.js'
import idempotency, { memoryStore } from '../../../plugins/idempotency/index.js'
import maintenance from '../../../plugins/maintenance/index.js'
import reasonPhrase, { serverOptions } from '../../../index.js'
import signature from '../../../plugins/signature/index.js'
import { addRoute, askerOf, commitEffect, createService, listenForKeys, summarize, TestStore, transactionOf } from '../../fixtures/keyed-service.js'
import { tick, until } from '../../fixtures/maintenance.js'
import { assertInjectedError } from '../../fixtures/service.js'
import { KEY, sign } from '../../fixtures/sign.js'
import { assertErrorResponse, connect, valuesOf, type WireResponse } from '../../fixtures/wire.js'

const PATH = '/v2/operation'
const RETENTION_MS = 604_800_000
const DAY_MS = 86_400_000
const EPOCH = '1970-01-01T00:00:00.000Z'
const CLOSING = '{"state":"closed"}'

type Options = NonNullable<Parameters<typeof createService>[1]>

interface OutcomeService extends Awaited<ReturnType<typeof createService>> {
  /** Sends `POST /` with a key. */
  send: Awaited<ReturnType<typeof listenForKeys>>
  /** Requests the outcome of a key, or closes the key. */
  ask: ReturnType<typeof askerOf>
}

/** Starts a service with outcome routes and an idempotent route. */
async function listenForOutcomes (t: Test, handler: (request: FastifyRequest, reply: FastifyReply) => unknown, { options, ...more }: Options = {}): Promise<OutcomeService> {
  const service = await createService(t, { options: { outcomes: PATH, wait: 0, ...options }, ...more })
  addRoute(service.app, handler)
  const send = await listenForKeys(t, service.app)
  return { ...service, send, ask: askerOf(service.app, PATH) }
}

/** Asserts that a response contains this outcome of a key. */
function assertOutcome (t: Test, response: WireResponse, outcome: { state: string, [member: string]: unknown }, title = 'sends the outcome'): void {
  t.equal(response.statusCode, 200, title)
  t.strictSame(JSON.parse(response.body), outcome, title)
  t.strictSame(['idempotent-replayed', 'idempotency-status', 'cache-control', 'content-type'].map(field => valuesOf(response, field)), [[], [outcome.state], ['no-store'], ['application/json; charset=utf-8']])
}

/** Asserts that a response is a refusal. */
function assertRefusal (t: Test, response: WireResponse, name: keyof typeof REFUSALS, title: string = name): void {
  const { statusCode, reason, retryAfter, idempotencyStatus } = REFUSALS[name]
  assertErrorResponse(t, response, statusCode, reason, title)
  t.strictSame(summarize(response), { statusCode, reason, body: '', status: idempotencyStatus, replayed: undefined, retryAfter: retryAfter === undefined ? undefined : String(retryAfter) }, title)
}

function recordOf (key: string, more: Partial<NewRecord> = {}): NewRecord {
  return { operation: createOperation('caller', key), fingerprint: createHash('sha256').digest(), state: 'succeeded', answer: { statusCode: 200, headers: {} }, ...more }
}

const answerTopic = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
  if (request.transaction !== undefined) transactionOf(request).insert('effect')
  if (request.headers['x-reject'] !== undefined) return reply.unprocessable('The name is taken')
  return reply.created({ topicId: 1 }, '/topic/1')
}

t.test('GET returns the outcome of a key', async t => {
  const { send, ask, store } = await listenForOutcomes(t, answerTopic)
  assertRefusal(t, await ask('GET', 'a'), 'nothingKnown')
  t.match(summarize(await send('a')), { statusCode: 201 })
  const succeeded = {
    key: 'a', state: 'succeeded', statusCode: 201, headers: { 'content-type': 'application/json; charset=utf-8', location: '/topic/1' }, body: '{"topicId":1}', createdAt: EPOCH, settledAt: EPOCH
  }
  assertOutcome(t, await ask('GET', 'a'), succeeded)
  assertOutcome(t, await ask('GET', 'a'), succeeded, 'again')

  t.match(summarize(await send('b', { lines: ['X-Reject: 1'] })), { statusCode: 422 })
  assertOutcome(t, await ask('GET', 'b'), { key: 'b', state: 'rejected', statusCode: 422, reason: 'The name is taken', headers: {}, createdAt: EPOCH, settledAt: EPOCH })

  store.add(recordOf('c', { state: 'closed', fingerprint: undefined, answer: undefined }))
  assertOutcome(t, await ask('GET', 'c'), { key: 'c', state: 'closed', createdAt: EPOCH, settledAt: EPOCH })

  store.add(recordOf('d', { answer: { statusCode: 200, headers: {}, body: Buffer.from([0xFF, 0]) } }))
  assertOutcome(t, await ask('GET', 'd'), { key: 'd', state: 'succeeded', statusCode: 200, headers: {}, body: '/wA=', bodyEncoding: 'base64', createdAt: EPOCH, settledAt: EPOCH })
  t.strictSame(store.effects, ['effect'])
})

t.test('GET returns when this process began to execute a key, without a database connection', async t => {
  let end = (): void => {}
  const { send, ask, store } = await listenForOutcomes(t, async () => {
    await new Promise<void>(resolve => { end = resolve })
    return 'ok'
  }, { options: { maxInFlight: 1 } })
  const start = Date.now()
  const first = send('a')
  await until(() => store.log.length === 1)
  const response = await ask('GET', 'a')
  const { createdAt } = JSON.parse(response.body)
  assertOutcome(t, response, { key: 'a', state: 'executing', createdAt })
  t.ok(Date.parse(createdAt) >= start && Date.parse(createdAt) <= Date.now())
  t.strictSame(store.log, ['begin'])
  assertRefusal(t, await ask('GET', 'b'), 'tooManyInFlight', 'another key needs a connection')
  end()
  t.match(summarize(await first), { statusCode: 200 })
  t.match(JSON.parse((await ask('GET', 'a')).body), { state: 'succeeded' })
})

t.test('GET sends 404 while a request still waits for its transaction', async t => {
  const { send, ask, store } = await listenForOutcomes(t, answerTopic)
  let begin: (() => void) | undefined
  store.begin = async () => {
    store.begin = async () => {}
    await new Promise<void>(resolve => { begin = resolve })
  }
  const first = send('a')
  await until(() => begin)
  assertRefusal(t, await ask('GET', 'a'), 'nothingKnown')
  begin!()
  t.match(summarize(await first), { statusCode: 201 })
  t.match(JSON.parse((await ask('GET', 'a')).body), { state: 'succeeded' })
})

t.test('GET returns the state executing if another process executes the key', async t => {
  const { ask, store } = await listenForOutcomes(t, answerTopic)
  const { operation: { id } } = recordOf('a')
  store.executing.add(id.toString('hex'))
  assertOutcome(t, await ask('GET', 'a'), { key: 'a', state: 'executing' })
})

t.test('GET returns the final state if the execution of another process ends during the request', async t => {
  class EndingStore extends TestStore {
    override async transaction<R> (work: Parameters<TestStore['transaction']>[0]): Promise<R> {
      return await super.transaction<any>(async session => await work({
        ...session,
        records: {
          ...session.records!,
          findExecuting: async () => {
            this.add(recordOf('a'))
            return undefined
          }
        }
      }))
    }
  }
  const { ask } = await listenForOutcomes(t, answerTopic, { store: new EndingStore() })
  t.match(JSON.parse((await ask('GET', 'a')).body), { state: 'succeeded' })
})

t.test('HEAD returns the header fields of GET', async t => {
  const { ask, store } = await listenForOutcomes(t, answerTopic)
  assertErrorResponse(t, await ask('HEAD', 'a'), 404, REFUSALS.nothingKnown.reason)
  store.add(recordOf('a'))
  const [head, get] = [await ask('HEAD', 'a'), await ask('GET', 'a')]
  t.strictSame([head.statusCode, head.body, valuesOf(head, 'content-length')], [200, '', [String(get.body.length)]])
})

t.test('PUT closes a key, and a later request with this key is not executed', async t => {
  const { send, ask, store } = await listenForOutcomes(t, answerTopic)
  const closed = { key: 'a', state: 'closed', createdAt: EPOCH, settledAt: EPOCH }
  for (const title of ['the first time', 'again', 'and again']) assertOutcome(t, await ask('PUT', 'a'), closed, title)
  assertOutcome(t, await ask('GET', 'a'), closed)
  for (const body of ['{}', '{"other":1}']) assertRefusal(t, await send('a', { body }), 'closed')
  assertOutcome(t, await ask('PUT', 'a'), closed, 'after its request')
  t.strictSame(store.effects, [])
  t.match(summarize(await send('b')), { statusCode: 201 }, 'executes a request with another key')
})

t.test('PUT returns the state of a settled key, and does not change it', async t => {
  const { send, ask, store } = await listenForOutcomes(t, answerTopic)
  await send('a')
  await send('b', { lines: ['X-Reject: 1'] })
  for (const key of ['a', 'b']) {
    const outcome = JSON.parse((await ask('GET', key)).body)
    for (const title of ['the first time', 'again']) assertOutcome(t, await ask('PUT', key), outcome, title)
    assertOutcome(t, await ask('GET', key), outcome)
  }
  t.match(summarize(await send('a')), { statusCode: 201, status: 'succeeded', replayed: 'true' })
  t.match(summarize(await send('b', { lines: ['X-Reject: 1'] })), { statusCode: 422, status: 'rejected', replayed: 'true' })
  t.strictSame(store.effects, ['effect'])
})

t.test('PUT waits for an execution in this process, and returns its outcome', async t => {
  for (const end of ['succeeds', 'rejects', 'throws'] as const) {
    let finish = (): void => {}
    const { send, ask, store } = await listenForOutcomes(t, async (request, reply) => {
      transactionOf(request).insert('effect')
      await new Promise<void>(resolve => { finish = resolve })
      if (end === 'throws') throw new Error('It broke')
      return end === 'rejects' ? reply.notFound('There is none') : 'ok'
    }, { options: { wait: 10_000 } })
    const first = send('a')
    await until(() => store.log.length === 1)
    const closings = [ask('PUT', 'a'), ask('PUT', 'a')]
    await tick(20)
    t.strictSame(store.log, ['begin'], 'needs no transaction for the PUT requests that wait')
    finish()
    await first
    const state = { succeeds: 'succeeded', rejects: 'rejected', throws: 'closed' }[end]
    for (const closing of closings) t.match(JSON.parse((await closing).body), { key: 'a', state, createdAt: EPOCH, settledAt: EPOCH })
    t.strictSame(store.effects, end === 'succeeds' ? ['effect'] : [])
  }
})

t.test('PUT sends 503 while the operation is executed, and does not close the key', async t => {
  let end = (): void => {}
  const { send, ask, store } = await listenForOutcomes(t, async request => {
    transactionOf(request).insert('effect')
    await new Promise<void>(resolve => { end = resolve })
    return 'ok'
  }, { options: { wait: 30 } })
  const first = send('a')
  await until(() => store.log.length === 1)
  for (const title of ['in this process', 'again']) assertRefusal(t, await ask('PUT', 'a'), 'executing', title)
  end()
  t.match(summarize(await first), { statusCode: 200, status: 'succeeded' })
  t.match(JSON.parse((await ask('PUT', 'a')).body), { state: 'succeeded' })

  const { operation: { id } } = recordOf('b')
  store.executing.add(id.toString('hex'))
  assertRefusal(t, await ask('PUT', 'b'), 'executing', 'in another process')
  setTimeout(() => { store.executing.clear() }, 10)
  t.match(JSON.parse((await ask('PUT', 'b')).body), { state: 'closed' }, 'closes the key after the other process has rolled back')
  t.strictSame(store.effects, ['effect'])
})

t.test('PUT closes a key whose effects another process has not committed yet, on a route that shares a transaction', async t => {
  const store = new TestStore()
  const ends: Array<() => void> = []
  const listenForShared = async (): Promise<OutcomeService> => {
    const service = await createService(t, { store, options: { outcomes: PATH, wait: 30 } })
    addRoute(service.app, async request => {
      await request.commitWith(async record => await commitEffect(store, record))
      await new Promise<void>(resolve => { ends.push(resolve) })
      return 'ok'
    }, { config: { idempotency: 'optional', transaction: 'shared' } })
    return { ...service, send: await listenForKeys(t, service.app), ask: askerOf(service.app, PATH) }
  }
  const [first, second] = [await listenForShared(), await listenForShared()]
  const executions = [first.send('a'), first.send('b')]
  await until(() => ends.length === 2)
  t.match(JSON.parse((await first.ask('GET', 'a')).body), { state: 'executing', createdAt: String })
  assertRefusal(t, await first.ask('PUT', 'a'), 'executing', 'in this process')
  assertRefusal(t, await second.ask('GET', 'a'), 'nothingKnown')
  t.match(JSON.parse((await second.ask('PUT', 'a')).body), { state: 'closed' })
  for (const end of ends) end()
  assertRefusal(t, await executions[0]!, 'closed')
  t.match(summarize(await executions[1]!), { statusCode: 200, status: 'succeeded' })
  for (const { ask } of [first, second]) t.match(JSON.parse((await ask('GET', 'a')).body), { state: 'closed' })
  t.strictSame(store.effects, ['effect'])
})

t.test('rejects requests that wait while their key is closed', async t => {
  const { send, ask, store } = await listenForOutcomes(t, answerTopic, { options: { wait: 10_000 } })
  let commit = (): void => {}
  store.commit = async () => {
    store.commit = async () => {}
    await new Promise<void>(resolve => { commit = resolve })
  }
  const closing = ask('PUT', 'a')
  await until(() => store.log.length === 1)
  const [late, other] = [send('a'), ask('PUT', 'a')]
  assertRefusal(t, await ask('GET', 'b'), 'nothingKnown')
  await tick(20)
  t.strictSame(store.log, ['begin', 'begin', 'commit'])
  commit()
  assertOutcome(t, await closing, { key: 'a', state: 'closed', createdAt: EPOCH, settledAt: EPOCH })
  assertRefusal(t, await late, 'closed')
  t.match(JSON.parse((await other).body), { state: 'closed' })
  t.strictSame(store.effects, [])
})

t.test('PUT accepts only the body {"state":"closed"}', async t => {
  const { ask, app, store } = await listenForOutcomes(t, answerTopic)
  const bodies = ['{}', '{"state":"open"}', '{"state":"succeeded"}', '{"state":null}', '{"state":["closed"]}', '{"state":"closed","reason":"late"}', '["closed"]', '"closed"', 'null', '1']
  for (const body of bodies) assertErrorResponse(t, await ask('PUT', 'a', { body }), 400, 'The body must be {"state":"closed"}', body)
  assertInjectedError(t, await app.inject({ method: 'PUT', url: `${PATH}/a` }), 400, 'The body must be {"state":"closed"}')
  assertInjectedError(t, await app.inject({ method: 'PUT', url: `${PATH}/a`, headers: { 'content-type': 'text/plain' }, payload: CLOSING }), 400, 'The body must be {"state":"closed"}')
  t.equal((await ask('PUT', 'a', { body: '{' })).statusCode, 400)
  t.strictSame(store.log, [])
})

t.test('takes the percent-encoded key from the path', async t => {
  const { ask, send, app } = await listenForOutcomes(t, answerTopic)
  const printable = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index))
  for (const key of [...printable, printable.join(''), '%41', '../a', 'a//b/', '"a"', '*', ':key', 'a'.repeat(255), '/'.repeat(255)]) {
    t.match(JSON.parse((await ask('PUT', key)).body), { key, state: 'closed' }, key)
    assertRefusal(t, await send(`"${key.replace(/["\\]/g, '\\$&')}"`), 'closed', key)
  }
  t.match((await app.inject(`${PATH}/a//b/?c=d`)).json(), { key: 'a//b/' }, 'accepts slashes that are not encoded')
  assertRefusal(t, await ask('GET', '"b"'), 'nothingKnown')
})

t.test('sends 400 for a key that no request can have', async t => {
  const { ask, store, app } = await listenForOutcomes(t, answerTopic)
  const cases = [
    ['', 'The Idempotency-Key must not be empty'],
    ['a'.repeat(256), 'The Idempotency-Key must have at most 255 characters'],
    ...['é', 'a\n', '\u{1f600}', '\u007f'].map(key => [key, 'The idempotency key must be printable ASCII'] as const)
  ] as const
  for (const [key, message] of cases) {
    for (const method of ['GET', 'PUT']) assertErrorResponse(t, await ask(method, key), 400, message, `${method} ${key}`)
  }
  t.equal((await app.inject(`${PATH}/%`)).statusCode, 400)
  t.equal((await app.inject(`${PATH}/%e9`)).statusCode, 400)
  t.equal((await app.inject(PATH)).statusCode, 404)
  t.strictSame(store.log, [])
})

t.test('does not close a key that has expired, because its outcome is not known', async t => {
  const { ask, send, store } = await listenForOutcomes(t, answerTopic)
  const old = v7({ msecs: Date.now() - RETENTION_MS - 1000 })
  for (const method of ['GET', 'PUT', 'PUT']) assertRefusal(t, await ask(method, old), 'expired', method)
  assertRefusal(t, await send(old), 'expired')
  t.equal(store.settled.size, 0)

  const recorded = v7({ msecs: Date.now() - RETENTION_MS - DAY_MS })
  store.add(recordOf(recorded))
  for (const method of ['GET', 'PUT']) t.match(JSON.parse((await ask(method, recorded)).body), { key: recorded, state: 'succeeded' }, method)

  const executing = v7({ msecs: Date.now() - RETENTION_MS - 1000 })
  store.executing.add(createOperation('caller', executing).id.toString('hex'))
  t.match(JSON.parse((await ask('GET', executing)).body), { state: 'executing' })
  assertRefusal(t, await ask('PUT', executing), 'executing')

  const young = v7({ msecs: Date.now() - RETENTION_MS + DAY_MS })
  assertRefusal(t, await ask('GET', young), 'nothingKnown')
  t.match(JSON.parse((await ask('PUT', young)).body), { key: young, state: 'closed' })
})

t.test('returns and closes only the keys of the caller', async t => {
  const { ask, send, store } = await listenForOutcomes(t, answerTopic)
  await send('a')
  const lines = ['X-Caller: other']
  assertRefusal(t, await ask('GET', 'a', { lines }), 'nothingKnown')
  t.match(JSON.parse((await ask('PUT', 'a', { lines })).body), { state: 'closed' })
  t.match(JSON.parse((await ask('GET', 'a')).body), { state: 'succeeded' })
  t.match(JSON.parse((await ask('PUT', 'b', { lines })).body), { state: 'closed' })
  t.match(summarize(await send('b')), { statusCode: 201 })
  t.strictSame(store.effects, ['effect', 'effect'])
})

t.test('sends 503 if the store fails, with another message if the result of the commit is unknown', async t => {
  const { ask, store, lines } = await listenForOutcomes(t, answerTopic)
  store.begin = async () => { throw new Error('The database is down') }
  for (const method of ['GET', 'PUT']) assertRefusal(t, await ask(method, 'a'), 'storeUnavailable', method)
  store.begin = async () => {}
  store.commit = async () => { throw new Error('The connection is lost') }
  assertRefusal(t, await ask('PUT', 'a'), 'commitUnknown')
  const errors = lines.filter(({ level, msg }) => level === 50 && msg === 'fastify-reason-phrase: the store of idempotency failed. Clients can retry with the same key').map(({ err }) => err.message)
  t.strictSame(errors, ['The database is down', 'The database is down', 'The connection is lost'])
  store.commit = async () => {}
  t.match(JSON.parse((await ask('PUT', 'a')).body), { state: 'closed' })
  const { operation: { id } } = recordOf('b')
  store.executing.add(id.toString('hex'))
  store.commit = async () => { throw new Error('The connection is lost') }
  assertRefusal(t, await ask('PUT', 'b'), 'storeUnavailable', 'nothing was inserted')
})

t.test('counts its transactions towards maxInFlight', async t => {
  const ends: Array<() => void> = []
  const { ask, send, store } = await listenForOutcomes(t, async () => {
    await new Promise<void>(resolve => { ends.push(resolve) })
    return 'ok'
  }, { options: { maxInFlight: 2, wait: 30 } })
  const executions = [send('a'), send('b')]
  await until(() => ends.length === 2)
  for (const method of ['GET', 'PUT']) assertRefusal(t, await ask(method, 'c'), 'tooManyInFlight', method)
  const expired = v7({ msecs: Date.now() - RETENTION_MS - 1000 })
  assertRefusal(t, await ask('PUT', expired), 'tooManyInFlight', 'an expired key')
  t.strictSame(store.log, ['begin', 'begin'])
  for (const end of ends) end()
  for (const execution of executions) t.match(summarize(await execution), { statusCode: 200 })
  t.match(JSON.parse((await ask('PUT', 'c')).body), { state: 'closed' })
})

t.test('sends 500 if the option scope returns no caller', async t => {
  const { ask, store } = await listenForOutcomes(t, answerTopic, { options: { scope: () => '' } })
  for (const method of ['GET', 'PUT']) assertErrorResponse(t, await ask(method, 'a'), 500)
  t.strictSame(store.log, [])
})

t.test('sends 503 during maintenance, like other routes', async t => {
  const { app, ask, store } = await listenForOutcomes(t, answerTopic, { plugins: async app => { await app.register(maintenance) }, order: 'after' })
  store.add(recordOf('a'))
  await app.maintenance.enter({ message: 'Moving' })
  for (const method of ['GET', 'PUT']) assertErrorResponse(t, await ask(method, 'a'), 503, 'Moving')
  t.strictSame(store.log, [])
  await app.maintenance.leave()
  t.match(JSON.parse((await ask('GET', 'a')).body), { state: 'succeeded' })
})

t.test('lets pages of other origins read the Idempotency-Status of a rejected PUT', async t => {
  const { ask, store } = await listenForOutcomes(t, answerTopic, {
    plugins: app => { app.addHook('onRequest', async (_request, reply) => { reply.header('access-control-allow-origin', '*') }) }
  })
  store.executing.add(recordOf('a').operation.id.toString('hex'))
  const response = await ask('PUT', 'a')
  assertRefusal(t, response, 'executing')
  t.match(valuesOf(response, 'access-control-expose-headers').join(), 'Idempotency-Status')
})

t.test('keeps the connection usable after each response', async t => {
  const { app } = await listenForOutcomes(t, answerTopic)
  const connection = connect((app.server.address() as { port: number }).port)
  const put = (body: string): string => `PUT ${PATH}/a HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  for (const request of [`GET ${PATH}/a HTTP/1.1\r\nHost: a\r\n\r\n`, put('{"state":1}'), put(CLOSING), put(CLOSING), `GET ${PATH}/a HTTP/1.1\r\nHost: a\r\n\r\n`]) connection.write(request)
  t.strictSame((await connection.responses(5)).map(({ statusCode }) => statusCode), [404, 400, 200, 200, 200])
  connection.destroy()
})

t.test('works with a store that can read without a transaction', async t => {
  const store = Object.assign(new TestStore(), { query: async () => [] })
  const { ask } = await listenForOutcomes(t, answerTopic, { store })
  assertRefusal(t, await ask('GET', 'a'), 'nothingKnown')
  t.strictSame(store.log, [])
})

t.test('closes keys in memoryStore()', async t => {
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(idempotency, { store: memoryStore() as never, scope: () => 'caller', outcomes: PATH })
  app.post('/', { config: { idempotency: 'optional' } }, async () => 'ok')
  const { statusCode, ...closed } = (await app.inject({ method: 'PUT', url: `${PATH}/a`, payload: { state: 'closed' } })).json()
  t.match(closed, { key: 'a', state: 'closed', createdAt: String, settledAt: String })
  t.ok(Math.abs(Date.parse(closed.createdAt) - Date.now()) < 60_000)
  assertInjectedError(t, await app.inject({ method: 'POST', url: '/', headers: { 'idempotency-key': 'a' } }), 422, REFUSALS.closed.reason)
})

/** Builds a service that verifies signatures, with an idempotent route for each config. Its keys have the given permissions. */
async function buildSigned (t: Test, permissions: string[], configs: object[]): Promise<FastifyInstance> {
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  await app.register(reasonPhrase, { requireSchemas: true })
  await app.register(signature, { keys: id => [KEY.id, 'other'].includes(id) ? { secret: KEY.secret, permissions } : undefined })
  await app.register(idempotency, { store: new TestStore(), outcomes: PATH })
  for (const [index, config] of configs.entries()) {
    app.post(`/${index}`, { config: { idempotency: 'optional', ...config }, schema: { response: { 200: { type: 'string' } } } }, async () => 'ok')
  }
  return app
}

t.test('requires a signature, and the permission of one of the idempotent routes', async t => {
  const url = `${PATH}/a`
  const put = (fields = sign('PUT', url, CLOSING)) => ({ method: 'PUT', url, headers: { 'content-type': 'application/json', ...fields }, payload: CLOSING } as const)
  const get = (id = KEY.id) => ({ url, headers: sign('GET', url, undefined, { key: { ...KEY, id } }) })

  const app = await buildSigned(t, ['topic:write'], [{ permission: 'topic:write' }, { permission: 'message:write' }])
  for (const request of [{ url }, put({})]) t.equal((await app.inject(request)).statusCode, 401)
  t.equal((await app.inject(get())).statusCode, 404)
  t.match((await app.inject(put())).json(), { state: 'closed' })
  t.match((await app.inject(get())).json(), { state: 'closed' })
  t.equal((await app.inject(get('other'))).statusCode, 404, 'does not return the outcome to another caller')
  t.equal((await app.inject({ ...put(), payload: '{"state":"closed" }' })).statusCode, 401, 'rejects a body that does not match its digest')

  const denying = await buildSigned(t, ['topic:read'], [{ permission: 'topic:write' }, { permission: 'message:write' }])
  for (const request of [get(), put()]) assertInjectedError(t, await denying.inject(request), 403, 'The key needs one of the permissions topic:write, message:write')

  const open = await buildSigned(t, [], [{ permission: 'topic:write' }, {}])
  t.match((await open.inject(put())).json(), { state: 'closed' })
})

t.test('keeps the connection usable after 403', async t => {
  const app = await buildSigned(t, [], [{ permission: 'topic:write' }])
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as { port: number }
  const url = `${PATH}/a`
  const fields = Object.entries(sign('PUT', url, CLOSING)).map(([name, value]) => `${name}: ${value}`)
  const connection = connect(port)
  for (let count = 1; count <= 3; count++) {
    connection.write([`PUT ${url} HTTP/1.1`, 'Host: a', 'Content-Type: application/json', `Content-Length: ${CLOSING.length}`, ...fields, '', CLOSING].join('\r\n'))
    assertErrorResponse(t, (await connection.responses(count))[count - 1]!, 403, 'The key lacks the permission topic:write')
  }
  connection.destroy()
})

t.test('works in a service with compilers for another kind of schemas', async t => {
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  await app.register(reasonPhrase, { requireSchemas: true })
  await app.register(idempotency, { store: new TestStore(), scope: () => 'caller', outcomes: PATH })
  t.match((await app.inject({ method: 'PUT', url: `${PATH}/a`, payload: { state: 'closed' } })).json(), { state: 'closed' })
  assertInjectedError(t, await app.inject({ method: 'PUT', url: `${PATH}/a`, payload: { state: 'open' } }), 400, 'The body must be {"state":"closed"}')
  t.match((await app.inject(`${PATH}/a`)).json(), { state: 'closed' })
})

t.test('adds the outcome routes only with the option outcomes, under the prefix of the instance', async t => {
  const { app: without } = await createService(t)
  t.equal((await without.inject(`${PATH}/a`)).statusCode, 404)
  t.equal((await without.inject({ method: 'PUT', url: `${PATH}/a`, payload: { state: 'closed' } })).statusCode, 404)

  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(async child => {
    await child.register(idempotency, { store: new TestStore(), scope: () => 'caller', outcomes: '/operation' })
  }, { prefix: '/v3' })
  t.match((await app.inject({ method: 'PUT', url: '/v3/operation/a', payload: { state: 'closed' } })).json(), { state: 'closed' })
})

t.test('rejects at start a path that the router would read as a pattern', async t => {
  for (const outcomes of ['v2/operation', '/v2/operation/', '/v2/operation/*', '/v2/:key']) {
    await t.rejects(createService(t, { options: { outcomes } }), new TypeError(`fastify-reason-phrase: idempotency option outcomes must be a path of segments with letters, digits, and - . _ ~, such as /v2/operation, not '${outcomes}'`))
  }
})
