import { STATUS_CODES } from 'node:http'
import cors from '@fastify/cors'
import Fastify, { LogController, type FastifyInstance, type FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import maintenance from '../../../plugins/maintenance/index.js'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { buildServer } from '../../fixtures/error-server.js'
import { logTo } from '../../fixtures/log.js'
import { build, keyed, UNSIGNED } from '../../fixtures/signed-service.js'
import { connect, exchange, listen } from '../../fixtures/wire.js'

/** Returns the log lines about errors: all lines except those that Fastify logs for each request. */
function errorLines (lines: any[]): any[] {
  return lines.filter(({ msg }) => msg !== 'incoming request' && msg !== 'request completed')
}

/** Returns the message of a line; if it is empty, the thrown value. */
function textOf ({ msg, err }: any): unknown {
  return msg || (err?.message ?? err)
}

t.test('logs the whole message once, at the level that Fastify would use', async t => {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines, 'trace') }))
  await app.register(reasonPhrase)
  const long = 'ä\r\n' + 'x'.repeat(1000)
  app.get('/decorator', (_request, reply) => reply.notFound(long))
  app.get('/decorator-5xx', (_request, reply) => reply.internalServerError(long))
  app.get('/silent', (_request, reply) => reply.notFound())
  app.get('/thrown', () => { throw Object.assign(new Error(long), { statusCode: 422 }) })
  app.get('/thrown-5xx', () => { throw new Error(long) })
  app.get('/thrown-string', () => { throw long })
  app.get('/body', (_request, reply) => { reply.code(404).send({ message: long }) })
  app.get('/folded', (_request, reply) => { reply.code(429).send({ message: long }) })
  app.get('/raw', (_request, reply) => { reply.hijack(); reply.raw.statusCode = 404; reply.raw.end(long) })
  app.get('/handled', { errorHandler: (_error, _request, reply) => { reply.code(422).send({ message: 'handled' }) } }, () => { throw new Error(long) })
  app.get('/twice', { onSend: async (_request, reply) => { if (reply.statusCode >= 400) throw new Error(long) } }, (_request, reply) => reply.notFound('first'))
  await app.ready()

  const messagesOf = async (url: string): Promise<any[]> => {
    lines.length = 0
    await app.inject(url)
    await new Promise(setImmediate)
    return lines.filter(({ msg }) => !['incoming request', 'request completed'].includes(msg))
  }
  for (const [url, level, statusCode] of [
    ['/decorator', 30, 404], ['/decorator-5xx', 50, 500], ['/body', 30, 404], ['/folded', 30, 429], ['/raw', 30, 404]
  ] as const) {
    const [line, ...more] = await messagesOf(url)
    t.match(line, { level, msg: long, res: { statusCode } }, url)
    t.strictSame(more, [], 'once')
  }
  for (const [url, level] of [['/thrown', 30], ['/thrown-5xx', 50]] as const) {
    const [line, ...more] = await messagesOf(url)
    t.match(line, { level, msg: long, err: { message: long, stack: String } }, url)
    t.strictSame(more, [], 'once')
  }
  t.match(await messagesOf('/thrown-string'), [{ level: 50, err: long }], 'logs a thrown string')
  t.match(await messagesOf('/handled'), [{ level: 30, msg: 'handled', err: { message: long } }], 'logs the error that the error handler received')
  t.match((await messagesOf('/twice')).at(-1), { level: 30, err: { message: long } }, 'logs an error that is thrown while an error is sent')
  t.strictSame(await messagesOf('/silent'), [], 'logs nothing without a message')
  t.match(await messagesOf('/none'), [{ level: 30, msg: 'Route GET:/none not found' }], 'logs a missing route')
  t.match(await messagesOf('/%zz'), [{ level: 30, err: { code: 'FST_ERR_BAD_URL' } }], 'logs a malformed URL')
})

