import { once } from 'node:events'
import http2 from 'node:http2'
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import maintenance from '../../../plugins/maintenance/index.js'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { MESSAGE, open, tick } from '../../fixtures/maintenance.js'
import { assertInjectedError } from '../../fixtures/service.js'
import { connect, exchange, assertErrorResponse, listen, valuesOf } from '../../fixtures/wire.js'

t.test('finishes a request in flight, and keeps the connection', async t => {
  const { app } = await open(t)
  let finish = (_answer: string) => {}
  app.get('/slow', () => new Promise<string>(resolve => { finish = resolve }))
  const port = await listen(t, app)
  const connection = connect(port)
  const asked = once(app.server, 'request')
  connection.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
  await asked
  await app.maintenance.enter({ message: 'Later' })
  finish('whole')
  connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n')
  const [whole, ...refused] = await connection.responses(3)
  t.equal(whole!.body, 'whole')
  for (const response of refused) {
    assertErrorResponse(t, response, 503, 'Later')
    t.strictSame(valuesOf(response, 'retry-after'), ['60'])
    t.strictSame(valuesOf(response, 'connection'), ['keep-alive'])
  }
  connection.destroy()
})

t.test('closes the connection of a request with a body, and does not reset it', async t => {
  const { app } = await open(t)
  const port = await listen(t, app)
  await app.maintenance.enter({ message: 'Later' })
  for (const framing of ['Content-Length: 3000000', 'Transfer-Encoding: chunked']) {
    const connection = connect(port)
    const errors: Error[] = []
    connection.socket.on('error', error => errors.push(error))
    connection.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n${framing}\r\n\r\n`)
    for (let i = 0; i < 3; i++) {
      if (connection.socket.writable) connection.write(framing.startsWith('T') ? `f4240\r\n${'x'.repeat(1_000_000)}\r\n` : 'x'.repeat(1_000_000))
      await tick(5)
    }
    await connection.closed()
    const [response] = await connection.responses(1)
    assertErrorResponse(t, response!, 503, 'Later')
    t.strictSame(valuesOf(response!, 'connection'), ['close'])
    t.strictSame(errors, [])
  }
})

t.test('sends 503 over HTTP/1.0', async t => {
  const { app } = await open(t)
  const port = await listen(t, app)
  await app.maintenance.enter({ message: 'Later' })
  const response = await exchange(port, 'GET / HTTP/1.0\r\n\r\n')
  assertErrorResponse(t, response, 503, 'Later')
})

t.test('sends no Connection field over HTTP/2', async t => {
  const app = Fastify(serverOptions({ http2: true }))
  await app.register(reasonPhrase)
  await app.register(maintenance)
  app.post('/', async () => 'ok')
  const port = await listen(t, app as unknown as FastifyInstance)
  await app.maintenance.enter()
  const session = http2.connect(`http://127.0.0.1:${port}`)
  for (let i = 0; i < 2; i++) {
    const stream = session.request({ ':method': 'POST', ':path': '/', 'content-length': '4' })
    stream.end('body')
    const [headers] = await once(stream, 'response')
    t.match(headers, { ':status': 503, 'retry-after': '60', 'eb-reason-phrase': MESSAGE, connection: undefined })
    stream.close()
  }
  session.close()
})

const preflight = { method: 'OPTIONS', url: '/', headers: { origin: 'https://a.example', 'access-control-request-method': 'PUT' } } as const
const plain = { url: '/', headers: { origin: 'https://a.example' } }

t.test('lets pages of other origins read the message if @fastify/cors is registered before', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(cors, { origin: true })
  await app.register(maintenance)
  app.get('/', async () => 'ok')
  await app.ready()
  await app.maintenance.enter()
  t.equal((await app.inject(preflight)).statusCode, 204)
  const response = await app.inject(plain)
  assertInjectedError(t, response, 503, MESSAGE)
  t.match(response.headers, { 'access-control-allow-origin': 'https://a.example', 'access-control-expose-headers': 'EB-REASON-PHRASE' })
})

t.test('sends no CORS fields if @fastify/cors is registered after', async t => {
  const { app } = await open(t)
  await app.register(cors, { origin: true })
  await app.maintenance.enter()
  assertInjectedError(t, await app.inject(preflight), 503, MESSAGE)
  t.notOk('access-control-allow-origin' in (await app.inject(plain)).headers)
})
