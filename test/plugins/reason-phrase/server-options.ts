import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import http2, { Http2ServerResponse } from 'node:http2'
import net from 'node:net'
import { Readable } from 'node:stream'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverContract, serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { cert, key } from '../../fixtures/certificate.js'
import { addErrorCases, assertErrorCase, toRequestBytes, METHODS, withMethod, type ErrorCase } from '../../fixtures/error-cases.js'
import { connect, exchange, keepsContract, listen, valuesOf, type WireResponse } from '../../fixtures/wire.js'

/** What every server of these tests has beside the paths of the table. */
function addMore (app: FastifyInstance<any, any, any>): ErrorCase[] {
  app.addConstraintStrategy({
    name: 'failing',
    storage: () => ({ get: () => null, set () {} }),
    deriveConstraint (request: any, _context: unknown, done?: (error: Error | null, value?: string) => void) {
      if (request.headers['x-fail']) done!(new Error('a secret'))
      else done!(null, 'fine')
    },
    validate () {}
  } as any)
  app.get('/constrained', { constraints: { failing: 'fine' } as never }, async () => 'ok')
  app.route({ method: ['GET', 'OPTIONS'], url: '/param/:name', handler: async () => 'ok' })
  const long = 'a'.repeat(101)
  return [
    { title: 'a bad URL', request: { url: '/%zz' }, statusCode: 400, reason: "'/%zz' is not a valid url component" },
    { title: 'a parameter longer than maxParamLength', request: { url: `/param/${long}` }, statusCode: 400, reason: `'/param/${long}' is exceeding the max param length` },
    { title: 'a failed async constraint', request: { url: '/none', headers: { 'x-fail': '1' } }, statusCode: 500 },
    { title: 'OPTIONS *', request: { method: 'OPTIONS', url: '*' }, statusCode: 404, reason: 'Route OPTIONS:* not found' }
  ]
}

async function build (app: FastifyInstance<any, any, any>): Promise<ErrorCase[]> {
  await app.register(reasonPhrase)
  const more = addMore(app)
  return [...addErrorCases(app), ...more]
}

function request (session: http2.ClientHttp2Session, { request }: ErrorCase): Promise<WireResponse> {
  const { method = 'GET', url, headers, payload } = request
  const stream = session.request({ ':method': method, ':path': url, ...headers }, { endStream: payload === undefined })
  if (payload !== undefined) stream.end(payload)
  return new Promise((resolve, reject) => {
    let body = ''
    let response: WireResponse
    stream.on('response', headers => {
      const lines = Object.entries(headers).flatMap(([name, values]) => [values].flat().map(value => [name, String(value)] as [string, string]))
      const reason = lines.find(([name]) => name === 'eb-reason-phrase')?.[1] ?? ''
      response = { statusCode: headers[':status']!, phrase: reason.slice(0, 128).trimEnd(), lines, body }
    })
    stream.on('data', chunk => { body += chunk })
    stream.on('trailers', () => { body += 'trailers' })
    stream.on('error', reject)
    stream.on('close', () => { resolve({ ...response, body }) })
  })
}

async function overHttp2 (t: Test, port: number, protocol: 'http' | 'https', paths: ErrorCase[]): Promise<void> {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', onWarning)
  const session = http2.connect(`${protocol}://127.0.0.1:${port}`, { rejectUnauthorized: false })
  for (const method of METHODS) {
    for (const original of paths) {
      const path = withMethod(original, method)
      // Over HTTP/2 Node refuses no header value.
      if (path === undefined || original.title === 'a header that Node refuses') continue
      assertErrorCase(t, path, await request(session, path), 'over HTTP/2', 'eb-reason-phrase')
    }
  }
  session.close()
  process.off('warning', onWarning)
  t.strictSame(warnings.map(({ message }) => message), [], 'no warning of Node')
}

async function overHttp1 (t: Test, port: number, paths: ErrorCase[], version: string, options?: Parameters<typeof exchange>[2]): Promise<void> {
  for (const method of METHODS) {
    for (const original of paths) {
      const path = withMethod(original, method)
      if (path === undefined) continue
      assertErrorCase(t, path, await exchange(port, toRequestBytes(path, version), options), `over ${version}`)
    }
  }
}