for (const [title, logController] of [
  ['', () => new LogController()],
  [', even with disableRequestLogging', () => new LogController({ disableRequestLogging: true })]
] as const) {
  t.test(`logs each reason, and each thrown error, exactly once${title}`, async t => {
    const lines: any[] = []
    const app = Fastify(serverOptions({ logger: logTo(lines), logController: logController() }))
    t.teardown(() => app.close())
    const cases = await buildServer(app)
    for (const { title, request, statusCode, reason } of cases) {
      lines.length = 0
      await app.inject(request as object)
      await new Promise(setImmediate)
      const texts = errorLines(lines).map(textOf)
      // inject() changes the URL of OPTIONS *.
      const isReason = (text: unknown) => text === reason?.replace(':* ', ':/* ')
      if (reason === 'from upstream') t.strictSame(texts, ['from üpstream'], title)
      else if (reason !== undefined && reason !== STATUS_CODES[statusCode]) t.equal(texts.filter(isReason).length, 1, title)
      else if (/^(?:throw|return|send) of|hook|secret|thrown|fails/.test(title)) t.equal(texts.length, 1, title)
      // Fastify also warns about a header that Node rejects.
      if (title !== 'a header that Node refuses') t.equal(new Set(texts).size, texts.length, `${title}, no text twice`)
    }
  })
}

t.test('logs any value that a hook throws while a payload is sent, once', async t => {
  for (const thrown of [new Error('a secret'), 'a secret', { message: 'a secret' }]) {
    const lines: any[] = []
    const app = Fastify(serverOptions({ logger: logTo(lines) }))
    await app.register(reasonPhrase)
    app.get('/', { onSend: async () => { throw thrown } }, async () => 'ok')
    await app.inject('/')
    // After a thrown value that is not an Error, Fastify warns about a second reply.
    t.strictSame(errorLines(lines).filter(({ level }) => level !== 40).map(textOf), ['a secret'])
  }
})

t.test('logs a thrown object that is not an Error once, with all of its members', async t => {
  for (const [reason, thrown] of [
    ['It is taken', { statusCode: 422, message: 'It is taken' }],
    ['It is taken', { statusCode: 422, detail: 'It is taken' }],
    ['Unprocessable Entity', { statusCode: 422, ok: false }],
    ['Internal Server Error', 42],
    ['Internal Server Error', undefined]
  ] as const) {
    const lines: any[] = []
    const app = Fastify(serverOptions({ logger: logTo(lines) }))
    await app.register(reasonPhrase)
    app.get('/', () => { throw thrown })
    t.equal((await app.inject('/')).headers['eb-reason-phrase'], reason)
    t.match(errorLines(lines), [{ err: thrown }])
    t.equal(errorLines(lines).length, 1)
  }
})

t.test('logs each rejection of a service with signatures once', async t => {
  const lines: any[] = []
  const app = await build(t, {}, { logger: logTo(lines) })
  await app.ready()
  for (const [title, request, reason] of [
    ['a bad URL', { url: '/%zz' }, UNSIGNED],
    ['a parameter that is too long', { url: `/thing/${'a'.repeat(101)}` }, UNSIGNED],
    ['no signature', { url: '/any' }, UNSIGNED],
    ['no signature and no route', { url: '/none' }, UNSIGNED],
    ['no signature, OPTIONS', { method: 'OPTIONS', url: '/any' }, UNSIGNED],
    ['a bad URL with a signature', { url: '/%zz', headers: keyed('GET', '/%zz') }, "'/%zz' is not a valid url component"],
    ['no permission', { url: '/write', headers: keyed('GET', '/write') }, 'The key lacks the permission topic:write'],
    ['no route', { url: '/none', headers: keyed('GET', '/none') }, 'Route GET:/none not found']
  ] as const) {
    lines.length = 0
    t.equal((await app.inject(request)).headers['eb-reason-phrase'], reason, title)
    t.strictSame(errorLines(lines).map(({ level, msg }) => [level, msg]), [[30, reason]], title)
  }
})

