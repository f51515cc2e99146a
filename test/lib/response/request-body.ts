import { once } from 'node:events'
import http2 from 'node:http2'
import { PassThrough, pipeline, Readable } from 'node:stream'
import { pipeline as pipelined } from 'node:stream/promises'
import { createGunzip, gzipSync } from 'node:zlib'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { connect, assertErrorResponse, listen, type Connection } from '../../fixtures/wire.js'

const LARGE = 300_000

/** Payloads that a handler can create from the request body. */
const payloads: Record<string, (request: FastifyRequest) => unknown> = {
  body: request => request.body,
  raw: request => request.raw,
  'one-pipe': ({ raw }) => raw.pipe(new PassThrough()),
  'two-pipes': ({ raw }) => raw.pipe(new PassThrough()).pipe(new PassThrough()),
  pipeline: ({ raw }) => pipeline(raw, new PassThrough(), () => {}),
  compose: ({ raw }) => raw.compose(new PassThrough()),
  gunzip: ({ raw }) => pipeline(raw, createGunzip(), () => {}),
  'web-stream': ({ raw }) => Readable.toWeb(raw),
  response: ({ raw, headers }) => new Response(Readable.toWeb(raw) as never, { status: 422, headers: { 'content-type': headers['x-type'] as string } }),
  readable: ({ raw }) => Readable.from(raw),
  generator: ({ raw }) => Readable.from((async function * () { for await (const chunk of raw) yield chunk })())
}

const invalid = (): Error => Object.assign(new Error('not valid'), { statusCode: 422 })

/** Handlers that begin to read the request body, and then throw. */
const readers: Record<string, (request: FastifyRequest) => Promise<unknown>> = {
  'for-await': async ({ raw }) => { for await (const chunk of raw) if (chunk !== undefined) throw invalid() },
  pipeline: async ({ raw }) => { await pipelined(raw, async () => { throw invalid() }) },
  once: async ({ raw }) => { await once(raw, 'data'); throw invalid() }
}

async function build (app: FastifyInstance): Promise<FastifyInstance> {
  await app.register(reasonPhrase)
  app.addContentTypeParser('*', (_request, payload, done) => { done(null, payload) })
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (error.message === 'handled') reply.code(422).type('x/y').send(request.raw)
    else reply.send(error)
  })
  const send = (name: string, statusCode: number) => (request: FastifyRequest, reply: FastifyReply) => {
    reply.code(statusCode).type(request.headers['x-type'] as string).send(payloads[name]!(request))
  }
  for (const name in payloads) app.post(`/${name}`, send(name, 422))
  for (const name in readers) app.post(`/read/${name}`, readers[name]!)
  app.post('/500', send('raw', 500))
  app.post('/unread', (_request, reply) => { reply.code(422).send() })
  app.post('/handled', async () => { throw new Error('handled') })
  app.post('/read', { preHandler: async ({ raw }) => { for await (const chunk of raw) t.ok(chunk) } }, (_request, reply) => { reply.code(422).type('x/y').send(Readable.from('a')) })
  app.get('/next', async () => 'next')
  return app
}

function head (path: string, framing: string, type = 'x/y'): string {
  return `POST /${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: x/y\r\nX-Type: ${type}\r\n${framing}\r\n\r\n`
}

const NEXT = 'GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n'

/** Asserts that the first response on a connection is the given error, and that the next request gets a response. */
async function assertErrorThenNext (t: Test, connection: Connection, title: string, reason?: string, statusCode = 422): Promise<void> {
  const [error, next] = await connection.responses(2)
  assertErrorResponse(t, error!, statusCode, reason, title)
  t.equal(next!.body, 'next', `${title}: responds to the next request`)
  connection.destroy()
}

for (const [title, create] of [['with serverOptions()', () => Fastify(serverOptions())], ['with register() alone', () => Fastify()]] as const) {
  t.test(`sends an error whose payload is the request body, and keeps the connection usable, ${title}`, async t => {
    const port = await listen(t, await build(create()))
    for (const name in payloads) {
      for (const type of ['text/plain', 'application/json', 'x/y']) {
        for (const size of [10, LARGE]) {
          const body = 'a'.repeat(size)
          const isText = type !== 'x/y' || name === 'response'
          const reason = isText && name !== 'gunzip' ? body.slice(0, 512) : undefined
          const known = connect(port)
          known.write(head(name, `Content-Length: ${size}`, type) + body + NEXT)
          await assertErrorThenNext(t, known, `${name} as ${type}, ${size} bytes`, reason)
          const chunked = connect(port)
          chunked.write(head(name, 'Transfer-Encoding: chunked', type) + `${size.toString(16)}\r\n${body}\r\n0\r\n\r\n${NEXT}`)
          await assertErrorThenNext(t, chunked, `${name} as ${type}, ${size} bytes in chunks`, reason)
        }
      }
    }
    const zipped = gzipSync('in gzip')
    const gunzip = connect(port)
    gunzip.write(Buffer.concat([Buffer.from(head('gunzip', `Content-Length: ${zipped.length}`, 'text/plain')), zipped, Buffer.from(NEXT)]))
    await assertErrorThenNext(t, gunzip, 'gunzip', 'in gzip')
    for (const [path, statusCode] of [['500', 500], ['handled', 422], ['unread', 422], ['read', 422]] as const) {
      const connection = connect(port)
      connection.write(head(path, `Content-Length: ${LARGE}`) + 'a'.repeat(LARGE) + NEXT)
      await assertErrorThenNext(t, connection, path, undefined, statusCode)
    }
  })
}

