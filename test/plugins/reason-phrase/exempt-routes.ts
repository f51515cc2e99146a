import { Readable } from 'node:stream'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { exchange, assertErrorResponse, listen } from '../../fixtures/wire.js'

t.test('sends the errors of an exempt route as Fastify does without the plugin', async t => {
  function routes (app: FastifyInstance) {
    const exempt = { config: { reasonPhrase: false } }
    const schema = { response: { 409: { type: 'object', properties: { reason: { type: 'string' } } } } }
    app.get('/sent', { ...exempt, schema }, async (_request, reply) => reply.code(409).send({ reason: 'taken', more: 1 }))
    app.get('/thrown', exempt, async () => { throw Object.assign(new Error('taken'), { statusCode: 409 }) })
    app.get('/failed', exempt, async () => { throw new Error('taken') })
    app.get('/streamed', exempt, (_request, reply) => reply.code(502).type('text/plain').send(Readable.from(['in ', 'parts'])))
    app.get('/empty', exempt, (_request, reply) => reply.code(429).send())
    app.get('/raw', exempt, (_request, reply) => { reply.hijack().raw.writeHead(409, { 'content-type': 'text/plain', 'content-length': 5 }).end('taken') })
    app.get('/written', exempt, (_request, reply) => {
      const { raw } = reply.hijack()
      raw.statusCode = 409
      raw.setHeader('content-type', 'text/plain')
      raw.flushHeaders()
      raw.write('in ')
      raw.end('parts')
    })
    app.post('/sent', { ...exempt, schema: { body: { type: 'object', required: ['name'] } } }, async () => 'ok')
  }
  const stock = Fastify()
  routes(stock)
  const registered = Fastify()
  await registered.register(reasonPhrase)
  routes(registered)
  const full = Fastify(serverOptions())
  await full.register(reasonPhrase)
  routes(full)

  const ports = [await listen(t, stock), await listen(t, registered), await listen(t, full)]
  const undated = (lines: Array<[string, string]>) => lines.filter(([name]) => name.toLowerCase() !== 'date').sort()
  for (const request of ['GET /sent', 'GET /thrown', 'GET /failed', 'GET /streamed', 'GET /empty', 'GET /raw', 'GET /written', 'HEAD /sent', 'POST /sent']) {
    const bytes = `${request} HTTP/1.1\r\nHost: a\r\n${request.startsWith('POST') ? 'Content-Type: application/json\r\nContent-Length: 2\r\n' : ''}\r\n${request.startsWith('POST') ? '{}' : ''}`
    const [expected, ...answers] = await Promise.all(ports.map(port => exchange(port, bytes)))
    t.ok(expected!.statusCode >= 400, request)
    for (const answer of answers) t.strictSame({ ...answer, lines: undated(answer.lines) }, { ...expected, lines: undated(expected!.lines) }, request)
  }
})

t.test('keeps the contract for a decorator on an exempt route, and for all other routes', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  await app.register(async app => {
    // This hook exempts the routes of a plugin that has no option for their config.
    app.addHook('onRoute', route => { route.config = { ...route.config, reasonPhrase: false } })
    app.get('/refused', (_request, reply) => reply.unprocessable('Not like that'))
    app.get('/sent', (_request, reply) => reply.code(409).send('taken'))
  }, { prefix: '/exempt' })
  app.get('/sent', (_request, reply) => reply.code(409).send('taken'))
  const port = await listen(t, app)
  const get = (url: string) => exchange(port, `GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`)
  assertErrorResponse(t, await get('/exempt/refused'), 422, 'Not like that')
  t.match(await get('/exempt/sent'), { statusCode: 409, phrase: 'Conflict', body: 'taken' })
  assertErrorResponse(t, await get('/sent'), 400, 'taken')
  assertErrorResponse(t, await get('/exempt/none'), 404, 'Route GET:/exempt/none not found')
  assertErrorResponse(t, await get('/exempt/%zz'), 400, "'/exempt/%zz' is not a valid url component")
})
