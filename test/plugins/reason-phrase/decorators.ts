import sensible from '@fastify/sensible'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import httpErrors from 'http-errors'
import t, { type Test } from 'tap'
import { Contract } from '../../../lib/contract.js'
import { decorateReply } from '../../../plugins/reason-phrase/decorators.js'
import reasonPhrase, { type ReasonPhraseOptions } from '../../../plugins/reason-phrase/index.js'
import type { ReplyErrorOptions } from '../../../plugins/reason-phrase/send-error.js'
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

/** Returns a function that sends a request to a route with the given handler, and returns the response. */
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

    t.test(`with ${statusCode < 500 ? 'the message' : 'the default phrase instead of the message'} of an error as the first argument`, async t => {
      const reason = statusCode < 500 ? 'A message' : phrase
      assertErrorResponse(t, await send(reply => reply[name](new Error('A message') as never)), statusCode, reason)
      assertErrorResponse(t, await send(reply => reply[name]({ message: 'A message' } as never)), statusCode, reason)
      assertErrorResponse(t, await send(reply => reply[name](httpErrors(500, 'A message', { expose: true }) as never)), statusCode, 'A message', 'an exposed error')
      assertErrorResponse(t, await send(reply => reply[name](null as never)), statusCode, phrase)
    })

    t.test('with the default phrase if the first argument is a function', async t => {
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

t.test('a decorator logs an error as the first argument once, with its stack', async t => {
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

t.test('a decorator sends the message of an error as the first argument with exposeServerErrors', async t => {
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
    t.strictSame(valuesOf(await send(reply => reply.serviceUnavailable('Later', options)), 'retry-after'), [], 'sends no Retry-After without the option retryAfter')
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

/** Returns the log lines about errors: all lines except those that Fastify logs for each request. */
const errorLines = (lines: any[]): any[] => lines.filter(({ msg }) => !/^(?:incoming request|request completed)$/.test(msg))

const STATUS_CODES = { 409: 'Conflict', 429: 'Too Many Requests', 504: 'Gateway Timeout' }

t.test('reply.error() sends each status code of the table, and of the option statusCodes', async t => {
  const send = await build(t, { statusCodes: STATUS_CODES })
  const codes = [...DECORATORS.map(([, statusCode, phrase]) => [statusCode, phrase] as const), ...Object.entries(STATUS_CODES).map(([code, phrase]) => [Number(code), phrase] as const)]
  for (const [statusCode, phrase] of codes) {
    assertErrorResponse(t, await send(reply => reply.error(statusCode as 409)), statusCode, phrase)
    assertErrorResponse(t, await send(async reply => reply.error(statusCode as 409, '')), statusCode, phrase)
    assertErrorResponse(t, await send(reply => { reply.error(statusCode as 409, 'A message') }), statusCode, 'A message')
    assertErrorResponse(t, await send(async reply => reply.error(statusCode as 409, 'A message', {})), statusCode, 'A message')
  }
})

t.test('reply.error() throws for a status code that is not in the table, and says what to do', async t => {
  const lines: any[] = []
  const send = await build(t, { statusCodes: STATUS_CODES }, lines)
  const known = '400, 401, 403, 404, 422, 500, 501, 503, 409, 429, 504'
  for (const [statusCode, message] of [
    [410, `reply.error() cannot send the status code 410, because it is not in the service's table. Add it with the option statusCodes: { 410: 'Gone' }, or use one of ${known}`],
    [499, `reply.error() cannot send the status code 499, because it is not in the service's table. Add it with the option statusCodes: { 499: 'Its Reason Phrase' }, or use one of ${known}`],
    [200, `reply.error() cannot send the status code 200, because it is not in the service's table. Use one of ${known}, or add another one from 400 to 599 with the option statusCodes`],
    [600, /the status code 600/], [404.5, /the status code 404\.5/], [NaN, /the status code NaN/], ['404', /the status code '404'/],
    [undefined, /the status code undefined/], ['No such topic', /the status code 'No such topic'/], [new Error('x'), /the status code/]
  ] as const) {
    const response = await send(reply => {
      t.throws(() => reply.error(statusCode as never), { name: 'TypeError', message: typeof message === 'string' ? `fastify-reason-phrase: ${message}` : message })
      return reply.notFound('Not sent')
    })
    assertErrorResponse(t, response, 404, 'Not sent')
  }
  lines.length = 0
  assertErrorResponse(t, await send(reply => reply.error(410, 'It is gone')), 500)
  t.match(errorLines(lines), [{ level: 50, err: { type: 'TypeError', message: /statusCodes: \{ 410: 'Gone' \}/ } }], 'sends 500 if the handler does not catch the error, and logs what to do')
})

t.test('reply.error() uses the table of its own instance', async t => {
  const app = Fastify()
  for (const [prefix, options] of [['/a', { statusCodes: { 409: 'Conflict' } }], ['/b', {}]] as const) {
    await app.register(async child => {
      await child.register(reasonPhrase, options)
      child.get('/', (_request, reply) => reply.error(409))
    }, { prefix })
  }
  t.equal((await app.inject('/a')).statusCode, 409)
  t.equal((await app.inject('/b')).statusCode, 500)
})

type Sending = [name: string, send: (reply: FastifyReply, message?: string, options?: ReplyErrorOptions) => FastifyReply]

const SENDERS: Sending[] = [
  ...DECORATORS.map(([name]): Sending => [name, (reply, message, options) => reply[name](message, options)]),
  ['error', (reply, message, options) => reply.error(409, message, options)]
]

for (const [name, sendError] of SENDERS) {
  t.test(`reply.${name}() logs the cause with its stack, in the line of the message, and does not send it`, async t => {
    const lines: any[] = []
    const send = await build(t, { statusCodes: STATUS_CODES, exposeServerErrors: true }, lines)
    const cause = Object.assign(new Error('a secret'), { statusCode: 418, headers: { 'x-secret': 'a secret' }, expose: true })
    for (const message of ['A message', undefined]) {
      lines.length = 0
      const response = await send(reply => sendError(reply, message, { cause }))
      t.equal(valuesOf(response, 'eb-reason-phrase')[0] === 'A message', message !== undefined)
      t.not(response.statusCode, 418)
      t.notMatch(JSON.stringify(response), /secret/)
      const [line, ...more] = errorLines(lines)
      t.match(line, { level: response.statusCode < 500 ? 30 : 50, msg: message ?? 'a secret', err: { message: 'a secret', stack: /decorators/ }, res: { statusCode: response.statusCode } })
      t.strictSame(more, [])
    }
  })

  t.test(`reply.${name}() sends headers and Retry-After`, async t => {
    const send = await build(t, { statusCodes: STATUS_CODES })
    const response = await send(reply => sendError(reply, 'Later', {
      headers: { Allow: 'GET', 'x-count': 3, 'set-cookie': ['a=1', 'b=2'], 'x-none': undefined, 'Retry-After': '9' },
      retryAfter: 2.5
    }))
    t.strictSame(['allow', 'x-count', 'set-cookie', 'x-none', 'retry-after'].map(field => valuesOf(response, field)), [['GET'], ['3'], ['a=1', 'b=2'], [], ['3']])
    assertErrorResponse(t, response, response.statusCode, 'Later')
  })
}

t.test('a decorator logs any cause, and sends the response even if the cause cannot be logged', async t => {
  const lines: any[] = []
  const send = await build(t, {}, lines)
  const hostile = Object.defineProperty(new Error('x'), 'stack', { enumerable: true, get () { throw new Error('hostile') } })
  const circular: Record<string, unknown> = { name: 'circular' }
  circular.self = circular
  for (const [cause, line] of [
    ['a text', { err: 'a text' }],
    [42, { err: 42 }],
    [null, { err: null }],
    [{ code: 'E_DOWN' }, { err: { code: 'E_DOWN' } }],
    [circular, { err: { name: 'circular' } }],
    [new AggregateError([new Error('one')], 'all'), { err: { aggregateErrors: [{ message: 'one' }] } }],
    [new Error('outer', { cause: new Error('inner') }), { err: { message: 'outer: inner', stack: /inner/ } }],
    [hostile, { err: undefined }],
    [new Proxy({}, { get () { throw new Error('hostile') }, ownKeys () { throw new Error('hostile') }, getPrototypeOf () { throw new Error('hostile') } }), {}],
    [Symbol('x'), {}],
    [() => 'a secret', {}],
    [undefined, { err: undefined }]
  ] as const) {
    lines.length = 0
    assertErrorResponse(t, await send(reply => reply.notFound('It is gone', { cause })), 404, 'It is gone')
    t.match(errorLines(lines), [{ level: 30, msg: 'It is gone', ...line }], typeof cause)
    t.equal(errorLines(lines).length, 1)
  }
})

t.test('a decorator logs its cause instead of an error as the first argument or an earlier thrown error', async t => {
  const lines: any[] = []
  const app = Fastify({ logger: logTo(lines) })
  await app.register(reasonPhrase)
  app.get('/message', (_request, reply) => reply.notFound(new Error('It is gone') as never, { cause: new Error('the cause') }))
  app.get('/handled', { errorHandler: (error, _request, reply) => reply.notFound('It is gone', { cause: new Error('the cause', { cause: error }) }) }, () => { throw new Error('thrown') })
  await app.ready()
  for (const url of ['/message', '/handled']) {
    lines.length = 0
    t.match(await app.inject(url), { statusCode: 404, headers: { 'eb-reason-phrase': 'It is gone' } })
    t.match(errorLines(lines), [{ msg: 'It is gone', err: { message: /^the cause/ } }], url)
    t.equal(errorLines(lines).length, 1)
  }
})

t.test('a decorator drops the headers that describe or frame a body', async t => {
  const send = await build(t)
  const response = await send(reply => reply.notFound('It is gone', {
    headers: { 'content-length': 5, 'Transfer-Encoding': 'chunked', 'content-type': 'text/html', trailer: 'x', etag: '"1"', 'EB-REASON-PHRASE': 'another', 'x-kept': '1' }
  }))
  assertErrorResponse(t, response, 404, 'It is gone')
  t.strictSame(valuesOf(response, 'x-kept'), ['1'])
})

t.test('a decorator throws for invalid options, and does not change the reply', async t => {
  const send = await build(t)
  const failure = new Error('It failed')
  for (const [options, message] of [
    [{ headers: { 'x-set': '1', 'bad name': '1' } }, /has a field that cannot be sent\. .*bad name/],
    [{ headers: { 'x-set': '1', 'x-bad': 'a\r\nb: c' } }, /has a field that cannot be sent\. .*x-bad/],
    [{ headers: { 'x-set': '1', ':status': '200' } }, /cannot be sent/],
    [{ headers: { 'x-set': '1', 'x-bad': { a: 1 } } }, /must have a text, a number or an array of texts as x-bad, not \{ a: 1 \}/],
    [{ headers: { 'x-set': '1', 'x-bad': null } }, /as x-bad, not null/],
    [{ headers: new Headers({ 'x-set': '1' }) }, /option headers of an error reply must be an object such as/],
    [{ headers: { 'x-set': '1' }, retryAfter: '7' }, /retryAfter must be a number of seconds or a valid Date/],
    [{ headers: { 'x-set': '1' }, casue: failure }, /unknown option "casue" of an error reply; did you mean "cause"\? The options are cause, headers and retryAfter/],
    [failure, /not an Error\. Write \{ cause: error \}/],
    ['a text', /must be an object such as \{ cause, headers, retryAfter \}, not 'a text'/],
    [null, /not null/]
  ] as const) {
    const response = await send(reply => {
      t.throws(() => reply.unprocessable('Not that', options as never), { name: 'TypeError', message }, String(message))
      return reply.notFound('It is gone')
    })
    assertErrorResponse(t, response, 404, 'It is gone')
    t.strictSame(valuesOf(response, 'x-set'), [])
  }
})

t.test('reply.error() keeps the contract on exempt routes, for HEAD, and together with @fastify/sensible', async t => {
  const app = Fastify()
  await app.register(sensible)
  await app.register(reasonPhrase, { statusCodes: STATUS_CODES })
  app.get('/', { config: { reasonPhrase: false } }, (_request, reply) => reply.error(409, 'It is taken', { cause: new Error('a secret'), retryAfter: 5 }))
  for (const method of ['GET', 'HEAD'] as const) {
    t.match(await app.inject({ method, url: '/' }), { statusCode: 409, body: '', headers: { 'eb-reason-phrase': 'It is taken', 'retry-after': '5', 'content-length': '0' } })
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

t.test('decorators of @fastify/sensible accept our options, in child contexts too', async t => {
  const lines: any[] = []
  const app = Fastify({ logger: logTo(lines) })
  await app.register(sensible)
  app.get('/outside', (_request, reply) => reply.notFound('It is gone', { retryAfter: 5 }))
  await app.register(async child => {
    await child.register(reasonPhrase)
    await child.register(async grandchild => {
      grandchild.get('/inside', (_request, reply) => reply.serviceUnavailable('Later', { retryAfter: 5, cause: new Error('a secret') }))
    })
  })
  await app.ready()
  lines.length = 0
  t.match(await app.inject('/inside'), { statusCode: 503, body: '', headers: { 'retry-after': '5', 'eb-reason-phrase': 'Later' } })
  t.match(errorLines(lines), [{ msg: 'Later', err: { message: 'a secret' } }])
  t.match(await app.inject('/outside'), { statusCode: 404, headers: { 'retry-after': undefined } }, 'does not change the decorators outside of the plugin')
})

t.test("does not change the decorators of @fastify/sensible if Fastify's class of replies cannot be found", async t => {
  const added: string[] = []
  const app = { hasPlugin: () => true, hasReplyDecorator: (name: string) => name === 'notFound', decorateReply (name: string) { added.push(name) } }
  decorateReply(app as unknown as FastifyInstance, new Contract())
  t.notOk(added.includes('notFound'))
  t.ok(added.includes('error'))
})

t.test('rejects @fastify/sensible if it is registered second, and says what to do', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  await t.rejects(async () => {
    // @fastify/sensible is synchronous, so an error of decorateReply() must reject register() instead of ending the process.
    await app.register(fp(async app => { sensible(app, {}, () => {}) }, { name: '@fastify/sensible' }))
  }, { message: /must be registered first/ })
})

t.test('rejects a decorator of another plugin with the same name', async t => {
  const before = Fastify()
  before.decorateReply('notFound' as string, () => {})
  await t.rejects(async () => { await before.register(reasonPhrase) }, { message: /"notFound" exists already, added by the service itself/, cause: { code: 'FST_ERR_DEC_ALREADY_PRESENT' } }, 'rejects a decorator that was added before the plugin')

  const after: FastifyInstance = Fastify()
  await after.register(reasonPhrase)
  t.throws(() => { after.decorateReply('created' as string, () => {}) }, { message: /"created"/ }, 'rejects a decorator that is added after the plugin')
  after.decorateReply('mine', () => {})
  t.throws(() => { after.decorateReply('mine', () => {}) }, { code: 'FST_ERR_DEC_ALREADY_PRESENT' }, "keeps Fastify's own error for other names")
})
