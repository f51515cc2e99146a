import { Readable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import httpErrors from 'http-errors'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { logTo } from '../../fixtures/log.js'
import { exchange, assertErrorResponse, listen } from '../../fixtures/wire.js'

/** A row of the table of `docs/security.md`: a handler, and the status code and message that a client receives. */
type Case = [title: string, handler: (request: FastifyRequest, reply: FastifyReply) => unknown, statusCode: number, reason?: string, options?: object]

const SECRET = 'password authentication failed for user "root"'
const secret = () => new Error(SECRET)
const fastifyError = { statusCode: 500, error: 'Internal Server Error', message: SECRET }
const stack = () => secret().stack!

class Hiding {
  message = SECRET
  toJSON (): object { return { ok: false } }
}

class Getting {
  get message (): string { return SECRET }
}

const raw = (statusCode: number, write: (reply: FastifyReply) => void) => (_request: FastifyRequest, reply: FastifyReply): void => {
  reply.hijack()
  reply.raw.statusCode = statusCode
  write(reply)
}

const silent = { type: 'object', properties: { ok: { type: 'boolean' } } }
const sends = (statusCode: number, payload: () => unknown) => (_request: FastifyRequest, reply: FastifyReply): unknown => reply.code(statusCode).send(payload())

const CASES: Case[] = [
  // The message is taken from the serialized payload only.
  ...[500, 422].flatMap((statusCode): Case[] => [
    ['an error within an object', sends(statusCode, () => ({ ok: false, error: secret() })), statusCode],
    ['an error within a list', sends(statusCode, () => ({ errors: [secret()] })), statusCode],
    ['an AggregateError within an object', sends(statusCode, () => ({ error: new AggregateError([secret()], SECRET) })), statusCode],
    ['an object whose toJSON() hides its message', sends(statusCode, () => new Hiding()), statusCode],
    ['a getter of a class', sends(statusCode, () => new Getting()), statusCode],
    ['a member that is not enumerable', sends(statusCode, () => Object.defineProperty({}, 'message', { value: SECRET })), statusCode],
    ['a member that the schema leaves out', sends(statusCode, () => ({ ok: false, message: SECRET })), statusCode, undefined, { schema: { response: { [statusCode]: silent } } }],
    ['a member that the schema of a class leaves out', sends(statusCode, () => ({ message: SECRET })), statusCode, undefined, { schema: { response: { [`${String(statusCode)[0]}XX`]: silent } } }],
    ['a member that the default schema leaves out', sends(statusCode, () => ({ message: SECRET })), statusCode, undefined, { schema: { response: { default: { content: { 'application/json': { schema: silent } } } } } }],
    ['a member that the schema of another status code leaves out', sends(statusCode, () => ({ message: 'We are sorry' })), statusCode, 'We are sorry', { schema: { response: { 404: silent } } }],
    ['a payload that its schema refuses', sends(statusCode, () => ({ message: SECRET })), statusCode, undefined, { schema: { response: { [statusCode]: { ...silent, required: ['ok'] } } } }],
    ['a payload without a body by its schema', sends(statusCode, () => ({ message: SECRET })), statusCode, undefined, { schema: { response: { [statusCode]: { type: 'null' } } } }],
    ['a member that a serializer leaves out', (_request, reply) => reply.code(statusCode).serializer(() => '{"ok":false}').send({ message: SECRET }), statusCode],
    ['a member that a later hook leaves out', sends(statusCode, () => ({ message: SECRET })), statusCode, undefined, { preSerialization: async () => ({ ok: false }) }],
    ['an error handler that sends the error within an object', () => { throw secret() }, statusCode, undefined, {
      errorHandler: (error: Error, _request: unknown, reply: FastifyReply) => reply.code(statusCode).send({ ok: false, error })
    }],
    ['a message that toJSON() adds', sends(statusCode, () => ({ toJSON: () => ({ message: 'We are sorry' }) })), statusCode, 'We are sorry'],
    ['a message of its own', sends(statusCode, () => ({ message: 'We are sorry' })), statusCode, 'We are sorry'],
    ['a text of its own', sends(statusCode, () => 'We are sorry'), statusCode, 'We are sorry'],
    ['a message that a later hook replaces', sends(statusCode, () => ({ message: SECRET })), statusCode, 'We are sorry', { preSerialization: async () => ({ message: 'We are sorry' }) }]
  ]),
  ['a message that a later hook leaves out, and the schema does not', sends(422, () => ({ message: SECRET })), 422, undefined, {
    schema: { response: { 422: { type: 'object', properties: { message: { type: 'string' } } } } }, preSerialization: async () => ({ ok: false })
  }],
  ['a thrown message that the schema leaves out', () => { throw httpErrors(422, SECRET) }, 422, undefined, { schema: { response: { 422: silent } } }],
  ['a thrown message that the schema has', () => { throw httpErrors(422, 'It is taken') }, 422, 'It is taken', {
    schema: { response: { 422: { type: 'object', properties: { message: { type: 'string' } } } } }
  }],
  ['a thrown object whose toJSON() hides its message', () => { throw Object.assign(new Hiding(), { statusCode: 422 }) }, 422],
  ['a thrown object whose message is not enumerable', () => { throw Object.defineProperty({ statusCode: 422 }, 'message', { value: SECRET }) }, 422],

  // A payload of an error handler replaces the thrown message, even if it has no message.
  ...Object.entries({
    'an empty text': (reply: FastifyReply) => reply.send(''),
    'JSON without a message': (reply: FastifyReply) => reply.send('{"ok":false}'),
    'bytes without a message': (reply: FastifyReply) => reply.send(Buffer.from([0, 1])),
    'a page without the message': (reply: FastifyReply) => reply.type('text/html').send('<h1>Sorry</h1>'),
    'a stream of a page': (reply: FastifyReply) => reply.type('text/html').send(Readable.from(['<h1>Sorry</h1>'])),
    'a stream without a text': (reply: FastifyReply) => reply.type('text/plain').send(Readable.from([''])),
    'a fetch Response without a body': (reply: FastifyReply) => reply.send(new Response(null, { status: 422 })),
    'no body, raw': (reply: FastifyReply) => { reply.hijack(); reply.raw.writeHead(422).end() },
    'JSON without a message, raw': (reply: FastifyReply) => { reply.hijack(); reply.raw.writeHead(422).end('{"ok":false}') }
  }).map(([title, answer]): Case => [`an error handler that sends ${title}`, () => { throw httpErrors(422, SECRET) }, 422, undefined, {
    errorHandler: (_error: Error, _request: unknown, reply: FastifyReply) => answer(reply.code(422))
  }]),
  ...Object.entries({
    'a text, raw': (reply: FastifyReply) => { reply.hijack(); reply.raw.writeHead(422).end('We are sorry') },
    'a reason phrase, raw': (reply: FastifyReply) => { reply.hijack(); reply.raw.writeHead(422, 'We are sorry').end() },
    'a page with the message, escaped': (reply: FastifyReply) => reply.type('text/html').send('<h1>We are &lt;very&gt; sorry</h1>'),
    'a body that is compressed': (reply: FastifyReply) => reply.header('content-encoding', 'gzip').send(Buffer.from([0, 1])),
    'a stream that is compressed': (reply: FastifyReply) => reply.header('content-encoding', 'gzip').send(Readable.from([Buffer.from([0, 1])]))
  }).map(([title, answer]): Case => {
    const message = title.includes('raw') ? SECRET : 'We are <very> sorry'
    return [`an error handler that sends ${title}`, () => { throw httpErrors(422, message) }, 422, title.includes('raw') ? 'We are sorry' : message, {
      errorHandler: (_error: Error, _request: unknown, reply: FastifyReply) => answer(reply.code(422))
    }]
  }),
  ['an error within an object, raw', raw(500, reply => { reply.raw.end({ message: SECRET } as never) }), 500],
  ['an error, raw', raw(404, reply => { reply.raw.end(secret() as never) }), 404],

  // A schema of null declares that an error has no body, and keeps its message.
  ...['404', '4XX', 'default'].map((key): Case => ['a thrown message, with a schema of null', () => { throw httpErrors(404, 'It is gone') }, 404, 'It is gone', { schema: { response: { [key]: { type: 'null' } } } }]),
  ['a refusal of validation, with a schema of null', () => 'fine', 400, "querystring must have required property 'a'", { schema: { querystring: { type: 'object', required: ['a'] }, response: { 400: { type: 'null' } } } }],
  ['a thrown 5xx, with a schema of null', () => { throw secret() }, 500, undefined, { schema: { response: { 500: { type: 'null' } } } }],

  // With a 5xx, serialized errors and stack traces stay in the log.
  ['the format of Fastify as an object', sends(500, () => fastifyError), 500],
  ['the format of Fastify with another status code', sends(503, () => fastifyError), 503],
  ['the format of Fastify of another 5xx', sends(500, () => ({ ...fastifyError, statusCode: 502, error: 'Bad Gateway' })), 500],
  ['the format of Fastify as a text', sends(500, () => JSON.stringify(fastifyError)), 500],
  ['the format of Fastify as a text after a byte order mark', sends(502, () => `\ufeff ${JSON.stringify(fastifyError)}`), 500],
  ['the format of Fastify as a text before another', sends(500, () => `${JSON.stringify(fastifyError)}\nmore`), 500],
  ['the format of Fastify in a Buffer', sends(504, () => Buffer.from(JSON.stringify(fastifyError))), 500],
  ['the format of Fastify in an error handler', () => { throw secret() }, 503, undefined, {
    errorHandler: (error: Error, _request: unknown, reply: FastifyReply) => reply.code(503).send({ statusCode: 503, error: 'Service Unavailable', message: error.message })
  }],
  ['a stack trace as a text', sends(500, stack), 500],
  ['a stack trace as a message', sends(500, () => ({ message: stack() })), 500],
  ['a stack trace beside a message', sends(500, () => ({ message: SECRET, stack: stack() })), 500],
  ['a stack trace given to a decorator', (_request, reply) => reply.internalServerError(stack()), 500],
  ['a stack trace in the header', (_request, reply) => reply.code(500).header('EB-REASON-PHRASE', stack().replaceAll('\n', ' ')).send(), 500],
  ['the format of Fastify that a later hook sends', () => 'fine', 500, undefined, { onSend: async (_request: unknown, reply: FastifyReply) => { reply.code(500); return JSON.stringify(fastifyError) } }],
  ['a text that a later hook sends', () => 'fine', 500, 'We are sorry', { onSend: async (_request: unknown, reply: FastifyReply) => { reply.code(500); return 'We are sorry' } }],
  ['the format of Fastify, 4xx', sends(422, () => ({ statusCode: 422, error: 'Unprocessable Entity', message: 'It is taken' })), 422, 'It is taken'],

  // With a 5xx, nothing from an upstream is sent.
  ['a stream', (_request, reply) => reply.code(500).type('text/plain').send(Readable.from([SECRET])), 500],
  ['a stream of JSON', (_request, reply) => reply.code(503).type('application/json').send(Readable.from([JSON.stringify({ message: SECRET })])), 503],
  ['a web stream', (_request, reply) => reply.code(500).type('text/plain').send(new Response(SECRET).body), 500],
  ['a fetch Response', () => Response.json({ message: SECRET }, { status: 503 }), 503],
  ['the status text of a fetch Response', () => new Response(null, { status: 500, statusText: 'password wrong' }), 500],
  ['a raw write', raw(500, reply => { reply.raw.write(SECRET); reply.raw.end() }), 500],
  ['a raw end', raw(502, reply => { reply.raw.end(SECRET) }), 500],
  ['a stream that is piped', raw(500, reply => { Readable.from([SECRET]).pipe(reply.raw) }), 500],
  ['a stream, 4xx', (_request, reply) => reply.code(409).type('text/plain').send(Readable.from(['It is taken'])), 400, 'It is taken'],
  ['a reason phrase, raw', raw(500, reply => { reply.raw.writeHead(503, 'Down for lunch').end(SECRET) }), 503, 'Down for lunch'],

  // The first chunk of a body is not always the whole body.
  ['the start of JSON', raw(404, reply => { reply.raw.write(`{"statusCode":404,"message":"${SECRET}`); reply.raw.end('"}') }), 404],
  ['the start of JSON, after its head', raw(500, reply => { reply.raw.writeHead(500, { 'content-type': 'application/json' }); reply.raw.write('{"statusCode":500,'); reply.raw.end('}') }), 500],
  ['one of several objects', raw(404, reply => { reply.raw.write('{"message":"It is taken"}'); reply.raw.end('{"message":"another"}') }), 404],
  ['the start of a text', raw(404, reply => { reply.raw.write('It is'); reply.raw.end(' taken') }), 404, 'It is'],
  ['a chunk with all of the JSON', raw(404, reply => { reply.raw.writeHead(404, { 'Content-Length': '25' }); reply.raw.write('{"message":"It is taken"}'); reply.raw.end() }), 404, 'It is taken'],
  ['a chunk with all of the JSON, its length set before', raw(404, reply => { reply.raw.setHeader('content-length', 25); reply.raw.write('{"message":"It is taken"}'); reply.raw.end() }), 404, 'It is taken'],
  ['a text in base64', raw(404, reply => { reply.raw.end(Buffer.from('It is taken').toString('base64'), 'base64') }), 404, 'It is taken'],

  // An error as the first argument of a decorator is treated as if it had been thrown.
  ['reply.internalServerError(error)', (_request, reply) => reply.internalServerError(secret() as never), 500],
  ['reply.serviceUnavailable(error)', (_request, reply) => reply.serviceUnavailable(secret() as never, { retryAfter: 1 }), 503],
  ['reply.notImplemented(error)', async (_request, reply) => reply.notImplemented(secret() as never), 501],
  ['reply.internalServerError(exposed)', (_request, reply) => reply.internalServerError(httpErrors(500, 'We are sorry', { expose: true }) as never), 500, 'We are sorry'],
  ['reply.internalServerError() with an object', (_request, reply) => reply.internalServerError({ message: SECRET } as never), 500],
  ['reply.unprocessable(error)', (_request, reply) => reply.unprocessable(new Error('It is taken') as never), 422, 'It is taken'],
  ['reply.internalServerError() with a function', (_request, reply) => reply.internalServerError((() => SECRET) as never), 500],
  ['reply.badRequest() with a function', (_request, reply) => reply.badRequest((() => SECRET) as never), 400],
  ['reply.internalServerError(message)', (_request, reply) => reply.internalServerError('We are sorry'), 500, 'We are sorry']
]

/** Adds a route for each case. */
function addCases (app: FastifyInstance): void {
  for (const [i, [, handler,,, options = {}]] of CASES.entries()) app.get(`/${i}`, options, handler as never)
}

for (const [way, create] of Object.entries({
  'serverOptions()': () => Fastify(serverOptions()) as unknown as FastifyInstance,
  'register() alone': () => Fastify()
})) {
  t.test(`sends no more than the table of docs/security.md allows, with ${way}`, async t => {
    const app = create()
    await app.register(reasonPhrase, { errorSchemas: 'ignore' })
    addCases(app)
    const port = await listen(t, app)
    for (const [i, [title,, statusCode, reason]] of CASES.entries()) {
      assertErrorResponse(t, await exchange(port, `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`), statusCode, reason, title)
      const { headers, body } = await app.inject(`/${i}`)
      if (reason !== undefined) t.equal(headers['eb-reason-phrase'], reason, `${title}, injected`)
      t.notMatch(headers['eb-reason-phrase'], /password/, `${title}, injected`)
      t.equal(body, '')
    }
  })
}

t.test('sends the message of the serialized payload if an earlier hook replaces the payload by a stream, or throws', async t => {
  const app = Fastify()
  app.addHook('onSend', async (request, _reply, payload) => {
    if (request.query === null) return payload
    if (request.url.endsWith('?fail')) throw secret()
    return Readable.from([SECRET])
  })
  await app.register(reasonPhrase)
  app.get('/message', (_request, reply) => reply.code(404).send({ message: 'It is gone' }))
  app.get('/none', (_request, reply) => reply.code(404).send({ ok: false, error: secret() }))
  app.get('/once', (_request, reply) => {
    let count = 0
    return reply.code(404).serializer(() => {
      if (count++ > 0) throw secret()
      return '{"ok":false}'
    }).send({ message: SECRET })
  })
  for (const [url, reason] of [['/message', 'It is gone'], ['/none', 'Not Found'], ['/once', 'Not Found']] as const) {
    for (const how of ['', '?fail']) t.match(await app.inject(url + how), { statusCode: 404, headers: { 'eb-reason-phrase': how === '' || url === '/message' ? reason : String }, body: '' }, url + how)
  }
})

t.test('sends the messages of every 5xx with exposeServerErrors', async t => {
  const app = Fastify()
  await app.register(reasonPhrase, { exposeServerErrors: true })
  app.get('/upstream', (_request, reply) => reply.code(500).type('text/plain').send(Readable.from(['no secret'])))
  app.get('/decorator', (_request, reply) => reply.internalServerError(new Error('no secret') as never))
  app.get('/format', (_request, reply) => reply.code(500).send({ ...fastifyError, message: 'no secret' }))
  for (const url of ['/upstream', '/decorator', '/format']) t.equal((await app.inject(url)).headers['eb-reason-phrase'], 'no secret', url)
})

t.test('logs an error as the first argument of a decorator in full, once', async t => {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines) }))
  await app.register(reasonPhrase)
  app.get('/5xx', (_request, reply) => reply.internalServerError(secret() as never))
  app.get('/4xx', (_request, reply) => reply.notFound(secret() as never))
  app.get('/upstream', (_request, reply) => reply.code(500).type('text/plain').send(Readable.from([SECRET])))
  for (const [url, line] of [
    ['/5xx', { level: 50, msg: SECRET, err: { message: SECRET, stack: /disclosure/ } }],
    ['/4xx', { level: 30, msg: SECRET, err: { message: SECRET, stack: /disclosure/ } }],
    ['/upstream', { level: 50, msg: SECRET }]
  ] as const) {
    lines.length = 0
    await app.inject(url)
    t.match(lines.filter(({ msg }) => !/^(?:incoming request|request completed)$/.test(msg)), [line], url)
  }
})

