import { EventEmitter, once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import middie from '@fastify/middie'
import multipart from '@fastify/multipart'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { connect, assertErrorResponse, listen, valuesOf, type Connection } from '../../fixtures/wire.js'

const BAD_CHUNK = 'Parse Error: Invalid character in chunk size'
const unknown = (detail: string): string => `The request was interrupted while it was processed, so its outcome is unknown (${detail})`

const work = new EventEmitter()
let called = 0

/** Reads a body, and emits an event for each chunk. */
async function read (body: AsyncIterable<unknown>): Promise<void> {
  for await (const chunk of body) work.emit('chunk', chunk)
}

const begin = (path: string, type = 'x/y', method = 'POST', fields = ''): string =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\n${fields}Transfer-Encoding: chunked\r\n\r\n`
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
const FILE = '--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nstart'

async function build (app: FastifyInstance): Promise<FastifyInstance> {
  await app.register(reasonPhrase)
  await app.register(middie)
  await app.register(multipart)
  app.addContentTypeParser('*', (_request, payload, done) => { done(null, payload) })
  app.use('/middleware', (request: IncomingMessage) => { read(request).catch(() => {}) })
  app.post('/middleware', async () => 'never')
  app.post('/raw', async ({ raw }) => { await read(raw) })
  app.post('/body', async ({ body }) => { await read(body as Readable) })
  app.get('/get', async ({ raw }) => { await read(raw) })
  app.post('/pipeline', async ({ raw }) => { await pipeline(raw, read) })
  app.post('/callback', ({ raw }, reply) => { raw.on('data', data => { work.emit('chunk', data) }).on('end', () => { reply.send('done') }) })
  app.post('/hijacked', async ({ raw }, reply) => { reply.hijack(); await read(raw).catch(() => {}) })
  app.post('/hook', { onRequest ({ raw }, reply, done) { reply.hijack(); read(raw).catch(() => {}); done() } }, async () => 'never')
  app.post('/pre-handler-raw', { preHandler: async ({ raw }) => { await read(raw) } }, async () => 'never')
  app.post('/pre-handler-body', { preHandler: async ({ body }) => { await read(body as Readable) } }, async () => 'never')
  app.post('/exempt', { config: { reasonPhrase: false } }, async ({ raw }) => { await read(raw) })
  app.post('/multipart', async request => { await read((await request.file())!.file) })
  app.setNotFoundHandler({ preHandler: async () => {} }, async ({ raw }) => { await read(raw) })

  const waits = async (): Promise<void> => { work.emit('chunk'); await once(work, 'passed') }
  const never = async (): Promise<void> => { called++ }
  app.post('/on-request', { onRequest: waits }, never)
  app.post('/pre-handler', { preHandler: waits }, never)
  app.post('/json', async ({ body }) => body)

  app.post('/refuses', async ({ raw }, reply) => { reply.code(422).send({ message: 'no' }); await read(raw).catch(() => {}) })
  app.post('/accepts', (_request, reply) => { reply.code(202).send('accepted') })
  app.post('/head', ({ raw }, reply) => { reply.hijack(); reply.raw.writeHead(404, { 'x-kept': '1' }); read(raw).catch(() => {}) })
  app.get('/slow', async () => { await once(work, 'go'); return 'slow' })
  return app
}

const WORKING_ROUTES = ['/raw', '/body', '/pipeline', '/callback', '/hijacked', '/hook', '/pre-handler-raw', '/pre-handler-body', '/exempt', '/middleware', '/multipart', '/not-found', '/get']

/** Starts a request, and returns its connection once the handler has received the first chunk. */
async function startRequest (port: number, path: string): Promise<Connection> {
  const connection = connect(port)
  const working = once(work, 'chunk')
  const [type, text] = path === '/multipart' ? ['multipart/form-data; boundary=b', FILE] : ['x/y', 'hello']
  connection.write(begin(path, type, path === '/get' ? 'GET' : 'POST') + chunk(text))
  await working
  return connection
}

/** Asserts that the server sends exactly one response, the given error, and then closes the connection. */
async function assertErrorAndClose (t: Test, connection: Connection, statusCode: number, reason: string | RegExp, title: string): Promise<void> {
  const [response] = await connection.responses(1)
  const [said] = valuesOf(response!, 'eb-reason-phrase')
  t.match(said, reason, title)
  assertErrorResponse(t, response!, statusCode, said, title)
  t.strictSame(valuesOf(response!, 'connection'), ['close'])
  t.strictSame(valuesOf(response!, 'retry-after'), [])
  connection.socket.end()
  t.equal((await connection.closed()).split('HTTP/1.1').length, 2, `${title}: sends one response`)
}

const kinds: Array<[title: string, isAlone: boolean, create: (options?: FastifyServerOptions) => FastifyInstance]> = [
  ['with serverOptions()', false, options => Fastify(serverOptions(options as object)) as unknown as FastifyInstance],
  ['with register() alone', true, options => Fastify(options)]
]

for (const [kind, isAlone, create] of kinds) {
  // Without serverOptions(), Fastify's own listener writes the message.
  const detail = (reason: string): string => unknown(isAlone ? 'Client Error' : reason)

  t.test(`sends 500 if a request breaks off after its handler has begun, ${kind}`, async t => {
    const port = await listen(t, await build(create()))
    for (const path of WORKING_ROUTES) {
      const bad = await startRequest(port, path)
      bad.write('ZZ\r\n')
      bad.write('more of it'.repeat(1000))
      await assertErrorAndClose(t, bad, 500, detail(BAD_CHUNK), `${path}: after a malformed chunk`)

      const ended = await startRequest(port, path)
      ended.socket.end()
      await assertErrorAndClose(t, ended, 500, /outcome is unknown \((Parse Error.*|Client Error)\)$/, `${path}: after the end of the connection`)

      const reset = await startRequest(port, path)
      reset.socket.resetAndDestroy()
      t.equal(await reset.closed(), '', `${path}: sends nothing after a reset`)
    }
  })

  t.test(`sends 500 if a request times out after its handler has begun, ${kind}`, async t => {
    const port = await listen(t, await build(create({ requestTimeout: 200, http: { headersTimeout: 100, connectionsCheckingInterval: 20 } as object } as object)))
    await Promise.all([assertErrorAndClose(t, await startRequest(port, '/raw'), 500, isAlone ? unknown('Client Timeout') : unknown('Request timeout'), 'raw')])
  })

  t.test(`sends the error that the handler has begun to write, ${kind}`, async t => {
    const port = await listen(t, await build(create()))
    const held = await startRequest(port, '/head')
    held.write('ZZ\r\n')
    await assertErrorAndClose(t, held, 404, 'Not Found', 'for a head that is held for its message')
  })

  t.test(`sends the responses to pipelined requests in order, ${kind}`, async t => {
    const app = await build(create())
    const port = await listen(t, app)
    const first = connect(port)
    const working = once(work, 'chunk')
    first.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n' + begin('/raw') + chunk('hello'))
    await working
    const failed = once(app.server, 'clientError')
    first.write('ZZ\r\n')
    await failed
    t.equal(first.received(), '')
    work.emit('go')
    const [slow, broken] = await first.responses(2)
    t.equal(slow!.body, 'slow')
    assertErrorResponse(t, broken!, 500, detail(BAD_CHUNK))

    const second = connect(port)
    second.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n' + begin('/json', 'application/json') + chunk('{') + 'ZZ\r\n')
    while (work.listenerCount('go') === 0) await new Promise(resolve => { setImmediate(resolve) })
    work.emit('go')
    const responses = await second.responses(2)
    t.equal(responses[0]!.body, 'slow')
    assertErrorResponse(t, responses[1]!, 400, isAlone ? 'Client Error' : BAD_CHUNK)
  })
}

for (const [kind, isAlone, create] of kinds) {
  t.test(`sends 400 if a request breaks off before its handler has begun, and never calls the handler, ${kind}`, async t => {
    const port = await listen(t, await build(create()))
    const reason = isAlone ? 'Client Error' : BAD_CHUNK
    for (const path of ['/json', '/not-found']) {
      const connection = connect(port)
      connection.write(begin(path, 'application/json') + chunk('{"a":') + 'ZZ\r\n')
      await assertErrorAndClose(t, connection, 400, reason, `in the parser of ${path}`)
    }
    for (const path of ['/on-request', '/pre-handler']) {
      const connection = await startRequest(port, path)
      connection.write('ZZ\r\n')
      await assertErrorAndClose(t, connection, 400, reason, path)
      work.emit('passed')
    }
    await new Promise(resolve => { setImmediate(resolve) })
    t.equal(called, 0)
  })
}

for (const [kind,, create] of kinds) {
  t.test(`sends no second response to a request that breaks off after its response, ${kind}`, async t => {
    const port = await listen(t, await build(create()))
    for (const [path, statusCode] of [['/accepts', 202], ['/refuses', 422]] as const) {
      const connection = connect(port)
      connection.write(begin(path) + chunk('hello'))
      const [response] = await connection.responses(1)
      t.equal(response!.statusCode, statusCode)
      connection.write('ZZ\r\n')
      connection.socket.end()
      t.equal((await connection.closed()).split('HTTP/1.1').length, 2)
    }
  })
}

t.test("keeps Fastify's responses to malformed requests without serverOptions()", async t => {
  const port = await listen(t, await build(Fastify()))
  const connection = connect(port)
  connection.write('GARBAGE\r\n\r\n')
  t.match(await connection.closed(), /^HTTP\/1.1 400 Bad Request\r\n[^]*"Client Error"/)
})

t.test('sends the 5xx of a clientErrorHandler after the handler has begun, and 500 instead of a 4xx', async t => {
  for (const [written, statusCode, reason, retryAfter] of [
    ['HTTP/1.1 400 Mine\r\nX-Kept: 1\r\n\r\n', 500, unknown('Mine'), []],
    ['HTTP/1.1 503 Later\r\nX-Kept: 1\r\nRetry-After: 1\r\n\r\n', 503, 'Later', ['1']]
  ] as const) {
    for (const create of [(options: object) => Fastify(serverOptions(options)), (options: object) => Fastify(options)]) {
      const port = await listen(t, await build(create({ clientErrorHandler (_error: Error, socket: Readable & { end (text: string): void }) { socket.end(written) } }) as unknown as FastifyInstance))
      const connection = await startRequest(port, '/raw')
      connection.write('ZZ\r\n')
      const [response] = await connection.responses(1)
      assertErrorResponse(t, response!, statusCode, reason)
      t.strictSame(valuesOf(response!, 'x-kept'), ['1'])
      t.strictSame(valuesOf(response!, 'retry-after'), retryAfter)
      connection.destroy()
    }
  }
})

t.test('logs the error once, without the bytes of the request', async t => {
  const lines: string[] = []
  const port = await listen(t, await build(Fastify(serverOptions({ logger: { stream: { write (line: string) { lines.push(line) } } } })) as unknown as FastifyInstance))
  const connection = await startRequest(port, '/callback')
  connection.write('secret\r\n')
  await assertErrorAndClose(t, connection, 500, unknown(BAD_CHUNK), 'callback')
  const logged = lines.map(line => JSON.parse(line)).filter(({ msg }) => msg === unknown(BAD_CHUNK))
  t.match(logged, [{ level: 50, res: { statusCode: 500 } }])
  t.equal(logged.length, 1)
  t.notMatch(lines.join(''), /secret/)
})

t.test('keeps the name of each handler for other plugins', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  const names: string[] = []
  app.addHook('onRoute', ({ handler }) => { names.push(handler.name) })
  app.post('/', async () => 'anonymous')
  app.route({ method: ['PUT', 'PATCH'], url: '/', handler: async () => 'property' })
  app.delete('/', async function remove () { return 'named' })
  t.strictSame(names, ['', 'handler', 'remove'])
  t.equal((await app.inject({ method: 'POST', url: '/' })).body, 'anonymous')
  t.equal((await app.inject({ method: 'PATCH', url: '/' })).body, 'property')
  t.equal((await app.inject({ method: 'DELETE', url: '/' })).body, 'named')
})
