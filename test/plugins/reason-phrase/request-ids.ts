import http2 from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import maintenance from '../../../plugins/maintenance/index.js'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import signature from '../../../plugins/signature/index.js'
import { toRequestBytes, toWireResponse, withMethod, type ErrorCase } from '../../fixtures/error-cases.js'
import { buildServer, sendHttp2 } from '../../fixtures/error-server.js'
import { connect, exchange, listen, valuesOf, type WireResponse } from '../../fixtures/wire.js'

const OPTIONS = { requestIdHeader: 'x-id' }

/** Creates a service that takes the ids of requests from the field X-Id. */
function create (options: FastifyServerOptions = {}, requestId: boolean | string = true): FastifyInstance {
  return Fastify(serverOptions({ ...OPTIONS, ...options }, { requestId })) as unknown as FastifyInstance
}

const idsOf = (response: WireResponse): string[] => valuesOf(response, 'x-request-id')

const withId = (errorCase: ErrorCase, id: string): ErrorCase => ({ ...errorCase, request: { ...errorCase.request, headers: { ...errorCase.request.headers, 'x-id': id } } })

/** Asserts that the response to each case has the id of its request. */
async function assertIds (t: Test, cases: ErrorCase[], send: (errorCase: ErrorCase) => Promise<WireResponse>): Promise<void> {
  for (const [index, errorCase] of cases.entries()) {
    const id = `id-${index}`
    t.strictSame(idsOf(await send(withId(errorCase, id))), [id], errorCase.title)
  }
}

t.test('sends the request id with every error on a socket', async t => {
  const app = create()
  const cases = await buildServer(app)
  const port = await listen(t, app)
  await assertIds(t, cases.flatMap(errorCase => [errorCase, withMethod(errorCase, 'HEAD') ?? []].flat()), errorCase => exchange(port, toRequestBytes(errorCase)))
})

t.test('sends the request id with every error with inject()', async t => {
  const app = create()
  const cases = await buildServer(app)
  await assertIds(t, cases, async ({ request: { payload, ...request } }) => toWireResponse(await app.inject({ ...request, payload } as never) as never))
})

t.test('sends the request id with every error over HTTP/2', async t => {
  const app = create({ http2: true } as never)
  const cases = await buildServer(app)
  const session = http2.connect(`http://127.0.0.1:${await listen(t, app)}`)
  await assertIds(t, cases.filter(({ request }) => request.url !== '*'), errorCase => sendHttp2(session, errorCase))
  session.close()
})

