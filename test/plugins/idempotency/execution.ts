import net from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import { createFingerprint, createOperation } from '../../../lib/idempotency/operation.js'
import { hash } from 'node:crypto'
import { addRoute, createService, listenForKeys, summarize, TestStore, transactionOf } from '../../fixtures/keyed-service.js'
import { tick, until } from '../../fixtures/maintenance.js'
import { connect, listen } from '../../fixtures/wire.js'

const UNKNOWN = { statusCode: 503, reason: 'The result of the commit is unknown. Repeat the request with the same key to learn it', body: '', status: undefined, replayed: undefined, retryAfter: '1' }
const TOO_LONG = { ...UNKNOWN, reason: 'The request took too long and was rolled back. Repeat it with the same key' }
const FAILED = { ...UNKNOWN, statusCode: 500, reason: 'Internal Server Error', retryAfter: undefined }

/** A promise that the test resolves with `open()`. */
class Gate {
  open = () => {}
  readonly opened = new Promise<void>(resolve => { this.open = resolve })
}

t.test('rolls back if the handler sends a 5xx or throws without a 4xx status code, and executes the retry', async t => {
  const failures: Array<(reply: FastifyReply) => unknown> = [
    () => { throw new Error('It broke') },
    reply => reply.code(503).send({ message: 'Not now' }),
    () => { throw 'a text' } // eslint-disable-line no-throw-literal
  ]
  const { app, store } = await createService(t)
  addRoute(app, async (request, reply) => {
    transactionOf(request).insert('effect')
    const fail = failures.shift()
    return fail === undefined ? 'ok' : fail(reply)
  })
  const send = await listenForKeys(t, app)
  t.strictSame(summarize(await send('a')), FAILED)
  t.match(summarize(await send('a')), { statusCode: 503, reason: 'Not now', status: undefined })
  t.match(summarize(await send('a')), { statusCode: 500, status: undefined })
  t.strictSame(store.effects, [])
  t.match(summarize(await send('a')), { statusCode: 200, status: 'succeeded', replayed: undefined })
  t.strictSame(store.effects, ['effect'])
})

