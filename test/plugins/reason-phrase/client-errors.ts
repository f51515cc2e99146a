import { once } from 'node:events'
import { Readable } from 'node:stream'
import Fastify, { type FastifyReply } from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { buildServer } from '../../fixtures/error-server.js'
import { logTo } from '../../fixtures/log.js'
import { connect, exchange, assertErrorResponse, listen, valuesOf } from '../../fixtures/wire.js'

t.test('keeps the contract for malformed requests, whose responses Node and Fastify write to the socket', async t => {
  const host = 'Host: localhost\r\n'
  const app = Fastify(serverOptions({ http: { maxHeaderSize: 4096 } }))
  await buildServer(app)
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
    await t.test(`sends 400 for ${title}`, async t => {
      const connection = connect(port)
      connection.write(bytes as string)
      const [response] = await connection.responses(1)
      assertErrorResponse(t, response!, 400, reason)
      t.strictSame(valuesOf(response!, 'connection'), ['close'])
      t.equal(valuesOf(response!, 'date').length, 1)
      t.equal((await connection.closed()).split('HTTP/1.1').length, 2, 'closes the connection after one response')
    })
  }
  for (const [title, bytes, reason] of [
    ['a missing Host', 'GET / HTTP/1.1\r\n\r\n', undefined],
    ['an unknown expectation', `GET / HTTP/1.1\r\n${host}Expect: foo\r\n\r\n`, undefined],
    ['a content-length that does not match', `POST /echo HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 1\r\n\r\n{}`, "Body is not valid JSON but content-type is set to 'application/json'"]
  ] as const) {
    await t.test(`sends 400 for ${title}`, async t => {
      assertErrorResponse(t, await exchange(port, bytes), 400, reason)
    })
  }
  await t.test('sends 400 for Expect: 100-continue on a route that fails', async t => {
    const connection = connect(port)
    connection.write(`POST /valid/1 HTTP/1.1\r\n${host}Content-Type: text/csv\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n`)
    const [response] = await connection.responses(1)
    assertErrorResponse(t, response!, 400, 'Unsupported Media Type')
    connection.destroy()
  })
})

t.test('sends 400 to slow requests, and closes the connection', async t => {
  const app = Fastify(serverOptions({ requestTimeout: 200, http: { headersTimeout: 100, connectionsCheckingInterval: 20 } as object }))
  await buildServer(app)
  app.post('/echo', async request => request.body)
  const port = await listen(t, app)
  for (const [title, bytes] of [
    ['headers', 'GET / HTTP/1.1\r\n'],
    ['a body', 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{']
  ] as const) {
    const connection = connect(port)
    connection.write(bytes)
    const [response] = await connection.responses(1)
    assertErrorResponse(t, response!, 400, 'Request timeout')
    t.match(await connection.closed(), /^HTTP\/1.1 400/, title)
  }
})

t.test('sends one response for a client error after pipelined requests', async t => {
  const app = Fastify(serverOptions())
  await buildServer(app)
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
  t.equal(refused.received().split('HTTP/1.1').length, 2, 'sends no second response to a request')

  const held = connect(port)
  held.write('GET /held HTTP/1.1\r\nHost: localhost\r\n\r\nGARBAGE\r\n\r\n')
  const [first, second] = await held.responses(2)
  assertErrorResponse(t, first!, 403, 'held')
  assertErrorResponse(t, second!, 400, 'Parse Error: Invalid method encountered')
})

t.test('sends the response to a client error in the order of the requests', async t => {
  const app = Fastify(serverOptions())
  await buildServer(app)
  let entered: (entry: { reply: FastifyReply }) => void
  app.get('/slow', (_request, reply) => { entered({ reply }) })
  const port = await listen(t, app)
  // The reply is wrapped in an object, because a promise of a reply would wait for its end.
  const slow = async (connection: ReturnType<typeof connect>): Promise<{ reply: FastifyReply }> => {
    const entry = new Promise<{ reply: FastifyReply }>(resolve => { entered = resolve })
    connection.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n')
    return entry
  }

  await t.test('sends the error after an earlier response that was not sent yet', async t => {
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
    assertErrorResponse(t, second!, 400, 'Parse Error: Invalid method encountered')
    await connection.closed()
  })

  await t.test('destroys the connection if an earlier response is partly sent', async t => {
    const connection = connect(port)
    const { reply } = await slow(connection)
    const stream = new Readable({ read () {} })
    reply.send(stream)
    stream.push('half a ')
    while (!connection.received().includes('half a ')) await once(connection.socket, 'data')
    const before = connection.received()
    connection.write('GARBAGE\r\n\r\n')
    t.equal(await connection.closed(), before, 'sends no more bytes')
  })

  await t.test('sends nothing to a client that has disconnected', async t => {
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

t.test('logs the bytes of a client error at the level that Fastify would use, and its reason once', async t => {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines, 'trace') }))
  await app.register(reasonPhrase)
  await exchange(await listen(t, app), 'GARBAGE\r\n\r\n')
  t.match(lines.filter(({ err }) => err), [{ level: 10, msg: 'client error', err: { code: 'HPE_INVALID_METHOD' } }])
  t.match(lines.filter(({ msg }) => /^Parse Error/.test(msg)), [{ level: 30, code: 'HPE_INVALID_METHOD', err: undefined }])
})