t.test('HTTP/1.1 and HTTP/1.0', async t => {
  const app = Fastify(serverOptions())
  const paths = await build(app)
  const port = await listen(t, app)
  await overHttp1(t, port, paths, 'HTTP/1.1')
  await overHttp1(t, port, paths, 'HTTP/1.0')
  for (const path of paths.filter(({ request }) => request.url !== '*')) {
    const response = await app.inject(path.request as never)
    t.equal(response.statusCode, path.statusCode, `${path.title}, injected`)
    t.equal(response.body, '')
    t.equal(String(response.headers['eb-reason-phrase']).slice(0, 128).trimEnd(), response.statusMessage)
  }

  const connection = connect(port)
  // After some refused bodies Fastify closes the connection.
  const pipelined: ErrorCase[] = []
  for (const path of paths) {
    const [connection] = valuesOf(await exchange(port, toRequestBytes(path)), 'connection')
    if (connection !== 'close') pipelined.push(path)
  }
  for (const path of pipelined) connection.write(toRequestBytes(path))
  const responses = await connection.responses(pipelined.length)
  for (const [i, path] of pipelined.entries()) assertErrorCase(t, path, responses[i]!, 'pipelined')
  connection.destroy()
})

t.test('HTTP/2 without TLS', async t => {
  const app = Fastify(serverOptions({ http2: true }))
  const paths = await build(app)
  await overHttp2(t, await listen(t, app), 'http', paths)
})

t.test('HTTPS', async t => {
  const app = Fastify(serverOptions({ https: { key, cert } }))
  const paths = await build(app)
  await overHttp1(t, await listen(t, app), paths, 'HTTP/1.1', { tls: {} })
})

t.test('HTTP/2 with TLS and allowHTTP1', async t => {
  const app = Fastify(serverOptions({ http2: true, https: { key, cert, allowHTTP1: true } }))
  const paths = await build(app)
  const port = await listen(t, app)
  await overHttp2(t, port, 'https', paths)
  await overHttp1(t, port, paths, 'HTTP/1.1', { tls: { ALPNProtocols: ['http/1.1'] } })
})