t.test('sends 503 if the result of the commit is unknown, and a retry gets the result', async t => {
  const { app, store, lines } = await createService(t)
  addRoute(app, async (request, reply) => {
    transactionOf(request).insert('effect')
    if (request.headers['x-reject'] !== undefined) return reply.notFound('There is none')
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  for (const more of [[], ['X-Reject: 1']]) {
    store.commit = async () => { throw new Error('The connection is lost') }
    t.strictSame(summarize(await send('a', { lines: more })), UNKNOWN)
    store.commit = async () => {}
  }
  t.match(lines.find(({ err }) => err !== undefined).err.stack, /The connection is lost/)
  t.match(summarize(await send('a')), { statusCode: 200, status: 'succeeded' })
  t.strictSame(store.effects, ['effect'])
})

t.test('replays the recorded response of another process that settles the key before a rejection is recorded', async t => {
  const { app, store } = await createService(t)
  let executions = 0
  addRoute(app, async (_request, reply) => {
    executions++
    return reply.header('location', '/rejected').notFound('There is none')
  })
  const send = await listenForKeys(t, app)
  const fingerprint = createFingerprint('POST', '/', hash('sha256', '{}', 'buffer'))
  store.reject = async () => {
    store.add({ operation: createOperation('caller', 'a'), fingerprint, state: 'succeeded', answer: { statusCode: 201, headers: { 'content-type': 'text/plain' }, body: Buffer.from('won') } })
    store.add({ operation: createOperation('caller', 'b'), fingerprint, state: 'succeeded', answer: { statusCode: 204, headers: {} } })
    store.add({ operation: createOperation('caller', 'c'), fingerprint: undefined, state: 'closed' })
  }
  const won = await send('a')
  t.match(summarize(won), { statusCode: 201, body: 'won', status: 'succeeded', replayed: 'true' })
  t.notOk(won.lines.some(([name]) => name === 'location'))
  t.match(summarize(await send('b')), { statusCode: 204, body: '', status: 'succeeded', replayed: 'true' })
  t.match(summarize(await send('c')), { statusCode: 422, status: 'closed' })
  store.reject = async () => { store.executing.add(createOperation('caller', 'd').id.toString('hex')) }
  t.match(summarize(await send('d')), { statusCode: 503, status: 'executing', retryAfter: '1' })
  await tick(100)
  store.executing.clear()
  await tick(200)
  t.equal(executions, 2, 'does not call the handler again after the response was sent')
})

t.test('calls the handler once for each request if another process executes the key before a rejection is recorded', async t => {
  const { app, store } = await createService(t)
  let calls = 0
  addRoute(app, async (_request, reply) => {
    calls++
    return reply.notFound('There is none')
  })
  const send = await listenForKeys(t, app)
  const name = createOperation('caller', 'a').id.toString('hex')
  store.reject = async () => { store.executing.add(name) }
  t.match(summarize(await send('a')), { statusCode: 503, status: 'executing' })
  store.executing.delete(name)
  store.reject = async () => {}
  t.match(summarize(await send('a')), { statusCode: 404, status: 'rejected', replayed: undefined })
  t.equal(calls, 2)
})

t.test('sends the first response if the handler sends two', async t => {
  const { app, store, lines } = await createService(t)
  const second: Record<string, (reply: FastifyReply) => unknown> = {
    success: reply => reply.code(201).type('text/plain').header('location', '/2').send('second'),
    rejection: reply => reply.code(404).send({ message: 'second' }),
    error: reply => reply.send(Object.assign(new Error('second'), { statusCode: 404 }))
  }
  addRoute(app, (request, reply) => {
    const { 'x-first': first, 'x-second': name } = request.headers
    if (first === 'success') reply.send({ first })
    else reply.code(Number(first)).send({ message: 'first' })
    second[String(name)]!(reply)
  })
  const send = await listenForKeys(t, app)
  for (const name of Object.keys(second)) {
    const response = await send(`success ${name}`, { lines: ['X-First: success', `X-Second: ${name}`] })
    t.match(summarize(response), { statusCode: 200, body: '{"first":"success"}', status: 'succeeded' }, name)
    t.notOk(response.lines.some(([field]) => field === 'location'))
    t.match(response.lines.find(([field]) => field === 'content-type'), ['content-type', 'application/json; charset=utf-8'])
    t.match(summarize(await send(`404 ${name}`, { lines: ['X-First: 404', `X-Second: ${name}`] })), { statusCode: 404, status: 'rejected' }, name)
  }
  t.match(lines.find(({ level }) => level === 40).msg, 'fastify-reason-phrase: Route POST /: a second response, with the status code 201, is dropped. Send one response for each request')
  t.equal(store.settled.size, 6)
})

t.test('sends the first response if the handler sends a second one while later hooks run', async t => {
  const { app } = await createService(t)
  app.addHook('onSend', async () => { await tick(20) })
  addRoute(app, async (request, reply) => {
    const statusCode = Number(request.headers['x-status'])
    setTimeout(() => reply.code(201).send('second'), 10)
    return reply.code(statusCode).send({ message: 'first' })
  })
  const send = await listenForKeys(t, app)
  for (const statusCode of [200, 404, 500]) {
    t.match(summarize(await send(String(statusCode), { lines: [`X-Status: ${statusCode}`] })), { statusCode, replayed: undefined })
    await tick(30)
  }
})

t.test('rolls back after the timeout, without waiting for the handler', async t => {
  const { app, store, lines } = await createService(t, { options: { timeout: 40, wait: 20 } })
  const gate = new Gate()
  const errors: unknown[] = []
  addRoute(app, async request => {
    if (request.headers['x-wait'] === undefined) return 'ok'
    await gate.opened
    try {
      transactionOf(request).insert('late')
    } catch (error) {
      errors.push(error)
    }
    return 'late'
  })
  const send = await listenForKeys(t, app)
  t.strictSame(summarize(await send('a', { lines: ['X-Wait: 1'] })), TOO_LONG)
  t.strictSame(store.log, ['begin', 'rollback'])
  t.match(summarize(await send('a')), { statusCode: 200, status: 'succeeded' })
  gate.open()
  await until(() => errors.length > 0)
  t.match(errors, [{ message: 'fastify-reason-phrase: Route POST /: request.transaction was used after the transaction had ended. Use it only before the response is sent' }])
  t.strictSame(store.effects, [])
  t.ok(lines.some(({ err }) => err?.message === TOO_LONG.reason))
})

t.test('ignores the timeout while the transaction is rolled back', async t => {
  const { app, store } = await createService(t, { options: { timeout: 20 } })
  store.rollback = async () => { await tick(40) }
  addRoute(app, async () => { throw new Error('It broke') })
  const send = await listenForKeys(t, app)
  t.strictSame(summarize(await send('a')), FAILED)
  await until(() => store.log.length === 2)
})

t.test('ignores the result of a late handler while the error of the timeout is sent', async t => {
  const { app, store, lines } = await createService(t, { options: { timeout: 20 } })
  app.addHook('onSend', async () => { await tick(60) })
  const handlers: Record<string, (reply: FastifyReply) => unknown> = {
    return: async () => { await tick(40); return 'late' },
    nothing: async () => { await tick(40) },
    throw: async () => { await tick(40); throw new Error('It broke late') },
    send: reply => { setTimeout(() => reply.send('late'), 40) }
  }
  addRoute(app, (request, reply) => handlers[request.headers['x-how'] as string]!(reply))
  const send = await listenForKeys(t, app)
  for (const how of Object.keys(handlers)) {
    // With "send", the late text may become the message of the 503.
    t.match(summarize(await send(how, { lines: [`X-How: ${how}`] })), how === 'send' ? { statusCode: 503, status: undefined } : TOO_LONG, how)
    await tick(80)
  }
  t.ok(lines.some(({ msg, err }) => msg === 'fastify-reason-phrase: Route POST /: the handler threw an error after its timeout. The client got the error of the timeout' && err.message === 'It broke late'))
  t.equal(store.settled.size, 0)
})

t.test('sends the error of an onError hook that runs during the timeout', async t => {
  const { app, lines } = await createService(t, { options: { timeout: 20 } })
  app.addHook('onError', async () => { await tick(50) })
  addRoute(app, async () => { throw Object.assign(new Error('There is none'), { statusCode: 404 }) })
  const send = await listenForKeys(t, app)
  t.match(summarize(await send('a')), { statusCode: 404, reason: 'There is none', status: undefined })
  t.ok(lines.some(({ msg }) => msg === 'fastify-reason-phrase: Route POST /: the handler exceeded the option timeout of idempotency, but another error is being sent'))
})

t.test('sends 503 if the commit takes too long, and replays the response after the commit', async t => {
  for (const options of [{ options: { timeout: 20 } }, { server: { handlerTimeout: 20 } as object }]) {
    const { app, store } = await createService(t, options)
    const gate = new Gate()
    store.commit = async () => { await gate.opened }
    let executions = 0
    app.post('/', { config: { idempotency: 'optional' } }, async () => {
      executions++
      return 'ok'
    })
    const first = await app.inject({ method: 'POST', url: '/', headers: { 'idempotency-key': 'a' } })
    t.match(first, { statusCode: 503, headers: { 'idempotency-status': undefined } })
    const second = app.inject({ method: 'POST', url: '/', headers: { 'idempotency-key': 'a' } })
    await tick(10)
    gate.open()
    t.match(await second, { statusCode: 200, body: 'ok', headers: { 'idempotency-status': 'succeeded', 'idempotent-replayed': 'true' } })
    t.equal(executions, 1)
  }
})

t.test('sends an error instead of a response that contradicts the transaction', async t => {
  const { app, store, lines } = await createService(t)
  app.setErrorHandler((_error, request, reply) => reply.code(Number(request.headers['x-to'])).send({ message: 'mapped' }))
  app.addHook('onSend', async (request, reply) => {
    if (request.headers['x-fail'] !== undefined && reply.getHeader('idempotency-status') !== undefined) throw new Error('A later hook failed')
  })
  addRoute(app, async (request, reply) => {
    const answer = Number(request.headers['x-answer'])
    if (answer === 0) throw new Error('It broke')
    return reply.code(answer).send({ message: 'answer' })
  })
  const send = await listenForKeys(t, app)
  const cases: Array<[answer: number, fails: boolean, to: number, sent: number, state: string | undefined]> = [
    [0, false, 200, 500, undefined], [0, false, 422, 422, 'rejected'],
    [200, true, 200, 500, 'succeeded'], [200, true, 422, 500, 'succeeded'], [200, true, 503, 503, 'succeeded'],
    [404, true, 200, 500, 'rejected'], [404, true, 422, 422, 'rejected'], [404, true, 503, 503, 'rejected']
  ]
  for (const [answer, fails, to, sent, state] of cases) {
    store.settled.clear()
    const response = await send('a', { lines: [`X-Answer: ${answer}`, `X-To: ${to}`, ...fails ? ['X-Fail: 1'] : []] })
    t.match(summarize(response), { statusCode: sent, status: fails ? undefined : state, replayed: undefined }, `${answer}, ${fails ? 'a failing hook, ' : ''}mapped to ${to}`)
    t.equal([...store.settled.values()][0]?.state, state)
  }
  t.ok(lines.some(({ err }) => err?.message === 'fastify-reason-phrase: Route POST /: after an error, the status code 422 would contradict the operation of the idempotency key, which is succeeded. Let the error handler send a 5xx'))

  store.settled.clear()
  store.commit = async () => { throw new Error('The connection is lost') }
  for (const to of [200, 422]) t.strictSame(summarize(await send('a', { lines: ['X-Answer: 200', `X-To: ${to}`] })), UNKNOWN)
})

t.test('sends 503 instead of a success of the error handler after the timeout', async t => {
  const { app } = await createService(t, { options: { timeout: 20 } })
  app.setErrorHandler((_error, request, reply) => reply.code(Number(request.headers['x-to'])).send({ message: 'mapped' }))
  addRoute(app, () => {})
  const send = await listenForKeys(t, app)
  t.strictSame(summarize(await send('a', { lines: ['X-To: 200'] })), TOO_LONG)
  t.match(summarize(await send('a', { lines: ['X-To: 422'] })), { statusCode: 422, reason: 'mapped', status: undefined }, 'sends a 4xx of the error handler, because nothing was committed')
})

t.test('sends a 5xx instead of a 4xx that contradicts the transaction, if the error handler throws too', async t => {
  const { app, store } = await createService(t)
  const notFound = Object.assign(new Error('There is none'), { statusCode: 404 })
  app.setErrorHandler(() => { throw notFound })
  app.addHook('onSend', async (request, reply) => {
    if (request.headers['x-fail'] !== undefined && reply.getHeader('idempotency-status') !== undefined) throw notFound
  })
  addRoute(app, async () => 'ok')
  const send = await listenForKeys(t, app)
  t.strictSame(summarize(await send('a', { lines: ['X-Fail: 1'] })), FAILED)
  t.equal(store.settled.size, 1)
  store.commit = async () => { throw new Error('The connection is lost') }
  t.match(summarize(await send('b')), { statusCode: 503, status: undefined })
})

t.test('sends 500 if the handler hijacks the reply', async t => {
  const { app, store, lines } = await createService(t)
  addRoute(app, async (_request, reply) => {
    reply.hijack()
    reply.raw.end('hijacked')
  })
  const send = await listenForKeys(t, app)
  t.strictSame(summarize(await send('a')), FAILED)
  t.ok(lines.some(({ err }) => err?.message === 'fastify-reason-phrase: Route POST /: reply.hijack() was called for a request with an idempotency key, whose response must be recorded. Use reply.send()'))
  t.strictSame(store.log, ['begin', 'rollback'])
  t.match(summarize(await send(undefined)), { statusCode: 200, body: 'hijacked' })
})

t.test('rolls back if the handler ends the raw response', async t => {
  const { app, store, lines } = await createService(t)
  addRoute(app, (request, reply) => {
    transactionOf(request).insert('effect')
    reply.raw.end('raw')
  })
  const send = await listenForKeys(t, app)
  t.match(summarize(await send('a')), { statusCode: 200, body: 'raw', status: undefined })
  await until(() => store.log.includes('rollback'))
  t.ok(lines.some(({ msg }) => msg === 'fastify-reason-phrase: Route POST /: the handler ended the raw response, so its transaction is rolled back. Use reply.send()'))
  t.strictSame(store.effects, [])
})

t.test('ends the transaction if the client disconnects', async t => {
  const { app, store } = await createService(t, { options: { timeout: 150 } })
  app.addHook('preSerialization', async () => { await tick(20) })
  const handlers: Record<string, (request: FastifyRequest, reply: FastifyReply) => unknown> = {
    object: async () => { await tick(40); return { a: 1 } },
    nothing: async () => { await tick(40) },
    callback: (_request, reply) => { setTimeout(() => reply.send({ a: 1 }), 40) },
    later: async (_request, reply) => {
      setTimeout(() => reply.send({ a: 1 }), 60)
      return reply
    },
    never: async (_request, reply) => reply,
    'never-called': () => {}
  }
  for (const [name, handler] of Object.entries(handlers)) app.post(`/${name}`, { config: { idempotency: 'optional' } }, handler as never)
  const port = await listen(t, app)
  for (const name of Object.keys(handlers)) {
    store.log.length = 0
    store.settled.clear()
    const socket = net.connect(port)
    socket.write(`POST /${name} HTTP/1.1\r\nHost: a\r\nIdempotency-Key: ${name}\r\nContent-Length: 0\r\n\r\n`)
    await until(() => store.log.includes('begin'))
    await tick(5)
    socket.destroy()
    await until(() => store.log.length > 1)
    if (name.startsWith('never')) t.strictSame([store.log.at(-1), store.settled.size], ['rollback', 0])
    else t.match([...store.settled.values()], [{ state: 'succeeded', answer: { body: name === 'nothing' ? undefined : Buffer.from('{"a":1}') } }], name)
  }
})

t.test('throws if request.transaction is read after the response', async t => {
  const { app } = await createService(t)
  let late: FastifyRequest | undefined
  addRoute(app, async request => {
    late = request
    return String(transactionOf(request).effects.length)
  })
  const send = await listenForKeys(t, app)
  t.match(summarize(await send('a')), { statusCode: 200, body: '0' })
  t.throws(() => late!.transaction, { message: /Route POST \/: request\.transaction was used after the transaction had ended/ })
})

t.test('sends 503 if the handler commits its transaction, or rolls it back', async t => {
  for (const how of ['commit', 'rollback'] as const) {
    // For example, a transaction of Knex has methods that end it.
    class SelfEndingStore extends TestStore {
      override async transaction<R> (work: Parameters<TestStore['transaction']>[0]): Promise<R> {
        return await new Promise((resolve, reject) => {
          work({
            transaction: { end: () => { how === 'commit' ? resolve(undefined as R) : reject(new Error('It was rolled back')) } } as never,
            query: async () => [],
            records: { claim: async () => ({ type: 'new' }), settle: async () => {}, release: async () => {} } as never
          }).then(resolve as never, reject)
        })
      }
    }
    const { app } = await createService(t, { store: new SelfEndingStore() })
    addRoute(app, async request => {
      (transactionOf(request) as unknown as { end (): void }).end()
      await tick(5)
      return 'ok'
    })
    const send = await listenForKeys(t, app)
    t.strictSame(summarize(await send('a')), UNKNOWN)
  }
})

t.test('sends the error of the handler if releasing the claim fails too, and 503 if only the release fails', async t => {
  const { app, store, lines } = await createService(t)
  addRoute(app, async request => {
    if (request.headers['x-fail'] !== undefined) throw new Error('It broke')
    return 'ok'
  })
  const send = await listenForKeys(t, app)
  store.release = async () => { throw new Error('It cannot be released') }
  t.match(summarize(await send('a', { lines: ['X-Fail: 1'] })), { statusCode: 500 })
  t.ok(lines.some(({ err }) => err?.message === 'It broke'))
  t.strictSame(summarize(await send('a')), UNKNOWN)
})

t.test('keeps the connection usable after each response', async t => {
  const { app } = await createService(t, { options: { timeout: 30 } })
  addRoute(app, (request, reply) => {
    if (request.headers['x-send'] !== undefined) reply.send('ok')
  })
  const connection = connect(await listen(t, app))
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\r\nContent-Length: 0\r\n'
  for (const more of ['', 'X-Send: 1\r\n', 'X-Send: 1\r\n']) connection.write(`${head}${more}\r\n`)
  t.strictSame((await connection.responses(3)).map(({ statusCode }) => statusCode), [503, 200, 200])
  connection.destroy()
})