t.test('sends the request id with an error with register() alone', async t => {
  const app = Fastify(OPTIONS)
  await app.register(reasonPhrase, { requestId: true })
  app.get('/', (_request, reply) => reply.notFound())
  const port = await listen(t, app)
  t.strictSame(idsOf(await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nX-Id: 1\r\n\r\n')), ['1'])
})

t.test('sends the request id with the errors of the other plugins of this package', async t => {
  const signed = create()
  await signed.register(reasonPhrase)
  await signed.register(signature, { keys: () => undefined })
  t.match((await signed.inject({ url: '/', headers: { 'x-id': '1' } })).headers, { 'x-request-id': '1', 'www-authenticate': 'HMAC' })
  t.match((await signed.inject({ url: '/%zz', headers: { 'x-id': '2' } })).headers, { 'x-request-id': '2', 'www-authenticate': 'HMAC' })

  const closed = create()
  await closed.register(reasonPhrase)
  await closed.register(maintenance)
  await closed.ready()
  await closed.maintenance.enter({ message: 'Moving' })
  t.match(await closed.inject({ url: '/', headers: { 'x-id': '3' } }), { statusCode: 503, headers: { 'x-request-id': '3' } })
})

t.test('sends the request id if a request body breaks off, but not if Node rejects the request', async t => {
  const app = create()
  await app.register(reasonPhrase)
  app.post('/', async ({ body }) => body)
  const port = await listen(t, app)
  const broken = await exchange(port, 'POST / HTTP/1.1\r\nHost: a\r\nX-Id: 1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')
  t.equal(broken.statusCode, 400)
  t.strictSame(idsOf(broken), ['1'])
  for (const bytes of ['nonsense\r\n\r\n', 'GET / HTTP/1.1\r\nX-Id: 1\r\n\r\n']) {
    const refused = await exchange(port, bytes)
    t.equal(refused.statusCode, 400)
    t.strictSame(idsOf(refused), [])
  }
})

t.test('sends the request id for a request that arrives while the server closes', async t => {
  const app = create()
  await app.register(reasonPhrase)
  app.get('/slow', async () => { await sleep(100); return 'slow' })
  const connection = connect(await listen(t, app))
  connection.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
  await sleep(20)
  const closing = app.close()
  await sleep(20)
  connection.write('GET /slow HTTP/1.1\r\nHost: a\r\nX-Id: late\r\n\r\n')
  const [, late] = await connection.responses(2)
  t.equal(late!.statusCode, 503)
  t.strictSame(idsOf(late!), ['late'])
  await closing
})

t.test('sends no request id with a success, on an exempt route, or without the option', async t => {
  const app = create()
  await app.register(reasonPhrase)
  app.get('/', async () => 'ok')
  app.get('/exempt', { config: { reasonPhrase: false } }, (_request, reply) => { reply.code(404).send('none') })
  app.get('/exempt/decorated', { config: { reasonPhrase: false } }, (_request, reply) => reply.notFound())
  const without = create({}, false)
  await without.register(reasonPhrase)
  t.notOk('x-request-id' in (await app.inject('/')).headers)
  t.notOk('x-request-id' in (await app.inject('/exempt')).headers)
  t.match((await app.inject('/exempt/decorated')).headers, { 'x-request-id': 'req-3' })
  t.notOk('x-request-id' in (await without.inject('/none')).headers)
})

t.test('sends the request id in the header that the option names', async t => {
  const app = create({}, 'X-Trace')
  await app.register(reasonPhrase)
  const response = await exchange(await listen(t, app), 'GET /none HTTP/1.1\r\nHost: a\r\nX-Id: 1\r\n\r\n')
  t.strictSame(response.lines.filter(([name]) => name === 'X-Trace'), [['X-Trace', '1']])
})

t.test('replaces a request id that a handler sends', async t => {
  const app = create()
  await app.register(reasonPhrase)
  app.get('/reply', (_request, reply) => reply.header('X-Request-ID', 'of an upstream').notFound())
  app.get('/raw', (_request, reply) => { reply.hijack().raw.writeHead(404, { 'X-Request-ID': 'of an upstream' }).end() })
  app.get('/set', (_request, reply) => {
    reply.hijack().raw.setHeader('X-Request-ID', 'of an upstream')
    reply.raw.writeHead(404, ['x-a', 'b']).end()
  })
  const port = await listen(t, app)
  for (const path of ['/reply', '/raw', '/set']) t.strictSame(idsOf(await exchange(port, `GET ${path} HTTP/1.1\r\nHost: a\r\nX-Id: 1\r\n\r\n`)), ['1'], path)
})

t.test('leaves out an id that no header can contain', async t => {
  let id: unknown
  for (const options of [{}, { http2: true }]) {
    const app = create({ ...options, requestIdHeader: undefined, genReqId: () => id as string })
    await app.register(reasonPhrase)
    app.get('/', (_request, reply) => reply.notFound('None'))
    for (id of ['a\r\nX-B: c', 'ä', '日本', '', ' ', 'x'.repeat(20_000), undefined, null, {}, Symbol('a'), 1n]) {
      const response = await app.inject('/')
      t.match(response, { statusCode: 404, headers: { 'eb-reason-phrase': 'None' } })
      t.notOk('x-request-id' in response.headers || 'x-b' in response.headers)
    }
    id = 7
    t.match((await app.inject('/')).headers, { 'x-request-id': '7' })
  }
  const app = create()
  await app.register(reasonPhrase)
  const port = await listen(t, app)
  t.strictSame(idsOf(await exchange(port, Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nX-Id: \xe4\r\n\r\n', 'latin1'))), [], 'leaves out an id of the client that is not ASCII')
})
