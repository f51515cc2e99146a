import Fastify from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { addErrorCases, assertErrorCase, toRequestBytes, METHODS, withMethod, toWireResponse } from '../../fixtures/error-cases.js'
import { logTo } from '../../fixtures/log.js'
import { exchange, assertErrorResponse, listen, valuesOf } from '../../fixtures/wire.js'

t.test('keeps the contract from routing on with register() alone', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  const cases = addErrorCases(app)
  const port = await listen(t, app)

  for (const method of METHODS) {
    for (const original of cases) {
      const errorCase = withMethod(original, method)
      if (errorCase === undefined) continue
      assertErrorCase(t, errorCase, toWireResponse(await app.inject(errorCase.request as never)), 'injected', 'eb-reason-phrase')
      assertErrorCase(t, errorCase, await exchange(port, toRequestBytes(errorCase)), 'on a socket')
    }
  }
})

t.test('applies the options header, statusCodes, exposeServerErrors and challenge', async t => {
  const app = Fastify()
  await app.register(reasonPhrase, { header: 'X-Reason', statusCodes: { 429: 'Too Many Requests', 404: 'Not Here' }, exposeServerErrors: true, challenge: 'Signature' })
  app.get('/429', (_request, reply) => { reply.code(429).header('retry-after', '1').send() })
  app.get('/500', () => { throw new Error('no secret') })
  app.get('/401', (_request, reply) => reply.unauthorized())
  app.get('/404', (_request, reply) => reply.notFound())
  const port = await listen(t, app)
  for (const [statusCode, reason] of [[429, 'Too Many Requests'], [500, 'no secret'], [401, 'Unauthorized'], [404, 'Not Here']] as const) {
    const response = await exchange(port, `GET /${statusCode} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    assertErrorResponse(t, response, statusCode, reason, '', 'X-Reason')
    t.strictSame(valuesOf(response, 'www-authenticate'), statusCode === 401 ? ['Signature'] : [])
  }
})

t.test('rejects invalid options', async t => {
  for (const [options, message] of [
    [{ headers: 'X' }, 'unknown option "headers"'],
    [{ header: 'not a name' }, 'header must be a valid header name'],
    [{ statusCodes: { 200: 'OK' } }, 'statusCodes must have keys from 400 to 599']
  ] as const) {
    await t.rejects(async () => { await Fastify().register(reasonPhrase, options as object) }, { name: 'TypeError', message: new RegExp(message) })
  }
  await t.resolves(async () => { await Fastify().register(reasonPhrase, { prefix: '/x', logLevel: 'warn' } as object) }, "accepts Fastify's own options of register()")
})

t.test('ignores a second registration, and rejects different options', async t => {
  const app = Fastify()
  await app.register(reasonPhrase, { header: 'X-Reason' })
  await app.register(reasonPhrase)
  await app.register(reasonPhrase, { header: 'X-Reason' })
  await app.register(reasonPhrase, { header: undefined, requireSchemas: undefined })
  await app.register(async child => {
    await child.register(reasonPhrase)
    child.get('/', (_request, reply) => reply.notFound('is registered once'))
  })
  t.equal((await app.inject('/')).headers['x-reason'], 'is registered once')
  await t.rejects(async () => {
    const app = Fastify()
    await app.register(reasonPhrase)
    await app.register(reasonPhrase, { header: 'X-Other' })
  }, { message: /the options differ: / })
  await t.rejects(async () => { await Fastify(serverOptions({}, { header: 'X-A' })).register(reasonPhrase, { header: 'X-B' }) }, { message: /the options differ: / })
})

t.test('covers only the child context in which it is registered', async t => {
  const app = Fastify()
  await app.register(async child => {
    await child.register(reasonPhrase)
    child.get('/child', (_request, reply) => reply.notFound('by the contract'))
  })
  app.get('/sibling', (_request, reply) => { reply.code(404).send({ message: 'as stock' }) })
  const port = await listen(t, app)
  assertErrorResponse(t, await exchange(port, 'GET /child HTTP/1.1\r\nHost: localhost\r\n\r\n'), 404, 'by the contract')
  const sibling = await exchange(port, 'GET /sibling HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.strictSame(JSON.parse(sibling.body), { message: 'as stock' })

  await app.close()
  const both = Fastify()
  await both.register(async child => {
    await child.register(reasonPhrase)
    child.get('/child', (_request, reply) => reply.notFound('by the contract'))
  })
  await both.register(reasonPhrase)
  t.equal((await both.inject('/child')).statusMessage, 'by the contract', 'covers the parent once it is registered there')
})

t.test('logs one warning at start without serverOptions()', async t => {
  const lines: any[] = []
  const app = Fastify({ logger: logTo(lines, 'trace') })
  await app.register(reasonPhrase)
  await app.ready()
  t.match(lines, [{ level: 40, msg: /serverOptions/ }])

  const children: any[] = []
  const parent = Fastify({ logger: logTo(children, 'trace') })
  await parent.register(async child => { await child.register(reasonPhrase) })
  await parent.register(async child => { await child.register(reasonPhrase) })
  await parent.ready()
  t.equal(children.length, 1, 'logs one warning for two child contexts')

  const quiet: any[] = []
  const complete = Fastify(serverOptions({ logger: logTo(quiet, 'trace') }))
  await complete.register(reasonPhrase)
  await complete.ready()
  t.strictSame(quiet, [])
})

t.test('sends the messages of an error handler and a not-found handler of the root context', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  app.setErrorHandler((error: Error, _request, reply) => { reply.code(422).send({ message: `handled ${error.message}` }) })
  app.setNotFoundHandler((_request, reply) => { reply.code(404).send('nothing here') })
  app.get('/', () => { throw new Error('original') })
  t.equal((await app.inject('/')).statusMessage, 'handled original')
  t.equal((await app.inject('/none')).statusMessage, 'nothing here')
  t.equal((await app.inject('/none')).body, '')
})

t.test('does not change what Fastify does after a second reply, or without a reply', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  app.get('/double', (_request, reply) => { reply.notFound('first'); reply.send({ second: true }) })
  app.get('/double-error', (_request, reply) => { reply.send({ first: true }); reply.notFound('second') })
  app.get('/undefined', async () => {})
  t.equal((await app.inject('/double')).statusMessage, 'first')
  t.strictSame((await app.inject('/double-error')).json(), { first: true })
  t.equal((await app.inject('/undefined')).statusCode, 200)
})

t.test('keeps the contract for errors that an earlier plugin sends in onRequest, and logs them', async t => {
  const lines: any[] = []
  const app = Fastify({ logger: logTo(lines, 'trace') })
  app.addHook('onRequest', async (request, reply) => {
    if (request.url === '/sent') return reply.code(403).send({ message: 'Not you' })
    throw Object.assign(new Error('Not you'), { statusCode: 403 })
  })
  await app.register(reasonPhrase)
  app.get('/:way', async () => 'ok')
  for (const url of ['/sent', '/thrown']) {
    lines.length = 0
    assertErrorResponse(t, toWireResponse(await app.inject(url)), 403, 'Not you', url, 'eb-reason-phrase')
    t.ok(lines.some(({ msg }) => msg === 'Not you'), url)
  }
})
