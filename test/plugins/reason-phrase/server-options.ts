import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import net from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverContract, serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { cert, key } from '../../fixtures/certificate.js'
import { buildServer } from '../../fixtures/error-server.js'
import { connect, exchange, assertErrorResponse, listen, valuesOf } from '../../fixtures/wire.js'

t.test('keeps the options of the caller in force', async t => {
  class CountingResponse extends ServerResponse<IncomingMessage> {
    override end (...args: any): this {
      ended++
      return Reflect.apply(super.end, this, args)
    }
  }
  let ended = 0
  const seen: string[] = []
  const app = Fastify(serverOptions({
    http: { maxHeaderSize: 2048, ServerResponse: CountingResponse as typeof ServerResponse },
    routerOptions: { maxParamLength: 5 },
    clientErrorHandler (error, socket) {
      seen.push(`${error.code} ${typeof (this as unknown as FastifyInstance).log.info}`)
      socket.end('HTTP/1.1 431 Too much\r\nX-Kept: 1\r\nContent-Type: text/plain\r\n\r\ntoo much')
    },
    frameworkErrors (error, _request, reply) {
      seen.push(error.code);
      (reply as FastifyReply).code(404).send({ message: `mine: ${error.code}` })
    }
  }, { header: 'X-Reason' }))
  await app.register(reasonPhrase)
  app.get('/param/:name', async () => 'ok')
  const port = await listen(t, app)
  const ok = await exchange(port, 'GET /param/x HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.equal(ok.body, 'ok')
  t.equal(ended, 1, 'uses the response class of the caller')
  assertErrorResponse(t, await exchange(port, 'GET /param/longer HTTP/1.1\r\nHost: localhost\r\n\r\n'), 404, 'mine: FST_ERR_MAX_PARAM_LENGTH', '', 'X-Reason')
  t.equal((await app.inject('/%zz')).headers['x-reason'], 'mine: FST_ERR_BAD_URL')
  const large = await exchange(port, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(3000)}\r\n\r\n`)
  assertErrorResponse(t, large, 400, 'Too much', '', 'X-Reason')
  t.strictSame(valuesOf(large, 'x-kept'), ['1'])
  t.strictSame(seen, ['FST_ERR_MAX_PARAM_LENGTH', 'FST_ERR_BAD_URL', 'HPE_HEADER_OVERFLOW function'])

  const options = { logger: false, trustProxy: true, http: null, https: null }
  const given = { ...options }
  t.match(serverOptions(options), { logger: false, trustProxy: true, https: null })
  t.strictSame(options, given, 'does not change the options')
  t.ok(new (serverOptions({ http2: true, https: { key, cert, Http2ServerResponse } }).https as any).Http2ServerResponse({ on () {} }) instanceof Http2ServerResponse)
})

t.test('rejects invalid options of serverOptions()', async t => {
  for (const options of [null, 1, 'x']) t.throws(() => serverOptions(options as never), { name: 'TypeError', message: /takes an object/ })
  t.throws(() => serverOptions({}, { header: '' }), { name: 'TypeError', message: /header must be a valid header name/ })
})

t.test('register() uses the options of serverOptions()', async t => {
  const app = Fastify(serverOptions({}, { header: 'X-Reason', statusCodes: { 429: 'Too Many Requests' } }))
  await app.register(reasonPhrase)
  app.get('/', (_request, reply) => { reply.code(429).send() })
  const response = await app.inject('/')
  t.equal(response.statusCode, 429)
  t.equal(response.headers['x-reason'], 'Too Many Requests')
  t.equal(serverContract(app)?.header, 'X-Reason')
  t.equal(serverContract(Fastify()), undefined)
})

t.test('sends no message with a 5xx if the plugin is not registered', async t => {
  const app = Fastify(serverOptions({ frameworkErrors (_error, _request, reply) { (reply as FastifyReply).code(500).send(new Error('a secret')) } }))
  app.get('/', () => { throw new Error('a secret') })
  app.get('/chosen', (_request, reply) => { reply.code(500).send({ message: 'chosen' }) })
  app.get('/bytes', (_request, reply) => { reply.hijack(); reply.raw.statusCode = 500; reply.raw.end(Buffer.from('{"statusCode":500,"error":"Internal Server Error","message":"a secret"}')) })
  app.get('/broken', (_request, reply) => { reply.hijack(); reply.raw.statusCode = 500; reply.raw.end('{broken') })
  const port = await listen(t, app)
  for (const url of ['/', '/%zz', '/chosen', '/bytes', '/broken']) {
    assertErrorResponse(t, await exchange(port, `GET ${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`), 500, undefined, url)
  }
})

t.test('sends 503 to requests past maxRequestsPerSocket', async t => {
  const app = Fastify(serverOptions({ maxRequestsPerSocket: 1 }))
  await buildServer(app)
  app.get('/', async () => 'ok')
  const connection = connect(await listen(t, app))
  connection.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2))
  const [first, second] = await connection.responses(2)
  t.equal(first!.body, 'ok')
  assertErrorResponse(t, second!, 503)
  connection.destroy()
})

t.test('sends 503 and closes the connection for a request while the server closes', async t => {
  const app = Fastify(serverOptions())
  await buildServer(app)
  let entry!: { reply: FastifyReply }
  const entered = new Promise<void>(resolve => { app.get('/slow', (_request, reply) => { entry = { reply }; resolve() }) })
  const connection = connect(await listen(t, app))
  connection.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await entered
  const closing = app.close()
  await new Promise(setImmediate)
  connection.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  entry.reply.send('slow')
  const [slow, refused] = await connection.responses(2)
  t.equal(slow!.body, 'slow')
  assertErrorResponse(t, refused!, 503)
  t.strictSame(valuesOf(refused!, 'connection'), ['close'])
  connection.destroy()
  await closing
})

t.test('keeps the contract on every address of localhost', async t => {
  const app = Fastify(serverOptions())
  await buildServer(app)
  await app.listen({ port: 0, host: 'localhost' })
  t.teardown(() => app.close())
  for (const { address, port } of app.addresses() as net.AddressInfo[]) {
    const socket = net.connect(port, address)
    socket.write('GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [chunk] = await once(socket, 'data')
    t.match(String(chunk), /^HTTP\/1.1 400 '\/%zz' is not a valid url component\r\n/)
    socket.destroy()
  }
})