t.test('HTTP/2 with TLS, and a client that has none', async t => {
  const app = Fastify(serverOptions({ http2: true, https: { key, cert } }))
  await build(app)
  const port = await listen(t, app)
  keepsContract(t, await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', { tls: {} }), 400, 'This server speaks HTTP/2 only')

  const listening = Fastify(serverOptions({ http2: true, https: { key, cert } }))
  await build(listening)
  listening.server.on('unknownProtocol', socket => { socket.destroy() })
  const connection = connect(await listen(t, listening), { tls: {} })
  t.equal(await connection.closed(), '', 'a listener of the service goes first')
})

t.test('HTTP/2: CONNECT and an unknown expectation', async t => {
  const app = Fastify(serverOptions({ http2: true }))
  await build(app)
  const session = http2.connect(`http://127.0.0.1:${await listen(t, app)}`)
  const connect = session.request({ ':method': 'CONNECT', ':authority': 'localhost' })
  const [connected] = await once(connect, 'response')
  t.match(connected, { ':status': 400, 'eb-reason-phrase': 'Bad Request', 'content-length': '0' })
  connect.close()
  const path = { title: 'expect', request: { url: '/', headers: { expect: 'foo' } }, statusCode: 400 }
  assertErrorCase(t, path, await request(session, path), 'over HTTP/2', 'eb-reason-phrase')
  session.close()
})

t.test('what Node and Fastify answer on the socket, past every hook', async t => {
  const host = 'Host: localhost\r\n'
  const app = Fastify(serverOptions({ http: { maxHeaderSize: 4096 } }))
  await build(app)
  app.post('/echo', async request => request.body)
  const port = await listen(t, app)
  for (const [title, bytes, reason] of [
    ['garbage', 'GARBAGE\r\n\r\n', 'Parse Error: Invalid method encountered'],
    ['a bad method', `FOO / HTTP/1.1\r\n${host}\r\n`, 'Parse Error: Invalid method encountered'],
    ['a bad version', `GET / HTTP/9.9\r\n${host}\r\n`, 'Parse Error: Invalid HTTP version'],
    ['a bad chunk', `POST /echo HTTP/1.1\r\n${host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n`, 'Parse Error: Invalid character in chunk size'],
    ['content-length and transfer-encoding', `POST /echo HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, "Parse Error: Transfer-Encoding can't be present with Content-Length"],
    ['a header with a NUL', `GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`, 'Parse Error: Invalid header value char'],
    ['a header section that is too large', `GET / HTTP/1.1\r\n${host}X: ${'a'.repeat(5000)}\r\n\r\n`, 'Parse Error: Header overflow'],
    ['TLS on a plain port', Buffer.from('16030100a5010000a1', 'hex'), 'Parse Error: Invalid method encountered']
  ] as const) {
    await t.test(title, async t => {
      const connection = connect(port)
      connection.write(bytes as string)
      const [response] = await connection.responses(1)
      keepsContract(t, response!, 400, reason)
      t.strictSame(valuesOf(response!, 'connection'), ['close'])
      t.equal(valuesOf(response!, 'date').length, 1)
      t.equal((await connection.closed()).split('HTTP/1.1').length, 2, 'and the connection is closed')
    })
  }
  for (const [title, bytes, reason] of [
    ['a missing Host', 'GET / HTTP/1.1\r\n\r\n', undefined],
    ['an unknown expectation', `GET / HTTP/1.1\r\n${host}Expect: foo\r\n\r\n`, undefined],
    ['a content-length that does not match', `POST /echo HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 1\r\n\r\n{}`, "Body is not valid JSON but content-type is set to 'application/json'"]
  ] as const) {
    await t.test(title, async t => {
      keepsContract(t, await exchange(port, bytes), 400, reason)
    })
  }
  await t.test('Expect: 100-continue on a route that fails', async t => {
    const connection = connect(port)
    connection.write(`POST /valid/1 HTTP/1.1\r\n${host}Content-Type: text/csv\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n`)
    const [response] = await connection.responses(1)
    keepsContract(t, response!, 400, 'Unsupported Media Type')
    connection.destroy()
  })
})

t.test('slow requests', async t => {
  const app = Fastify(serverOptions({ requestTimeout: 200, http: { headersTimeout: 100, connectionsCheckingInterval: 20 } as object }))
  await build(app)
  app.post('/echo', async request => request.body)
  const port = await listen(t, app)
  for (const [title, bytes] of [
    ['headers', 'GET / HTTP/1.1\r\n'],
    ['a body', 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{']
  ] as const) {
    const connection = connect(port)
    connection.write(bytes)
    const [response] = await connection.responses(1)
    keepsContract(t, response!, 400, 'Request timeout')
    t.match(await connection.closed(), /^HTTP\/1.1 400/, title)
  }
})

t.test('requests past maxRequestsPerSocket', async t => {
  const app = Fastify(serverOptions({ maxRequestsPerSocket: 1 }))
  await build(app)
  app.get('/', async () => 'ok')
  const connection = connect(await listen(t, app))
  connection.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2))
  const [first, second] = await connection.responses(2)
  t.equal(first!.body, 'ok')
  keepsContract(t, second!, 503)
  connection.destroy()
})

t.test('a client error behind pipelined requests that are answered at once', async t => {
  const app = Fastify(serverOptions())
  await build(app)
  app.get('/ok', async () => 'ok')
  app.post('/refused', { onRequest (_request, reply) { reply.unauthorized('Who?') } }, async () => 'ok')
  app.get('/held', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(403)
    t.equal(reply.raw.statusCode, 403)
    setTimeout(() => { reply.raw.end('held') }, 50)
  })
  const port = await listen(t, app)
  for (const count of [1, 2, 3, 6]) {
    const connection = connect(port)
    connection.write('GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(count) + 'GARBAGE\r\n\r\n')
    const responses = await connection.responses(count + 1)
    t.strictSame(responses.map(({ statusCode }) => statusCode), [...Array(count).fill(200), 400])
    await connection.closed()
  }
  const refused = connect(port)
  refused.write('POST /refused HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n')
  t.match(await refused.closed(), /^HTTP\/1.1 401 Who\?\r\n[^]*\r\n\r\n$/)
  t.equal(refused.received().split('HTTP/1.1').length, 2, 'no second answer to a request that has one')

  const held = connect(port)
  held.write('GET /held HTTP/1.1\r\nHost: localhost\r\n\r\nGARBAGE\r\n\r\n')
  const [first, second] = await held.responses(2)
  keepsContract(t, first!, 403, 'held')
  keepsContract(t, second!, 400, 'Parse Error: Invalid method encountered')
})

t.test('HTTP/2: a stream that fails after its first byte does not end as if it were whole', async t => {
  for (const alone of [true, false]) {
    const app = alone ? Fastify({ http2: true }) : Fastify(serverOptions({ http2: true }))
    await app.register(reasonPhrase)
    app.get('/', (_request, reply) => {
      reply.send(Readable.from((async function * () { yield 'half'; await new Promise(resolve => { setTimeout(resolve, 20) }); throw new Error('a secret') })()))
    })
    const session = http2.connect(`http://127.0.0.1:${await listen(t, app)}`)
    const stream = session.request({})
    stream.resume()
    await t.rejects(once(stream, 'close'), { code: 'ERR_HTTP2_STREAM_ERROR' })
    t.equal(stream.rstCode, http2.constants.NGHTTP2_INTERNAL_ERROR)
    session.close()
  }
})

t.test('HTTP/2: headers that Node refuses only as it sends them', async t => {
  const app = Fastify(serverOptions({ http2: true }))
  await build(app)
  app.get('/te', (_request, reply) => { reply.header('te', 'x').code(404).send({ message: 'not here' }) })
  app.get('/age', (_request, reply) => { reply.header('age', ['1', '2']).code(401).send({ message: 'who?' }) })
  app.get('/success', (_request, reply) => { reply.header('keep-alive', '5').send('fine') })
  app.get('/raw', (_request, reply) => { reply.hijack(); reply.raw.destroy() })
  const session = http2.connect(`http://127.0.0.1:${await listen(t, app)}`)
  for (const [url, statusCode, reason] of [['/te', 404, 'not here'], ['/age', 401, 'who?'], ['/success', 500]] as const) {
    assertErrorCase(t, { title: url, request: { url }, statusCode, ...(reason !== undefined && { reason }) }, await request(session, { title: url, request: { url }, statusCode }), 'over HTTP/2', 'eb-reason-phrase')
  }
  const unanswered = session.request({ ':path': '/raw' })
  await once(unanswered, 'close')
  t.equal(unanswered.sentHeaders[':path'], '/raw', 'one that is destroyed before is as it was')
  session.close()
})

t.test('sends no message of a 5xx where the plugin is not in force', async t => {
  const app = Fastify(serverOptions({ frameworkErrors (_error, _request, reply) { (reply as FastifyReply).code(500).send(new Error('a secret')) } }))
  app.get('/', () => { throw new Error('a secret') })
  app.get('/chosen', (_request, reply) => { reply.code(500).send({ message: 'chosen' }) })
  app.get('/bytes', (_request, reply) => { reply.hijack(); reply.raw.statusCode = 500; reply.raw.end(Buffer.from('{"statusCode":500,"error":"Internal Server Error","message":"a secret"}')) })
  app.get('/broken', (_request, reply) => { reply.hijack(); reply.raw.statusCode = 500; reply.raw.end('{broken') })
  const port = await listen(t, app)
  for (const url of ['/', '/%zz', '/chosen', '/bytes', '/broken']) {
    keepsContract(t, await exchange(port, `GET ${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`), 500, undefined, url)
  }
})

t.test('a client error in the order of the requests', async t => {
  const app = Fastify(serverOptions())
  await build(app)
  let entered: (entry: { reply: FastifyReply }) => void
  app.get('/slow', (_request, reply) => { entered({ reply }) })
  const port = await listen(t, app)
  // In an object, since a promise of a reply waits for its end.
  const slow = async (connection: ReturnType<typeof connect>): Promise<{ reply: FastifyReply }> => {
    const entry = new Promise<{ reply: FastifyReply }>(resolve => { entered = resolve })
    connection.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
    return entry
  }

  await t.test('while an earlier response is to come, it comes first', async t => {
    const connection = connect(port)
    const { reply } = await slow(connection)
    const failed = once(app.server, 'clientError')
    connection.write('GARBAGE\r\n\r\n')
    await failed
    connection.write('more of it\r\n\r\n')
    t.equal(connection.received(), '')
    reply.send('slow')
    const [first, second] = await connection.responses(2)
    t.equal(first!.body, 'slow')
    keepsContract(t, second!, 400, 'Parse Error: Invalid method encountered')
    await connection.closed()
  })

  await t.test('while an earlier response is half sent, the connection is destroyed', async t => {
    const connection = connect(port)
    const { reply } = await slow(connection)
    const stream = new Readable({ read () {} })
    reply.send(stream)
    stream.push('half a ')
    while (!connection.received().includes('half a ')) await once(connection.socket, 'data')
    const before = connection.received()
    connection.write('GARBAGE\r\n\r\n')
    t.equal(await connection.closed(), before, 'not a byte more')
  })

  await t.test('a client that is gone gets nothing', async t => {
    const connection = connect(port)
    const { reply } = await slow(connection)
    const failed = once(app.server, 'clientError')
    connection.write('GARBAGE\r\n\r\n')
    await failed
    connection.socket.resetAndDestroy()
    await once(reply.raw, 'close')
    reply.send('slow')
    t.equal(connection.received(), '')
  })
})

t.test('a request while the server closes', async t => {
  const app = Fastify(serverOptions())
  await build(app)
  let entry!: { reply: FastifyReply }
  const entered = new Promise<void>(resolve => { app.get('/slow', (_request, reply) => { entry = { reply }; resolve() }) })
  const connection = connect(await listen(t, app))
  connection.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await entered
  const closing = app.close()
  await new Promise(setImmediate)
  connection.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  entry.reply.send('slow')
  const [slow, refused] = await connection.responses(2)
  t.equal(slow!.body, 'slow')
  keepsContract(t, refused!, 503)
  t.strictSame(valuesOf(refused!, 'connection'), ['close'])
  connection.destroy()
  await closing
})

t.test('listening on localhost, on every address of it', async t => {
  const app = Fastify(serverOptions())
  await build(app)
  await app.listen({ port: 0, host: 'localhost' })
  t.teardown(() => app.close())
  for (const { address, port } of app.addresses() as net.AddressInfo[]) {
    const socket = net.connect(port, address)
    socket.write('GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [chunk] = await once(socket, 'data')
    t.match(String(chunk), /^HTTP\/1.1 400 '\/%zz' is not a valid url component\r\n/)
    socket.destroy()
  }
})

t.test('the options of the caller stay in force', async t => {
  class Response extends ServerResponse<IncomingMessage> {
    override end (...args: any): this {
      ended++
      return Reflect.apply(super.end, this, args)
    }
  }
  let ended = 0
  const seen: string[] = []
  const app = Fastify(serverOptions({
    http: { maxHeaderSize: 2048, ServerResponse: Response as typeof ServerResponse },
    routerOptions: { maxParamLength: 5 },
    clientErrorHandler (error, socket) {
      seen.push(`${error.code} ${typeof (this as unknown as FastifyInstance).log.info}`)
      socket.end('HTTP/1.1 431 Too much\r\nX-Kept: 1\r\nContent-Type: text/plain\r\n\r\ntoo much')
    },
    frameworkErrors (error, _request, reply) {
      seen.push(error.code);
      (reply as FastifyReply).code(404).send({ message: `mine: ${error.code}` })
    }
  }, { header: 'X-Reason' }))
  await app.register(reasonPhrase)
  app.get('/param/:name', async () => 'ok')
  const port = await listen(t, app)
  const ok = await exchange(port, 'GET /param/x HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.equal(ok.body, 'ok')
  t.equal(ended, 1, 'its response class')
  keepsContract(t, await exchange(port, 'GET /param/longer HTTP/1.1\r\nHost: localhost\r\n\r\n'), 404, 'mine: FST_ERR_MAX_PARAM_LENGTH', '', 'X-Reason')
  t.equal((await app.inject('/%zz')).headers['x-reason'], 'mine: FST_ERR_BAD_URL')
  const large = await exchange(port, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(3000)}\r\n\r\n`)
  keepsContract(t, large, 400, 'Too much', '', 'X-Reason')
  t.strictSame(valuesOf(large, 'x-kept'), ['1'])
  t.strictSame(seen, ['FST_ERR_MAX_PARAM_LENGTH', 'FST_ERR_BAD_URL', 'HPE_HEADER_OVERFLOW function'])

  const options = { logger: false, trustProxy: true, http: null, https: null }
  const given = { ...options }
  t.match(serverOptions(options), { logger: false, trustProxy: true, https: null })
  t.strictSame(options, given, 'and are not written to')
  t.ok(new (serverOptions({ http2: true, https: { key, cert, Http2ServerResponse } }).https as any).Http2ServerResponse({ on () {} }) instanceof Http2ServerResponse)
})

t.test('what is no object of options is refused', async t => {
  for (const options of [null, 1, 'x']) t.throws(() => serverOptions(options as never), { name: 'TypeError', message: /takes an object/ })
  t.throws(() => serverOptions({}, { header: '' }), { name: 'TypeError', message: /header must be a valid header name/ })
})

t.test('the plugin takes its options from the server', async t => {
  const app = Fastify(serverOptions({}, { header: 'X-Reason', statusCodes: { 429: 'Too Many Requests' } }))
  await app.register(reasonPhrase)
  app.get('/', (_request, reply) => { reply.code(429).send() })
  const response = await app.inject('/')
  t.equal(response.statusCode, 429)
  t.equal(response.headers['x-reason'], 'Too Many Requests')
  t.equal(serverContract(app)?.header, 'X-Reason')
  t.equal(serverContract(Fastify()), undefined)
})

t.test('a client error is in the log, at the level of Fastify', async t => {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: { level: 'trace', stream: { write (line) { lines.push(JSON.parse(line)) } } } }))
  await app.register(reasonPhrase)
  await exchange(await listen(t, app), 'GARBAGE\r\n\r\n')
  t.match(lines.filter(({ err }) => err), [{ level: 10, msg: 'client error', err: { code: 'HPE_INVALID_METHOD' } }])
})
