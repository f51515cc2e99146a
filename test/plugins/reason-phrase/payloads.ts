import { once } from 'node:events'
import { Readable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { logTo } from '../../fixtures/log.js'
import { connect, exchange, assertErrorResponse, listen, valuesOf } from '../../fixtures/wire.js'

// Readable.toWeb() of Node 20 can throw an uncaught exception after it is cancelled.
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

t.test('closes a stream that is dropped from an error', async t => {
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
      // Large chunks, because the plugin drops 64 MiB of a body before it closes the source.
      const stream = new Readable({ read () { this.push(Buffer.alloc(1 << 20)) } })
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

t.test('sends the message of a JSON or text stream with a 4xx, and closes the stream', async t => {
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
  assertErrorResponse(t, await exchange(port, 'GET /response HTTP/1.1\r\nHost: localhost\r\n\r\n'), 503, 'Service Unavailable')
  assertErrorResponse(t, await exchange(port, 'GET /buffer HTTP/1.1\r\nHost: localhost\r\n\r\n'), 500, 'Internal Server Error')
  for (const kind of Object.keys(kinds)) {
    for (const [url,,, statusCode, reason] of cases) {
      assertErrorResponse(t, await exchange(port, `GET /${kind}${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`), statusCode, reason)
      await closed!
      t.equal((await app.inject(`/${kind}${url}`)).headers['eb-reason-phrase'], reason)
    }
  }
})

t.test('sends another error that occurs while the start of a stream is awaited', async t => {
  const lines: any[] = []
  const app = Fastify({ logger: logTo(lines, 'trace') })
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
    assertErrorResponse(t, (await connection.responses(2 * i + 1))[2 * i]!, 422, 'It takes too long')
    const closed = once(stalled!, 'close')
    stalled!.destroy()
    await closed
    connection.write('GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n')
    t.equal((await connection.responses(2 * i + 2))[2 * i + 1]!.body, 'ok', 'responds to the next request on the same connection')
  }
  connection.destroy()
  t.match(lines.filter(({ level }) => level > 30).map(({ msg }) => msg), [/without serverOptions/], 'logs no other warning')
  t.equal(lines.filter(({ err }) => err !== undefined).length, 0, 'logs no error')
})

t.test('closes the connection without more bytes when a stream fails after its first byte', async t => {
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
    t.equal(received.split('HTTP/1.1').length, 2, 'sends one response')
    t.notMatch(received, /\r\n0\r\n\r\n$/, 'does not end the body cleanly')
  }
})

t.test('sends an error if a hook or serializer throws during sending, and the process continues', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/onSend', { onSend: async () => { throw 'a text' } }, async () => ({ ok: true })) // eslint-disable-line no-throw-literal
  app.get('/preSerialization', { preSerialization: async () => { throw { a: 'text' } } }, async () => ({ ok: true })) // eslint-disable-line no-throw-literal
  app.get('/response', (_request, reply) => { reply.header('x-a', '日本').send(new Response('a reason', { status: 422, headers: { 'x-kept': '1' } })) })
  app.get('/trailer', (_request, reply) => { reply.code(422).trailer('x-sum', async () => 'a\r\nb').send('a reason') })
  app.get('/good-trailer', (_request, reply) => { reply.trailer('x-sum', async () => '1').send('good') })
  const port = await listen(t, app)
  const get = (url: string) => exchange(port, `GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`)
  assertErrorResponse(t, await get('/onSend'), 500)
  assertErrorResponse(t, await get('/preSerialization'), 500)
  const response = await get('/response')
  assertErrorResponse(t, response, 422, 'a reason')
  t.strictSame([valuesOf(response, 'x-a'), valuesOf(response, 'x-kept')], [[], ['1']])
  assertErrorResponse(t, await get('/trailer'), 422, 'a reason')
  t.match(await get('/good-trailer'), { statusCode: 200, body: 'good' })
})

t.test('finds the message of an error that a serializer has turned into bytes', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  const schema = { response: { 404: { type: 'null' } } }
  const serializerCompiler = () => (error: { message: string }) => Buffer.from(JSON.stringify({ message: error.message })) as unknown as string
  app.get('/', { schema, serializerCompiler }, () => { throw Object.assign(new Error('It is gone'), { statusCode: 404 }) })
  t.match(await app.inject('/'), { statusCode: 404, statusMessage: 'It is gone', body: '' })
})
