import middie from '@fastify/middie'
import type { IncomingMessage, ServerResponse } from 'node:http'
import Fastify, { type FastifyReply, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { toWireResponse } from '../../fixtures/error-cases.js'
import { connect, exchange, assertErrorResponse, listen, valuesOf, type WireResponse } from '../../fixtures/wire.js'

t.test('keeps the connection usable after an error, even with pipelined requests', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  app.get('/ok', async () => 'ok')
  app.post('/refused', async (_request, reply) => reply.unprocessable('No'))
  app.addHook('onRequest', async (request, reply) => request.headers['x-refuse'] ? reply.forbidden('Unread') : undefined)
  const port = await listen(t, app)
  const connection = connect(port)
  const ok = 'GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n'
  connection.write(ok)
  await connection.responses(1)
  connection.write('POST /refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}' + ok)
  connection.write('POST /refused HTTP/1.1\r\nHost: localhost\r\nX-Refuse: 1\r\nContent-Length: 2\r\n\r\n{}' + ok)
  connection.write('GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n' + ok)
  const responses = await connection.responses(7)
  t.strictSame(responses.map(({ statusCode }) => statusCode), [200, 400, 200, 403, 200, 404, 200])
  assertErrorResponse(t, responses[3]!, 403, 'Unread')
  t.strictSame(responses.filter(({ statusCode }) => statusCode === 200).map(({ body }) => body), ['ok', 'ok', 'ok', 'ok'])
  connection.destroy()
})

t.test('keeps the contract with register() alone if Node itself sends a response with a ServerResponse', async t => {
  const app = Fastify({ maxRequestsPerSocket: 1 })
  await app.register(reasonPhrase)
  app.get('/', (_request, reply) => String(Object.hasOwn(reply.raw, 'writeHead')))
  const port = await listen(t, app)
  t.equal((await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).body, 'false', 'installs the methods in the class, not on the object')
  assertErrorResponse(t, await exchange(port, 'GET / HTTP/1.1\r\n\r\n'), 400)
  assertErrorResponse(t, await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n\r\n'), 400)
  const connection = connect(port)
  connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2))
  const [first, second] = await connection.responses(2)
  t.equal(first!.statusCode, 200)
  assertErrorResponse(t, second!, 503)
  connection.destroy()
})

t.test('sends 400 for a body whose length differs from its content-length', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  app.post('/', async () => 'ok')
  const response = await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/json', 'content-length': '9' }, payload: '{}' })
  assertErrorResponse(t, toWireResponse(response), 400, 'Request body size did not match Content-Length', '', 'eb-reason-phrase')
})

/** Returns two responses: to a slow request, and to a request that arrives while the server closes. */
async function requestWhileClosing (t: Test, options: FastifyServerOptions): Promise<[slow: WireResponse, late: WireResponse]> {
  const app = Fastify(options)
  await app.register(reasonPhrase)
  const entered = new Promise<{ reply: FastifyReply }>(resolve => { app.get('/slow', (_request, reply) => { resolve({ reply }) }) })
  app.get('/', async () => 'ok')
  const port = await listen(t, app)
  const connection = connect(port)
  connection.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
  const { reply } = await entered
  const closing = app.close()
  await new Promise(setImmediate)
  connection.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  reply.send('slow')
  const [slow, late] = await connection.responses(2)
  connection.destroy()
  await closing
  return [slow!, late!]
}

t.test('sends 503 with Retry-After to a request while the server closes', async t => {
  const [slow, refused] = await requestWhileClosing(t, {})
  t.equal(slow.body, 'slow')
  assertErrorResponse(t, refused, 503)
  t.strictSame(valuesOf(refused, 'connection'), ['close'])
  t.strictSame(valuesOf(refused, 'retry-after'), ['5'])
  t.strictSame(valuesOf(slow, 'retry-after'), [])
})

t.test('sends a success without Retry-After while the server closes, with return503OnClosing: false', async t => {
  const [, answered] = await requestWhileClosing(t, { return503OnClosing: false })
  t.equal(answered.body, 'ok')
  t.strictSame(valuesOf(answered, 'retry-after'), [])
})

t.test('keeps the contract for Connect middleware that is registered before or after the plugin', async t => {
  for (const first of [true, false]) {
    const app = Fastify()
    if (first) await app.register(reasonPhrase)
    await app.register(middie)
    app.use('/html', (_request: IncomingMessage, response: ServerResponse) => { response.statusCode = 404; response.setHeader('Content-Type', 'text/html'); response.end('<h1>Not here</h1>') })
    app.use('/teapot', (_request: IncomingMessage, response: ServerResponse) => { response.writeHead(418, { 'Content-Type': 'application/json' }); response.end('{"message":"a teapot"}') })
    app.use('/forbidden', (_request: IncomingMessage, response: ServerResponse) => { response.writeHead(403, 'Keep out'); response.end('<p>Keep out</p>') })
    app.use('/throw', (_request: IncomingMessage, _response: ServerResponse, next: (error: Error) => void) => { next(new Error('a secret')) })
    app.use('/wrapped', (_request: IncomingMessage, response: ServerResponse, next: () => void) => {
      const { end } = response
      response.end = function (this: typeof response, ...args: any) { response.setHeader('x-wrapped', '1'); return Reflect.apply(end, this, args) } as typeof end
      next()
    })
    if (!first) await app.register(reasonPhrase)
    app.get('/wrapped', (_request, reply) => { reply.hijack(); reply.raw.statusCode = 404; reply.raw.end('behind') })
    const port = await listen(t, app)
    for (const [url, statusCode, reason] of [['/html', 404], ['/teapot', 400, 'a teapot'], ['/forbidden', 403, 'Keep out'], ['/throw', 500], ['/wrapped', 404, 'behind']] as const) {
      const response = await exchange(port, `GET ${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      assertErrorResponse(t, response, statusCode, reason)
      if (url === '/wrapped') t.strictSame(valuesOf(response, 'x-wrapped'), ['1'])
    }
    const wrapped = await app.inject('/wrapped')
    t.equal(wrapped.headers['x-wrapped'], '1')
    t.equal(wrapped.statusMessage, 'behind')
    t.equal(wrapped.body, '')
  }
})
