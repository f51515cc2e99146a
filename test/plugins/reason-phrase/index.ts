import { once } from 'node:events'
import http2 from 'node:http2'
import { Readable } from 'node:stream'
import cors from '@fastify/cors'
import middie from '@fastify/middie'
import sensible from '@fastify/sensible'
import type { IncomingMessage, ServerResponse } from 'node:http'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { addErrorCases, assertErrorCase, toRequestBytes, METHODS, withMethod, toWireResponse } from '../../fixtures/error-cases.js'
import { connect, exchange, keepsContract, listen, valuesOf } from '../../fixtures/wire.js'

/** A logger that keeps its lines. */
function logTo (lines: any[]): { level: string, stream: { write (line: string): void } } {
  return { level: 'trace', stream: { write (line) { lines.push(JSON.parse(line)) } } }
}

t.test('register() alone keeps the contract from routing on', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  const paths = addErrorCases(app)
  const port = await listen(t, app)

  for (const method of METHODS) {
    for (const original of paths) {
      const path = withMethod(original, method)
      if (path === undefined) continue
      assertErrorCase(t, path, toWireResponse(await app.inject(path.request as never)), 'injected', 'eb-reason-phrase')
      assertErrorCase(t, path, await exchange(port, toRequestBytes(path)), 'on a socket')
    }
  }
})

