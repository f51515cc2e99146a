import sensible from '@fastify/sensible'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import httpErrors from 'http-errors'
import t, { type Test } from 'tap'
import reasonPhrase, { type ReasonPhraseOptions } from '../../../plugins/reason-phrase/index.js'
import { logTo } from '../../fixtures/log.js'
import { exchange, assertErrorResponse, listen, valuesOf, type WireResponse } from '../../fixtures/wire.js'

const DECORATORS = [
  ['badRequest', 400, 'Bad Request'],
  ['unauthorized', 401, 'Unauthorized'],
  ['forbidden', 403, 'Forbidden'],
  ['notFound', 404, 'Not Found'],
  ['unprocessable', 422, 'Unprocessable Entity'],
  ['internalServerError', 500, 'Internal Server Error'],
  ['notImplemented', 501, 'Not Implemented'],
  ['serviceUnavailable', 503, 'Service Unavailable']
] as const

type Handler = (reply: FastifyReply) => unknown

/** Returns a function that lets a handler reply to a request, and returns the response. */
async function build (t: Test, options: ReasonPhraseOptions = {}, lines: unknown[] = []): Promise<(handler: Handler) => Promise<WireResponse>> {
  let handler: Handler
  const app = Fastify({ logger: logTo(lines) })
  await app.register(reasonPhrase, options)
  app.get('/', (_request, reply) => handler(reply))
  const port = await listen(t, app)
  return async given => {
    handler = given
    return await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  }
}

for (const [name, statusCode, phrase] of DECORATORS) {
  t.test(`reply.${name}() sends ${statusCode}`, async t => {
    const send = await build(t)

    t.test('with the default phrase if there is no message', async t => {
      assertErrorResponse(t, await send(reply => { reply[name]() }), statusCode, phrase)
      assertErrorResponse(t, await send(reply => reply[name](undefined)), statusCode, phrase)
      assertErrorResponse(t, await send(async reply => reply[name]('')), statusCode, phrase)
    })

    t.test('with the message', async t => {
      assertErrorResponse(t, await send(reply => { reply[name]('A message') }), statusCode, 'A message')
      assertErrorResponse(t, await send(async reply => reply[name]('A message')), statusCode, 'A message')
      assertErrorResponse(t, await send(reply => reply[name](`Тема\r\n${'x'.repeat(600)}`)), statusCode, `Tema ${'x'.repeat(507)}`)
      assertErrorResponse(t, await send(reply => reply[name](42 as never)), statusCode, '42')
    })

    t.test(`with ${statusCode < 500 ? 'the message' : 'the default phrase instead of the message'} of an error that is given as message`, async t => {
      const reason = statusCode < 500 ? 'A message' : phrase
      assertErrorResponse(t, await send(reply => reply[name](new Error('A message') as never)), statusCode, reason)
      assertErrorResponse(t, await send(reply => reply[name]({ message: 'A message' } as never)), statusCode, reason)
      assertErrorResponse(t, await send(reply => reply[name](httpErrors(500, 'A message', { expose: true }) as never)), statusCode, 'A message', 'an exposed error')
      assertErrorResponse(t, await send(reply => reply[name](null as never)), statusCode, phrase)
    })

    t.test('with the default phrase if the message is a function', async t => {
      assertErrorResponse(t, await send(reply => reply[name]((() => 'a secret') as never)), statusCode, phrase)
    })

    t.test(`with ${statusCode === 401 ? 'a' : 'no'} challenge`, async t => {
      t.strictSame(valuesOf(await send(reply => reply[name]()), 'www-authenticate'), statusCode === 401 ? ['HMAC'] : [])
    })

    t.test('without the headers that describe a body, and with all others', async t => {
      const response = await send(reply => reply.type('text/html').header('etag', '"1"').header('x-kept', '1')[name]('A message'))
      assertErrorResponse(t, response, statusCode, 'A message')
      t.strictSame(valuesOf(response, 'x-kept'), ['1'])
    })
  })
}

t.test('a decorator logs an error that is given as message, with its stack, once', async t => {
  const lines: any[] = []
  const send = await build(t, {}, lines)
  for (const [name, statusCode] of DECORATORS) {
    lines.length = 0
    await send(reply => reply[name](new Error('A message') as never))
    t.match(lines.filter(({ msg }) => !/^(?:incoming request|request completed)$/.test(msg)), [
      { level: statusCode < 500 ? 30 : 50, msg: 'A message', err: { message: 'A message', stack: /decorators/ } }
    ], name)
  }
})

t.test('a decorator sends the message of any error with exposeServerErrors', async t => {
  const send = await build(t, { exposeServerErrors: true })
  for (const [name, statusCode] of DECORATORS) {
    assertErrorResponse(t, await send(reply => reply[name](new Error('A message') as never)), statusCode, 'A message')
  }
})

