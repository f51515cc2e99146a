import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { ERROR_CHANNEL, type ErrorResponse } from '../../../index.js'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { toRequestBytes, toWireResponse, type ErrorCase } from '../../fixtures/error-cases.js'
import { buildServer, sendHttp2 } from '../../fixtures/error-server.js'
import { connect, exchange, listen, valuesOf, type WireResponse } from '../../fixtures/wire.js'

/** Subscribes until the test ends. Returns a function that returns the messages since its last call. */
function collect (t: Test): () => ErrorResponse[] {
  const messages: ErrorResponse[] = []
  const listener = (message: unknown): void => { messages.push(message as ErrorResponse) }
  subscribe(ERROR_CHANNEL, listener)
  t.teardown(() => { unsubscribe(ERROR_CHANNEL, listener) })
  return () => messages.splice(0)
}

async function create (routes: (app: FastifyInstance) => void = () => {}, options: FastifyServerOptions = {}): Promise<FastifyInstance> {
  const app = Fastify(serverOptions(options)) as unknown as FastifyInstance
  await app.register(reasonPhrase)
  routes(app)
  return app
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

/** Asserts that there is one message for each case, with the response that was sent. */
async function assertMessages (t: Test, cases: ErrorCase[], send: (errorCase: ErrorCase) => Promise<WireResponse>): Promise<void> {
  const take = collect(t)
  for (const errorCase of cases) {
    const response = await send(errorCase)
    const messages = take()
    t.strictSame(messages.map(({ statusCode, reason, method }) => ({ statusCode, reason, method })), [{
      statusCode: response.statusCode, reason: valuesOf(response, 'eb-reason-phrase')[0], method: errorCase.request.method ?? 'GET'
    }], errorCase.title)
    t.equal(messages[0]?.requestId, messages[0]?.request?.id)
  }
}

t.test('publishes one message for each error on a socket', async t => {
  const app = Fastify(serverOptions()) as unknown as FastifyInstance
  const cases = await buildServer(app)
  const port = await listen(t, app)
  await assertMessages(t, cases, errorCase => exchange(port, toRequestBytes(errorCase)))
})

t.test('publishes one message for each error with inject()', async t => {
  const app = Fastify(serverOptions()) as unknown as FastifyInstance
  const cases = await buildServer(app)
  await assertMessages(t, cases, async ({ request }) => toWireResponse(await app.inject(request as never) as never))
})

t.test('publishes one message for each error over HTTP/2', async t => {
  const app = Fastify(serverOptions({ http2: true })) as unknown as FastifyInstance
  const cases = await buildServer(app)
  const session = http2.connect(`http://127.0.0.1:${await listen(t, app)}`)
  await assertMessages(t, cases.filter(({ request }) => request.url !== '*'), errorCase => sendHttp2(session, errorCase))
  session.close()
})

t.test('publishes the response that was sent, and the source of the error', async t => {
  const app = await create(app => {
    app.get('/decorator/:id', (_request, reply) => reply.notFound('No topic'))
    app.get('/decorator-error', (_request, reply) => reply.internalServerError(new Error('a secret') as never))
    app.get('/error', async () => { throw new Error('a secret') })
    app.get('/sent', (_request, reply) => reply.send(Object.assign(new Error('It is taken'), { statusCode: 409 })))
    app.get('/payload', (_request, reply) => reply.code(429).send({ message: 'Slow down' }))
    app.get('/status', (_request, reply) => reply.code(502).send())
    app.get('/raw', (_request, reply) => { reply.hijack().raw.writeHead(502).end('a secret') })
    app.get('/phrase', (_request, reply) => { reply.hijack().raw.writeHead(404, 'Nothing here').end() })
    app.register(async app => {
      app.setErrorHandler((_error, _request, reply) => { reply.code(404).send({ message: 'Handled' }) })
      app.get('/handled', async () => { throw new Error('a secret') })
    })
    app.register(async app => {
      app.setErrorHandler((_error, _request, reply) => { reply.code(404).send() })
      app.get('/silent', async () => { throw new Error('a secret') })
    })
    app.register(async app => {
      app.setErrorHandler((_error, _request, reply) => { reply.hijack().raw.writeHead(404).end() })
      app.get('/handled-raw', async () => { throw new Error('a secret') })
    })
  })
  const take = collect(t)
  for (const [url, statusCode, originalStatusCode, reason, source, route = url] of [
    ['/decorator/1', 404, 404, 'No topic', 'decorator', '/decorator/:id'],
    ['/decorator-error', 500, 500, 'Internal Server Error', 'decorator'],
    ['/error', 500, 500, 'Internal Server Error', 'error'],
    ['/sent', 400, 409, 'It is taken', 'error'],
    ['/payload', 400, 429, 'Slow down', 'payload'],
    ['/status', 500, 502, 'Internal Server Error', 'status'],
    ['/raw', 500, 502, 'Internal Server Error', 'payload'],
    ['/phrase', 404, 404, 'Nothing here', 'status'],
    ['/handled', 404, 404, 'Handled', 'error'],
    ['/silent', 404, 404, 'Not Found', 'error'],
    ['/handled-raw', 404, 404, 'Not Found', 'error'],
    ['/%zz', 400, 400, "'/%zz' is not a valid url component", 'error', undefined],
    ['/none', 404, 404, 'Route GET:/none not found', 'payload', undefined]
  ] as const) {
    await app.inject(url)
    const [{ request, requestId, ...message }, ...more] = take() as [ErrorResponse, ...ErrorResponse[]]
    const expected = url === '/%zz' || url === '/none' ? undefined : route
    t.strictSame(message, { statusCode, originalStatusCode, reason, source, method: 'GET', route: expected })
    t.equal(request!.url, url)
    t.equal(requestId, request!.id)
    t.strictSame(more, [])
  }
})

t.test('publishes one message for a request that cannot be read', async t => {
  const app = await create(app => { app.post('/', async ({ body }) => body) }, {
    clientErrorHandler (error, socket) {
      if ((error as { code?: string }).code === 'HPE_HEADER_OVERFLOW') socket.end('HTTP/1.1 431 Too large\r\nX-A: b\r\n\r\n')
      else socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    }
  })
  const port = await listen(t, app)
  const take = collect(t)
  const unread = { source: 'client-error', method: undefined, route: undefined, requestId: undefined, request: undefined }
  const send = async (bytes: string): Promise<ErrorResponse[]> => {
    await exchange(port, bytes)
    return take()
  }
  t.strictSame(await send('nonsense\r\n\r\n'), [{ statusCode: 400, originalStatusCode: 400, reason: 'Parse Error: Invalid method encountered', ...unread }])
  t.strictSame(await send(`GET / HTTP/1.1\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`), [{ statusCode: 400, originalStatusCode: 431, reason: 'Too large', ...unread }])
  t.match(await send('POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'), [
    { statusCode: 400, source: 'client-error', method: 'POST', route: '/', requestId: /^req-/, request: { url: '/' } }
  ])
  t.match(await send('GET / HTTP/1.1\r\n\r\n'), [{ statusCode: 400, reason: 'Bad Request', source: 'status', method: 'GET', route: undefined, request: undefined }], 'publishes one message for a request without Host')
})

t.test('publishes a message for an error while its body is being written', async t => {
  const app = await create(app => {
    app.get('/', (_request, reply) => { reply.hijack().raw.writeHead(404); reply.raw.write('None') })
  })
  const connection = connect(await listen(t, app))
  const take = collect(t)
  connection.write(get('/'))
  await connection.responses(1)
  t.match(take(), [{ statusCode: 404, reason: 'None' }])
  connection.destroy()
})

t.test('publishes nothing for a success, an exempt route, or a response that is not sent', async t => {
  let answer = (): void => {}
  const routes = (app: FastifyInstance): void => {
    app.get('/', async () => 'ok')
    app.get('/exempt', { config: { reasonPhrase: false } }, (_request, reply) => { reply.code(404).send('none') })
    app.get('/slow', (_request, reply) => { answer = () => { reply.notFound() } })
    app.get('/written', (_request, reply) => { answer = () => { reply.hijack().raw.writeHead(404); reply.raw.write('None'); reply.raw.end() } })
    app.get('/never', (_request, reply) => { reply.hijack().raw.writeHead(404, 'None') })
  }
  const app = await create(routes)
  const port = await listen(t, app)
  const take = collect(t)
  await exchange(port, get('/'))
  await exchange(port, get('/exempt'))
  // The client disconnects before the handler sends its response.
  for (const [bytes, wait] of [[get('/slow'), true], [get('/written'), true], [get('/slow') + get('/none'), true], [get('/never'), false]] as const) {
    const connection = connect(port)
    const closed = new Promise(resolve => { app.server.once('connection', socket => { socket.once('close', resolve) }) })
    connection.write(bytes)
    await sleep(20)
    connection.destroy()
    await closed
    if (wait) answer()
    await sleep(20)
    t.strictSame(take(), [], bytes)
  }

  const http2App = await create(routes, { http2: true } as never)
  const session = http2.connect(`http://127.0.0.1:${await listen(t, http2App)}`)
  for (const path of ['/slow', '/written']) {
    const stream = session.request({ ':path': path })
    stream.on('error', () => {})
    await sleep(20)
    stream.close(http2.constants.NGHTTP2_CANCEL)
    await once(stream, 'close')
    await sleep(20)
    answer()
    await sleep(20)
    t.strictSame(take(), [], `${path} over HTTP/2`)
  }
  session.close()
})

t.test('calls a subscriber in the asynchronous context of the request', async t => {
  const storage = new AsyncLocalStorage<string>()
  const app = await create(app => {
    app.addHook('onRequest', (request, _reply, done) => { storage.run(request.url, done) })
    app.get('/a', (_request, reply) => reply.notFound())
  })
  const port = await listen(t, app)
  const stores: unknown[] = []
  const listener = (): void => { stores.push(storage.getStore()) }
  subscribe(ERROR_CHANNEL, listener)
  await exchange(port, get('/a'))
  unsubscribe(ERROR_CHANNEL, listener)
  t.strictSame(stores, ['/a'])
})

t.test('sends the response even if a subscriber throws', async t => {
  const app = await create(app => { app.get('/', (_request, reply) => reply.notFound('None')) })
  const port = await listen(t, app)
  const error = new Error('a subscriber failed')
  const listener = (): void => { throw error }
  subscribe(ERROR_CHANNEL, listener)
  // Node reports the error as an uncaught exception.
  const uncaught: unknown[] = []
  const listeners = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[]
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', thrown => { uncaught.push(thrown) })
  const response = await exchange(port, get('/'))
  await sleep(0)
  process.removeAllListeners('uncaughtException')
  for (const one of listeners) process.on('uncaughtException', one)
  unsubscribe(ERROR_CHANNEL, listener)
  t.strictSame([response.statusCode, response.phrase], [404, 'None'])
  t.strictSame(uncaught, [error])
})

t.test('publishes the errors of each address of a server', async t => {
  const app = await create()
  await app.listen({ port: 0, host: 'localhost' })
  t.teardown(() => app.close())
  const take = collect(t)
  for (const { address, port } of app.addresses() as AddressInfo[]) {
    const response = await fetch(`http://${address.includes(':') ? `[${address}]` : address}:${port}/none`)
    t.equal(response.status, 404)
    t.match(take(), [{ statusCode: 404, reason: 'Route GET:/none not found' }], address)
  }
})