t.test('register() alone keeps the contract where Node answers by a response', async t => {
  const app = Fastify({ maxRequestsPerSocket: 1 })
  await app.register(reasonPhrase)
  app.get('/', (_request, reply) => String(Object.hasOwn(reply.raw, 'writeHead')))
  const port = await listen(t, app)
  t.equal((await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n')).body, 'false', 'by its class')
  keepsContract(t, await exchange(port, 'GET / HTTP/1.1\r\n\r\n'), 400)
  keepsContract(t, await exchange(port, 'GET / HTTP/1.1\r\nHost: a\r\nExpect: foo\r\n\r\n'), 400)
  const connection = connect(port)
  connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(2))
  const [first, second] = await connection.responses(2)
  t.equal(first!.statusCode, 200)
  keepsContract(t, second!, 503)
  connection.destroy()
})

t.test('a success is not touched, and never carries the header', async t => {
  const app = Fastify()
  const stock = Fastify()
  await app.register(reasonPhrase)
  for (const service of [app, stock]) {
    service.get('/json', () => ({ message: 'fine' }))
    service.get('/text', () => 'fine')
    service.get('/buffer', () => Buffer.from('fine'))
    service.get('/stream', (_request, reply) => { reply.send(Readable.from(['fi', 'ne'])) })
    service.get('/web', () => new Response('fine', { headers: { etag: '"1"' } }))
    service.get('/web/status', (_request, reply) => { reply.code(404).send(new Response('its own status goes first')) })
    service.get('/empty', (_request, reply) => { reply.code(204).send() })
    service.get('/redirect', (_request, reply) => { reply.redirect('/json') })
    service.get('/trailer', (_request, reply) => { reply.trailer('x-sum', (_reply, _payload, done) => { done(null, '1') }).send('fine') })
    service.get('/raw', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(200, 'Fine', { 'content-type': 'text/plain' })
      reply.raw.flushHeaders()
      reply.raw.write('fi', () => { reply.raw.end('ne') })
    })
    service.get('/raw/array', (_request, reply) => { reply.hijack(); reply.raw.writeHead(200, ['x-a', '1', 'x-a', '2']).end('fine') })
  }
  const port = await listen(t, app)
  const stockPort = await listen(t, stock)
  for (const url of ['json', 'text', 'buffer', 'stream', 'web', 'web/status', 'empty', 'redirect', 'trailer', 'raw', 'raw/array']) {
    for (const method of url.startsWith('web') ? ['GET'] : ['GET', 'HEAD']) {
      const [ours, theirs] = await Promise.all([port, stockPort].map(async port => {
        const connection = connect(port)
        connection.write(`${method} /${url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
        return (await connection.closed()).replace(/^Date: .*$/m, '')
      }))
      t.equal(ours, theirs, `${method} ${url}`)
    }
  }

  const carrying = Fastify()
  await carrying.register(reasonPhrase)
  carrying.get('/reply', (_request, reply) => { reply.header('EB-REASON-PHRASE', 'odd').send('fine') })
  carrying.get('/set', (_request, reply) => { reply.hijack(); reply.raw.setHeader('EB-Reason-Phrase', 'odd'); reply.raw.end('fine') })
  carrying.get('/object', (_request, reply) => { reply.hijack(); reply.raw.writeHead(200, { 'EB-REASON-PHRASE': 'odd', 'x-kept': '1' }).end('fine') })
  carrying.get('/phrase', (_request, reply) => { reply.hijack(); reply.raw.writeHead(200, 'Fine', { 'EB-REASON-PHRASE': 'odd', 'x-kept': '1' }).end('fine') })
  carrying.get('/array', (_request, reply) => { reply.hijack(); reply.raw.writeHead(200, ['EB-REASON-PHRASE', 'odd', 'x-kept', '1']).end('fine') })
  const carryingPort = await listen(t, carrying)
  for (const url of ['reply', 'set', 'object', 'phrase', 'array']) {
    const response = await exchange(carryingPort, `GET /${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    t.equal(response.statusCode, 200)
    t.equal(response.body, 'fine')
    t.strictSame(valuesOf(response, 'eb-reason-phrase'), [], url)
    if (!['reply', 'set'].includes(url)) t.strictSame(valuesOf(response, 'x-kept'), ['1'], 'the others stay')
    if (url === 'phrase') t.equal(response.phrase, 'Fine')
  }
})

t.test('created and accepted answer with a payload and a location', async t => {
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
  }
})

t.test('after an error the connection stays usable, also when pipelined', async t => {
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
  keepsContract(t, responses[3]!, 403, 'Unread')
  t.strictSame(responses.filter(({ statusCode }) => statusCode === 200).map(({ body }) => body), ['ok', 'ok', 'ok', 'ok'])
  connection.destroy()
})

t.test('a dropped stream is closed', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  let closed: Promise<unknown>
  app.get('/node', (_request, reply) => {
    const stream = new Readable({ read () { this.push('x') } })
    closed = once(stream, 'close')
    reply.code(404).send(stream)
  })
  app.get('/web', (_request, reply) => {
    closed = new Promise(resolve => {
      reply.code(404).send(new ReadableStream({ pull (controller) { controller.enqueue('x') }, cancel: resolve }))
    })
  })
  app.get('/put-back', {
    onSend: async () => {
      const stream = new Readable({ read () { this.push('x') } })
      closed = once(stream, 'close')
      return stream
    }
  }, (_request, reply) => reply.notFound())
  for (const url of ['/node', '/web', '/put-back']) {
    t.equal((await app.inject(url)).body, '')
    await closed!
    t.pass(`closed ${url}`)
  }
})

// Readable.toWeb of Node 20 can throw where nobody catches it, once it is cancelled.
function webStreamOf (stream: Readable): ReadableStream {
  return new ReadableStream({
    start (controller) {
      stream.on('data', chunk => { controller.enqueue(chunk) })
      stream.on('end', () => { controller.close() })
      stream.on('error', error => { controller.error(error) })
    },
    cancel () { stream.destroy() }
  })
}

t.test('a stream of JSON or text is read for its message, and then closed; what Fastify made of an error stays unsaid', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  const found = JSON.stringify({ message: 'A message' })
  const broken = async function * () { yield found.slice(0, -1); throw new Error('a secret') }
  const kinds: Record<string, (stream: Readable) => unknown> = { node: stream => stream, web: webStreamOf }
  const cases: Array<[url: string, type: string | undefined, chunks: () => Iterable<string> | AsyncIterable<string>, statusCode: number, reason: string, headers?: Record<string, string>]> = [
    ['/json', 'application/json', () => [found], 422, 'A message'],
    ['/json/parts', 'application/problem+json; charset=utf-8', () => found.split(''), 422, 'A message'],
    ['/text', 'text/plain; charset=utf-8', () => ['A ', 'message'], 404, 'A message'],
    ['/text/long', 'text/plain', () => Array(100).fill('x'.repeat(1000)), 400, 'x'.repeat(512)],
    ['/json/long', 'application/json', () => [`{"message":"A message","rest":"${'x'.repeat(64 * 1024)}"}`], 400, 'Bad Request'],
    ['/empty', 'application/json', () => [], 404, 'Not Found'],
    ['/broken', 'application/json', broken, 404, 'Not Found'],
    ['/broken/text', 'text/plain', async function * () { yield 'A message'; throw new Error('a secret') }, 404, 'A message'],
    ['/html', 'text/html', () => ['A message'], 404, 'Not Found'],
    ['/octets', undefined, () => ['A message'], 404, 'Not Found'],
    ['/encoded', 'text/plain', () => ['A message'], 404, 'Not Found', { 'content-encoding': 'br' }],
    ['/header', 'text/plain', () => ['Another message'], 404, 'A message', { 'eb-reason-phrase': 'A message' }],
    ['/server-error', 'application/json', () => [found], 503, 'Service Unavailable'],
    ['/server-error/text', 'text/plain', () => ['a secret'], 500, 'Internal Server Error'],
    ['/thrown', 'application/json', () => ['{"statusCode":500,"error":"Internal Server Error","message":"a secret"}'], 500, 'Internal Server Error']
  ]
  app.get('/response', () => Response.json({ statusCode: 503, error: 'Service Unavailable', message: 'a secret' }, { status: 503 }))
  app.get('/buffer', (_request, reply) => { reply.code(500).send(Buffer.from('{"statusCode":500,"error":"Internal Server Error","message":"a secret"}')) })
  let closed: Promise<unknown>
  for (const [url, type, chunks, statusCode,, headers = {}] of cases) {
    for (const [kind, make] of Object.entries(kinds)) {
      app.get(`/${kind}${url}`, (_request, reply) => {
        const source = Readable.from(chunks())
        closed = once(source, 'close').catch(() => {})
        if (type !== undefined) reply.type(type)
        reply.code(statusCode).headers(headers).send(make(source))
      })
    }
  }
  const port = await listen(t, app)
  keepsContract(t, await exchange(port, 'GET /response HTTP/1.1\r\nHost: localhost\r\n\r\n'), 503, 'Service Unavailable')
  keepsContract(t, await exchange(port, 'GET /buffer HTTP/1.1\r\nHost: localhost\r\n\r\n'), 500, 'Internal Server Error')
  for (const kind of Object.keys(kinds)) {
    for (const [url,,, statusCode, reason] of cases) {
      keepsContract(t, await exchange(port, `GET /${kind}${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`), statusCode, reason)
      await closed!
      t.equal((await app.inject(`/${kind}${url}`)).headers['eb-reason-phrase'], reason)
    }
  }
})

t.test('a stream whose start is waited for may be answered meanwhile', async t => {
  const lines: any[] = []
  const app = Fastify({ logger: logTo(lines) })
  await app.register(reasonPhrase)
  let stalled: Readable
  let response: Response
  app.get('/node', (_request, reply) => {
    stalled = new Readable({ read () {} })
    reply.code(404).type('text/plain').send(stalled)
    setImmediate(() => { reply.unprocessable('It takes too long') })
  })
  app.get('/response', (_request, reply) => {
    response = new Response(Readable.toWeb(stalled = new Readable({ read () {} })) as never, { status: 404 })
    reply.send(response)
    setImmediate(() => { reply.unprocessable('It takes too long') })
  })
  app.get('/ok', () => 'ok')
  const connection = connect(await listen(t, app))
  for (const [i, url] of ['/node', '/response'].entries()) {
    connection.write(`GET ${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    keepsContract(t, (await connection.responses(2 * i + 1))[2 * i]!, 422, 'It takes too long')
    const closed = once(stalled!, 'close')
    stalled!.destroy()
    await closed
    connection.write('GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n')
    t.equal((await connection.responses(2 * i + 2))[2 * i + 1]!.body, 'ok', 'on the same connection')
  }
  connection.destroy()
  t.match(lines.filter(({ level }) => level > 30).map(({ msg }) => msg), [/without serverOptions/], 'nothing else is warned of')
  t.equal(lines.filter(({ err }) => err !== undefined).length, 0, 'nor thrown')
})

t.test('a stream that fails after its first byte ends the connection, and nothing is added', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  app.get('/node', (_request, reply) => {
    reply.send(Readable.from((async function * () { yield 'the first bytes'; await new Promise(setImmediate); throw new Error('a secret') })()))
  })
  app.get('/web', (_request, reply) => {
    let pulled = 0
    reply.send(new ReadableStream({
      pull (controller) {
        if (pulled++ > 0) return new Promise((_resolve, reject) => { setTimeout(reject, 20, new Error('a secret')) })
        controller.enqueue(Buffer.from('the first bytes'))
      }
    }))
  })
  const port = await listen(t, app)
  for (const url of ['/node', '/web']) {
    const connection = connect(port)
    connection.write(`GET ${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    const received = await connection.closed()
    t.match(received, /^HTTP\/1.1 200 OK\r\n/)
    t.match(received, 'the first bytes')
    t.equal(received.split('HTTP/1.1').length, 2, 'one response')
    t.notMatch(received, /\r\n0\r\n\r\n$/, 'no clean end')
  }
})

t.test('a body whose length is not what its content-length says', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  app.post('/', async () => 'ok')
  const response = await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/json', 'content-length': '9' }, payload: '{}' })
  keepsContract(t, toWireResponse(response), 400, 'Request body size did not match Content-Length', '', 'eb-reason-phrase')
})

t.test('what Fastify does with a second answer or none stays as it is', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  app.get('/double', (_request, reply) => { reply.notFound('first'); reply.send({ second: true }) })
  app.get('/double-error', (_request, reply) => { reply.send({ first: true }); reply.notFound('second') })
  app.get('/undefined', async () => {})
  t.equal((await app.inject('/double')).statusMessage, 'first')
  t.strictSame((await app.inject('/double-error')).json(), { first: true })
  t.equal((await app.inject('/undefined')).statusCode, 200)
})

t.test('handlers of the root', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  app.setErrorHandler((error: Error, _request, reply) => { reply.code(422).send({ message: `handled ${error.message}` }) })
  app.setNotFoundHandler((_request, reply) => { reply.code(404).send('nothing here') })
  app.get('/', () => { throw new Error('original') })
  t.equal((await app.inject('/')).statusMessage, 'handled original')
  t.equal((await app.inject('/none')).statusMessage, 'nothing here')
  t.equal((await app.inject('/none')).body, '')
})

t.test('Connect middleware, before and after the plugin', async t => {
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
      keepsContract(t, response, statusCode, reason)
      if (url === '/wrapped') t.strictSame(valuesOf(response, 'x-wrapped'), ['1'])
    }
    const wrapped = await app.inject('/wrapped')
    t.equal(wrapped.headers['x-wrapped'], '1')
    t.equal(wrapped.statusMessage, 'behind')
    t.equal(wrapped.body, '')
  }
})