t.test('sends an error while the request body still arrives', async t => {
  const port = await listen(t, await build(Fastify(serverOptions())))
  for (const name in payloads) {
    const connection = connect(port)
    connection.write(head(name, 'Expect: 100-continue\r\nContent-Length: 100000'))
    await once(connection.socket, 'data')
    t.match(connection.received(), /^HTTP\/1.1 100 Continue\r\n/)
    connection.write('a'.repeat(20_000))
    if (name === 'response') connection.write('a'.repeat(60_000)) // its text is read for a message
    const [response] = await connection.responses(1)
    t.equal(response!.statusCode, 422, name)
    connection.write('a'.repeat(name === 'response' ? 20_000 : 80_000) + NEXT)
    await assertErrorThenNext(t, connection, name, name === 'response' ? 'a'.repeat(512) : undefined)
  }
})

t.test('responds to the next request after a handler stops reading the request body', async t => {
  const port = await listen(t, await build(Fastify(serverOptions())))
  for (const name in readers) {
    const connection = connect(port)
    connection.write(head(`read/${name}`, `Content-Length: ${LARGE}`) + 'a'.repeat(LARGE) + NEXT)
    await assertErrorThenNext(t, connection, name, 'not valid')
  }
})

t.test('sends an error whose payload is the request body, over HTTP/2', async t => {
  for (const app of [Fastify(serverOptions({ http2: true })), Fastify({ http2: true })]) {
    const session = http2.connect(`http://127.0.0.1:${await listen(t, await build(app as unknown as FastifyInstance))}`)
    t.teardown(() => { session.destroy() })
    for (const path of [...Object.keys(payloads), 'handled', 'unread', 'read/for-await', 'read/pipeline']) {
      for (const size of [10, LARGE]) {
        const stream = session.request({ ':method': 'POST', ':path': `/${path}`, 'content-type': 'x/y', 'x-type': 'x/y' })
        stream.resume().end('a'.repeat(size))
        const [headers] = await once(stream, 'response')
        t.match(headers, { ':status': 422, 'content-length': '0' }, path)
        await once(stream, 'close')
        t.equal(stream.rstCode, http2.constants.NGHTTP2_NO_ERROR, `${path}, ${size} bytes: the stream is closed`)
      }
    }
    session.close()
  }
})

t.test('sends an error whose payload is the request body, by inject()', async t => {
  const app = await build(Fastify())
  for (const path of [...Object.keys(payloads), 'handled', 'unread', 'read/for-await']) {
    const { statusCode, body } = await app.inject({ method: 'POST', url: `/${path}`, headers: { 'content-type': 'x/y', 'x-type': 'x/y' }, payload: 'a'.repeat(LARGE) })
    t.strictSame({ statusCode, body }, { statusCode: 422, body: '' }, path)
  }
})

t.test('sends an error even if its payload does not end, and closes the payload', async t => {
  const app = await build(Fastify(serverOptions()))
  const sources: Record<string, Readable> = {
    'never-waits': new Readable({ read () { this.push('a') } }),
    'never-comes': new Readable({ read () {} })
  }
  for (const name in sources) {
    app.post(`/${name}`, (request, reply) => {
      request.raw.resume()
      reply.code(422).type('x/y').send(sources[name])
    })
  }
  const port = await listen(t, app)
  const slow = async (): Promise<void> => {
    const connection = connect(port)
    connection.write(head('raw', 'Content-Length: 10', 'text/plain') + 'start')
    await connection.responses(1)
    connection.write('-end-' + NEXT)
    await assertErrorThenNext(t, connection, 'does not wait for the end of a text', 'start')
  }
  await Promise.all([slow(), ...Object.entries(sources).map(async ([name, source]) => {
    const connection = connect(port)
    connection.write(head(name, 'Content-Length: 10'))
    await connection.responses(1)
    t.equal(source.destroyed, false)
    connection.write('a'.repeat(10) + NEXT)
    await assertErrorThenNext(t, connection, name)
    if (!source.closed) await once(source, 'close')
  })])
})

t.test('stops reading a payload made from the request body when the client disconnects', async t => {
  const app = await build(Fastify(serverOptions()))
  const port = await listen(t, app)
  for (const name of ['body', 'one-pipe', 'web-stream']) {
    const entered = once(app.server, 'request')
    const connection = connect(port)
    connection.write(head(name, 'Content-Length: 100000') + 'a'.repeat(20_000))
    const [raw] = await entered
    await connection.responses(1)
    const closed = once(raw.socket, 'close')
    connection.socket.resetAndDestroy()
    await closed.catch(() => {})
    if (name === 'body') await once(raw, 'close').catch(() => {})
    t.equal(raw.socket.destroyed, true, name)
  }
})