t.test('passes the reply to the serializers of the log, and sends the response even if they throw', async t => {
  const lines: any[] = []
  let isFailing = false
  const app = Fastify(serverOptions({
    logger: {
      ...logTo(lines),
      serializers: {
        res (reply) {
          const { statusCode, getHeader } = reply as FastifyReply
          if (isFailing) throw new Error('the serializer failed')
          return { n: String(getHeader.call(reply, 'retry-after')), statusCode }
        }
      }
    }
  }))
  await app.register(reasonPhrase)
  app.get('/', (_request, reply) => reply.serviceUnavailable('Later', { retryAfter: 7 }))
  app.get('/folded', (_request, reply) => reply.code(429).send('Slowly'))
  app.get('/throws', (_request, reply) => { reply.hijack(); setTimeout(() => { reply.raw.statusCode = 404; isFailing = true; reply.raw.end('It is gone'); isFailing = false }, 1) })
  const port = await listen(t, app)
  const reasons = () => lines.filter(({ msg }) => /^(?:Later|Slowly|It is gone)$/.test(msg))
  assertErrorResponse(t, await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'), 503, 'Later')
  t.match(reasons(), [{ res: { n: '7', statusCode: 503 } }])
  assertErrorResponse(t, await exchange(port, 'GET /folded HTTP/1.1\r\nHost: a\r\n\r\n'), 400, 'Slowly')
  t.match(reasons().at(-1), { res: { statusCode: 429 } }, 'passes the status code before it became 400')
  assertErrorResponse(t, await exchange(port, 'GET /throws HTTP/1.1\r\nHost: a\r\n\r\n'), 404, 'It is gone')
})