t.test('a request while the server closes', async t => {
  const app = Fastify()
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
  const [slow, refused] = await connection.responses(2)
  t.equal(slow!.body, 'slow')
  keepsContract(t, refused!, 503)
  t.strictSame(valuesOf(refused!, 'connection'), ['close'])
  t.strictSame(valuesOf(refused!, 'retry-after'), ['5'])
  t.strictSame(valuesOf(slow!, 'retry-after'), [])
  connection.destroy()
  await closing
})

t.test('a request while the server closes, and answers as always', async t => {
  const app = Fastify({ return503OnClosing: false })
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
  const [, answered] = await connection.responses(2)
  t.equal(answered!.body, 'ok')
  t.strictSame(valuesOf(answered!, 'retry-after'), [])
  connection.destroy()
  await closing
})

t.test('the log has the whole message, once, at the level of Fastify', async t => {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines) }))
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
  t.match(await messagesOf('/thrown-string'), [{ level: 50, err: long }], 'of a string, too')
  t.match(await messagesOf('/handled'), [{ level: 30, msg: 'handled', err: { message: long } }], 'the error behind a handled one')
  t.match((await messagesOf('/twice')).at(-1), { level: 30, err: { message: long } }, 'an error while an error is sent')
  t.strictSame(await messagesOf('/silent'), [], 'nothing to say, nothing to log')
  t.match(await messagesOf('/none'), [{ level: 30, msg: 'Route GET:/none not found' }], 'no route')
  t.match(await messagesOf('/%zz'), [{ level: 30, err: { code: 'FST_ERR_BAD_URL' } }], 'a bad URL')
})