t.test('logs the error that frameworkErrors sends once', async t => {
  for (const [title, frameworkErrors, texts] of [
    ['the error', (error: Error, _request: unknown, reply: FastifyReply) => { reply.send(error) }, ["'/%zz' is not a valid url component"]],
    ['another error', (_error: Error, _request: unknown, reply: FastifyReply) => { reply.code(500).send(new Error('a secret')) }, ['a secret']],
    ['a payload', (_error: Error, _request: unknown, reply: FastifyReply) => { reply.code(400).send({ message: 'mine' }) }, ['mine']],
    ['nothing', (_error: Error, _request: unknown, reply: FastifyReply) => { reply.code(400).send() }, []]
  ] as const) {
    const lines: any[] = []
    const app = Fastify(serverOptions({ logger: logTo(lines), frameworkErrors: frameworkErrors as never }))
    await app.register(reasonPhrase)
    await app.inject('/%zz')
    t.strictSame(errorLines(lines).map(textOf), texts, title)
  }
})

t.test('logs the reason of maintenance once, at the level info', async t => {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines) }))
  await app.register(reasonPhrase)
  await app.register(maintenance)
  app.get('/', async () => 'ok')
  await app.ready()
  await app.maintenance.enter({ message: 'Moving' })
  for (const request of [{ url: '/' }, { url: '/none' }, { method: 'HEAD', url: '/' }, { method: 'POST', url: '/', payload: 'x' }] as const) {
    lines.length = 0
    await app.inject(request)
    t.match(errorLines(lines), [{ level: 30, msg: 'Moving', res: { statusCode: 503 } }])
    t.equal(errorLines(lines).length, 1)
  }
})

t.test('logs an invalid preflight request once', async t => {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines) }))
  await app.register(reasonPhrase)
  await app.register(cors)
  await app.inject({ method: 'OPTIONS', url: '/' })
  t.strictSame(errorLines(lines).map(textOf), ['Invalid Preflight Request'])
})

for (const [way, create] of Object.entries({
  'serverOptions()': (lines: any[]) => Fastify(serverOptions({ logger: logTo(lines) })) as unknown as FastifyInstance,
  'serverOptions() and a clientErrorHandler': (lines: any[]) => Fastify(serverOptions({
    logger: logTo(lines),
    clientErrorHandler (_error, socket) { socket.end('HTTP/1.1 400 Bad Request\r\n\r\nParse Error: Invalid method encountered') }
  })) as unknown as FastifyInstance
})) {
  t.test(`logs the reason of a malformed request once, and no bytes of the request, with ${way}`, async t => {
    const lines: any[] = []
    const app = create(lines)
    await app.register(reasonPhrase)
    const port = await listen(t, app)
    lines.length = 0
    await exchange(port, 'GARBAGE\r\nAuthorization: secret\r\n\r\n')
    t.match(errorLines(lines), [{ level: 30, msg: 'Parse Error: Invalid method encountered', code: 'HPE_INVALID_METHOD', statusCode: 400 }])
    t.equal(errorLines(lines).length, 1)
    t.notMatch(JSON.stringify(lines), /rawPacket/)
  })
}

t.test('logs the reason of a malformed request once if the error waits for an earlier response, or is the response to a request', async t => {
  async function open (t: Test) {
    const lines: any[] = []
    const app = Fastify(serverOptions({ logger: logTo(lines) }))
    await app.register(reasonPhrase)
    app.get('/', async () => 'ok')
    app.post('/', async () => 'ok')
    const connection = connect(await listen(t, app))
    lines.length = 0
    return { lines, connection }
  }
  const waiting = await open(t)
  waiting.connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nGARBAGE\r\n\r\n')
  await waiting.connection.responses(2)
  t.strictSame(errorLines(waiting.lines).map(textOf), ['Parse Error: Invalid method encountered'])

  const interrupted = await open(t)
  interrupted.connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n')
  await interrupted.connection.responses(1)
  t.strictSame(errorLines(interrupted.lines).map(textOf), ['Parse Error: Invalid character in chunk size'])
})