t.test('reply.unauthorized() keeps a challenge that is set, and sends the one of the option challenge', async t => {
  const send = await build(t, { challenge: 'Bearer' })
  t.strictSame(valuesOf(await send(reply => reply.unauthorized()), 'www-authenticate'), ['Bearer'])
  t.strictSame(valuesOf(await send(reply => reply.header('www-authenticate', 'Basic').unauthorized()), 'www-authenticate'), ['Basic'])
})

t.test('reply.serviceUnavailable() sends Retry-After', async t => {
  const send = await build(t)
  for (const [retryAfter, value] of [
    [0, '0'],
    [7, '7'],
    [2.5, '3'],
    [new Date(0), 'Thu, 01 Jan 1970 00:00:00 GMT']
  ] as const) {
    const response = await send(reply => reply.serviceUnavailable('Later', { retryAfter }))
    assertErrorResponse(t, response, 503, 'Later')
    t.strictSame(valuesOf(response, 'retry-after'), [value], `for ${String(retryAfter)}`)
  }
  for (const options of [undefined, {}, { retryAfter: undefined }]) {
    t.strictSame(valuesOf(await send(reply => reply.serviceUnavailable('Later', options)), 'retry-after'), [], 'not without retryAfter')
  }
})

t.test('reply.serviceUnavailable() throws for a retryAfter that is neither seconds nor a date', async t => {
  const send = await build(t)
  for (const retryAfter of [-1, NaN, Infinity, new Date(NaN), '7', null]) {
    const response = await send(reply => {
      t.throws(() => reply.serviceUnavailable('Later', { retryAfter } as never), { name: 'TypeError', message: /retryAfter must be a number of seconds or a valid Date/ }, String(retryAfter))
      return reply.notFound('Not sent')
    })
    assertErrorResponse(t, response, 404, 'Not sent')
  }
})

t.test('reply.created() and reply.accepted() send the payload, and the location if there is one', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  app.get('/created', (_request, reply) => reply.created({ id: 1 }, '/created/1'))
  app.get('/accepted', async (_request, reply) => reply.accepted({ id: 1 }, '/accepted/1'))
  app.get('/nowhere', (_request, reply) => reply.created({ id: 1 }))
  app.get('/nowhere-either', (_request, reply) => reply.accepted({ id: 1 }))
  for (const [url, statusCode, location] of [['/created', 201, '/created/1'], ['/accepted', 202, '/accepted/1'], ['/nowhere', 201], ['/nowhere-either', 202]] as const) {
    const response = await app.inject(url)
    t.equal(response.statusCode, statusCode)
    t.strictSame(response.json(), { id: 1 })
    t.equal(response.headers.location, location)
    t.notOk('eb-reason-phrase' in response.headers)
  }
})

t.test('decorators of @fastify/sensible stay in force if it is registered first, and keep the contract', async t => {
  const app = Fastify()
  await app.register(sensible)
  await app.register(reasonPhrase)
  app.get('/sensible', (_request, reply) => { reply.notFound('sensible') })
  app.get('/conflict', (_request, reply) => { reply.conflict('sensible') })
  app.get('/secret', (_request, reply) => { reply.internalServerError('a secret') })
  app.get('/ours', (_request, reply) => reply.unprocessable('ours'))
  const port = await listen(t, app)
  for (const [url, statusCode, reason] of [['/sensible', 404, 'sensible'], ['/conflict', 400, 'sensible'], ['/secret', 500], ['/ours', 422, 'ours']] as const) {
    assertErrorResponse(t, await exchange(port, `GET ${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`), statusCode, reason)
  }
})

t.test('rejects @fastify/sensible if it is registered second, and says what to do', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  await t.rejects(async () => {
    // The plugin is synchronous, so an error that Fastify throws in it would end the process.
    await app.register(fp(async app => { sensible(app, {}, () => {}) }, { name: '@fastify/sensible' }))
  }, { message: /must be registered first/ })
})

t.test('rejects a decorator of another plugin with the same name', async t => {
  const before = Fastify()
  before.decorateReply('notFound' as string, () => {})
  await t.rejects(async () => { await before.register(reasonPhrase) }, { message: /"notFound" exists already, added by the service itself/, cause: { code: 'FST_ERR_DEC_ALREADY_PRESENT' } }, 'registered before')

  const after: FastifyInstance = Fastify()
  await after.register(reasonPhrase)
  t.throws(() => { after.decorateReply('created' as string, () => {}) }, { message: /"created"/ }, 'registered after')
  after.decorateReply('mine', () => {})
  t.throws(() => { after.decorateReply('mine', () => {}) }, { code: 'FST_ERR_DEC_ALREADY_PRESENT' }, "leaves Fastify's own error for other names")
})