t.test('options', async t => {
  const app = Fastify()
  await app.register(reasonPhrase, { header: 'X-Reason', statusCodes: { 429: 'Too Many Requests', 404: 'Not Here' }, exposeServerErrors: true, challenge: 'Signature' })
  app.get('/429', (_request, reply) => { reply.code(429).header('retry-after', '1').send() })
  app.get('/500', () => { throw new Error('no secret') })
  app.get('/401', (_request, reply) => reply.unauthorized())
  app.get('/404', (_request, reply) => reply.notFound())
  const port = await listen(t, app)
  for (const [statusCode, reason] of [[429, 'Too Many Requests'], [500, 'no secret'], [401, 'Unauthorized'], [404, 'Not Here']] as const) {
    const response = await exchange(port, `GET /${statusCode} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    keepsContract(t, response, statusCode, reason, '', 'X-Reason')
    t.strictSame(valuesOf(response, 'www-authenticate'), statusCode === 401 ? ['Signature'] : [])
  }
})

t.test('an option that cannot work fails the registration', async t => {
  for (const [options, message] of [
    [{ headers: 'X' }, 'unknown option "headers"'],
    [{ header: 'not a name' }, 'header must be a valid header name'],
    [{ statusCodes: { 200: 'OK' } }, 'statusCodes must have keys from 400 to 599']
  ] as const) {
    await t.rejects(async () => { await Fastify().register(reasonPhrase, options as object) }, { name: 'TypeError', message: new RegExp(message) })
  }
  await t.resolves(async () => { await Fastify().register(reasonPhrase, { prefix: '/x', logLevel: 'warn' } as object) }, "Fastify's own options of a registration")
})

t.test('registered twice, it is registered once', async t => {
  const app = Fastify()
  await app.register(reasonPhrase, { header: 'X-Reason' })
  await app.register(reasonPhrase)
  await app.register(reasonPhrase, { header: 'X-Reason' })
  await app.register(reasonPhrase, { header: undefined, requireSchemas: undefined })
  await app.register(async child => {
    await child.register(reasonPhrase)
    child.get('/', (_request, reply) => reply.notFound('once'))
  })
  t.equal((await app.inject('/')).headers['x-reason'], 'once')
  await t.rejects(async () => {
    const app = Fastify()
    await app.register(reasonPhrase)
    await app.register(reasonPhrase, { header: 'X-Other' })
  }, { message: /differ from those/ })
  await t.rejects(async () => { await Fastify(serverOptions({}, { header: 'X-A' })).register(reasonPhrase, { header: 'X-B' }) }, { message: /differ from those/ })
})

t.test('registered in a child context, it is in force there', async t => {
  const app = Fastify()
  await app.register(async child => {
    await child.register(reasonPhrase)
    child.get('/child', (_request, reply) => reply.notFound('by the contract'))
  })
  app.get('/sibling', (_request, reply) => { reply.code(404).send({ message: 'as stock' }) })
  const port = await listen(t, app)
  keepsContract(t, await exchange(port, 'GET /child HTTP/1.1\r\nHost: localhost\r\n\r\n'), 404, 'by the contract')
  const sibling = await exchange(port, 'GET /sibling HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.strictSame(JSON.parse(sibling.body), { message: 'as stock' })

  await app.close()
  const both = Fastify()
  await both.register(async child => {
    await child.register(reasonPhrase)
    child.get('/child', (_request, reply) => reply.notFound('by the contract'))
  })
  await both.register(reasonPhrase)
  t.equal((await both.inject('/child')).statusMessage, 'by the contract', 'and in the parent later')
})

t.test('without serverOptions() one warning is logged at start', async t => {
  const lines: any[] = []
  const app = Fastify({ logger: logTo(lines) })
  await app.register(reasonPhrase)
  await app.ready()
  t.match(lines, [{ level: 40, msg: /serverOptions/ }])

  const children: any[] = []
  const parent = Fastify({ logger: logTo(children) })
  await parent.register(async child => { await child.register(reasonPhrase) })
  await parent.register(async child => { await child.register(reasonPhrase) })
  await parent.ready()
  t.equal(children.length, 1, 'one, of two children')

  const quiet: any[] = []
  const complete = Fastify(serverOptions({ logger: logTo(quiet) }))
  await complete.register(reasonPhrase)
  await complete.ready()
  t.strictSame(quiet, [])
})

t.test('@fastify/sensible', async t => {
  const app = Fastify()
  await app.register(sensible)
  await app.register(reasonPhrase)
  app.get('/sensible', (_request, reply) => { reply.notFound('sensible') })
  app.get('/conflict', (_request, reply) => { reply.conflict('sensible') })
  app.get('/secret', (_request, reply) => { reply.internalServerError('a secret') })
  app.get('/ours', (_request, reply) => reply.unprocessable('ours'))
  const port = await listen(t, app)
  for (const [url, statusCode, reason] of [['/sensible', 404, 'sensible'], ['/conflict', 400, 'sensible'], ['/secret', 500], ['/ours', 422, 'ours']] as const) {
    keepsContract(t, await exchange(port, `GET ${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`), statusCode, reason)
  }

  const late = Fastify()
  await late.register(reasonPhrase)
  await t.rejects(async () => {
    // It is no asynchronous plugin: what Fastify throws in it ends the process.
    await late.register(fp(async app => { sensible(app, {}, () => {}) }))
  }, { message: /must be registered first/ })

  const other = Fastify()
  other.decorateReply('notFound' as string, () => {})
  await t.rejects(async () => { await other.register(reasonPhrase) }, { code: 'FST_ERR_DEC_ALREADY_PRESENT' })
  const later = Fastify()
  await later.register(reasonPhrase)
  t.throws(() => { later.decorateReply('created' as string, () => {}) }, { message: /"created"/ })
  later.decorateReply('mine', () => {})
  t.throws(() => { later.decorateReply('mine', () => {}) }, { code: 'FST_ERR_DEC_ALREADY_PRESENT' })
})

t.test('@fastify/cors: the header is exposed to other origins', async t => {
  for (const [given, expected] of [
    [undefined, 'EB-REASON-PHRASE'],
    [['X-Total'], 'X-Total, EB-REASON-PHRASE'],
    [['X-Total', 'eb-reason-phrase'], 'X-Total, eb-reason-phrase'],
    ['*', '*, EB-REASON-PHRASE']
  ] as const) {
    for (const first of [true, false]) {
      const app = Fastify(serverOptions())
      if (first) await app.register(reasonPhrase)
      await app.register(cors, { origin: 'http://localhost', ...(given !== undefined && { exposedHeaders: [given].flat() as string[] }) })
      if (!first) await app.register(reasonPhrase)
      app.get('/', (_request, reply) => reply.unprocessable())
      app.get('/ok', async () => 'ok')
      app.get('/raw', (_request, reply) => {
        reply.hijack()
        reply.raw.setHeader('Access-Control-Allow-Origin', '*')
        if (given !== undefined) reply.raw.setHeader('Access-Control-Expose-Headers', given)
        reply.raw.writeHead(404).end()
      })
      for (const url of ['/', '/none', '/raw']) {
        t.equal([(await app.inject({ url, headers: { origin: 'http://localhost' } })).headers['access-control-expose-headers']].flat().join(', '), expected, `${url}, ${expected}`)
      }
      t.equal((await app.inject({ url: '/ok', headers: { origin: 'http://localhost' } })).headers['access-control-expose-headers'], given === undefined ? undefined : [given].flat().join(', '), 'a success as it was')
    }
  }
  const app = Fastify()
  await app.register(reasonPhrase)
  t.equal((await app.inject('/none')).headers['access-control-expose-headers'], undefined, 'nothing without CORS')
})

t.test('over HTTP/2, by register() alone', async t => {
  const app = Fastify({ http2: true })
  await app.register(reasonPhrase)
  app.get('/', (_request, reply) => reply.notFound('no topic'))
  app.get('/raw', (_request, reply) => { reply.hijack(); reply.raw.statusCode = 404; reply.raw.addTrailers({ 'x-sum': '1' }); reply.raw.write('x'); reply.raw.end('y') })
  const port = await listen(t, app)
  const session = http2.connect(`http://127.0.0.1:${port}`)
  t.teardown(() => { session.close() })
  for (const [url, statusCode, reason] of [['/', 404, 'no topic'], ['/raw', 404, 'x']] as const) {
    const stream = session.request({ ':path': url })
    let body = ''
    stream.on('data', chunk => { body += chunk })
    stream.on('trailers', () => { t.fail('no trailers') })
    const [headers, flags] = await once(stream, 'response')
    t.match(headers, { ':status': statusCode, 'eb-reason-phrase': reason, 'content-length': '0' })
    t.equal(flags & http2.constants.NGHTTP2_FLAG_END_STREAM, 1, 'the header section is all')
    if (!stream.closed) await once(stream, 'close')
    t.equal(body, '')
  }
})

t.test('a route that is exempt sends its errors as it would without the plugin', async t => {
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

t.test('what a decorator answers on an exempt route keeps the contract, and so does what is exempt in no way', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  await app.register(async app => {
    // Routes of a plugin that takes no config, by their prefix.
    app.addHook('onRoute', route => { route.config = { ...route.config, reasonPhrase: false } })
    app.get('/refused', (_request, reply) => reply.unprocessable('Not like that'))
    app.get('/sent', (_request, reply) => reply.code(409).send('taken'))
  }, { prefix: '/exempt' })
  app.get('/sent', (_request, reply) => reply.code(409).send('taken'))
  const port = await listen(t, app)
  const get = (url: string) => exchange(port, `GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`)
  keepsContract(t, await get('/exempt/refused'), 422, 'Not like that')
  t.match(await get('/exempt/sent'), { statusCode: 409, phrase: 'Conflict', body: 'taken' })
  keepsContract(t, await get('/sent'), 400, 'taken')
  keepsContract(t, await get('/exempt/none'), 404, 'Route GET:/exempt/none not found')
  keepsContract(t, await get('/exempt/%zz'), 400, "'/exempt/%zz' is not a valid url component")
})

t.test('what an earlier plugin answers in onRequest keeps the contract by inject, too, and is in the log', async t => {
  const lines: any[] = []
  const app = Fastify({ logger: logTo(lines) })
  app.addHook('onRequest', async (request, reply) => {
    if (request.url === '/sent') return reply.code(403).send({ message: 'Not you' })
    throw Object.assign(new Error('Not you'), { statusCode: 403 })
  })
  await app.register(reasonPhrase)
  app.get('/:way', async () => 'ok')
  for (const url of ['/sent', '/thrown']) {
    lines.length = 0
    keepsContract(t, toWireResponse(await app.inject(url)), 403, 'Not you', url, 'eb-reason-phrase')
    t.ok(lines.some(({ msg }) => msg === 'Not you'), url)
  }
})

t.test('what fails in the middle of sending is answered, and ends nothing', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/onSend', { onSend: async () => { throw 'a text' } }, async () => ({ ok: true })) // eslint-disable-line no-throw-literal
  app.get('/preSerialization', { preSerialization: async () => { throw { a: 'text' } } }, async () => ({ ok: true })) // eslint-disable-line no-throw-literal
  app.get('/response', (_request, reply) => { reply.header('x-a', '日本').send(new Response('a reason', { status: 422, headers: { 'x-kept': '1' } })) })
  app.get('/trailer', (_request, reply) => { reply.code(422).trailer('x-sum', async () => 'a\r\nb').send('a reason') })
  app.get('/good-trailer', (_request, reply) => { reply.trailer('x-sum', async () => '1').send('good') })
  const port = await listen(t, app)
  const get = (url: string) => exchange(port, `GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`)
  keepsContract(t, await get('/onSend'), 500)
  keepsContract(t, await get('/preSerialization'), 500)
  const response = await get('/response')
  keepsContract(t, response, 422, 'a reason')
  t.strictSame([valuesOf(response, 'x-a'), valuesOf(response, 'x-kept')], [[], ['1']])
  keepsContract(t, await get('/trailer'), 422, 'a reason')
  t.match(await get('/good-trailer'), { statusCode: 200, body: 'good' })
})
