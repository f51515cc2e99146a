import { once } from 'node:events'
import http2 from 'node:http2'
import { Readable } from 'node:stream'
import Fastify from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { cert, key } from '../../fixtures/certificate.js'
import { assertErrorCase } from '../../fixtures/error-cases.js'
import { buildServer, sendHttp2 } from '../../fixtures/error-server.js'
import { logTo } from '../../fixtures/log.js'
import { connect, exchange, assertErrorResponse, listen } from '../../fixtures/wire.js'

t.test('sends 400 to a client that does not speak HTTP/2, and logs the reason once', async t => {
  const lines: any[] = []
  const app = Fastify(serverOptions({ http2: true, https: { key, cert }, logger: logTo(lines) }))
  await buildServer(app)
  const port = await listen(t, app)
  assertErrorResponse(t, await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', { tls: {} }), 400, 'This server speaks HTTP/2 only')
  t.equal(lines.filter(({ level, msg }) => level === 30 && msg === 'This server speaks HTTP/2 only').length, 1)

  const listening = Fastify(serverOptions({ http2: true, https: { key, cert } }))
  await buildServer(listening)
  listening.server.on('unknownProtocol', socket => { socket.destroy() })
  const connection = connect(await listen(t, listening), { tls: {} })
  t.equal(await connection.closed(), '', 'sends nothing if the service has its own listener')
})

t.test('sends 400 for CONNECT, and for an unknown expectation', async t => {
  const app = Fastify(serverOptions({ http2: true }))
  await buildServer(app)
  const session = http2.connect(`http://127.0.0.1:${await listen(t, app)}`)
  const connect = session.request({ ':method': 'CONNECT', ':authority': 'localhost' })
  const [connected] = await once(connect, 'response')
  t.match(connected, { ':status': 400, 'eb-reason-phrase': 'Bad Request', 'content-length': '0' })
  connect.close()
  const path = { title: 'expect', request: { url: '/', headers: { expect: 'foo' } }, statusCode: 400 }
  assertErrorCase(t, path, await sendHttp2(session, path), 'over HTTP/2', 'eb-reason-phrase')
  session.close()
})

t.test('resets the HTTP/2 stream when the payload fails after its first byte', async t => {
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

t.test('sends an error without the headers that Node rejects when it sends them', async t => {
  const app = Fastify(serverOptions({ http2: true }))
  await buildServer(app)
  app.get('/te', (_request, reply) => { reply.header('te', 'x').code(404).send({ message: 'not here' }) })
  app.get('/age', (_request, reply) => { reply.header('age', ['1', '2']).code(401).send({ message: 'who?' }) })
  app.get('/success', (_request, reply) => { reply.header('keep-alive', '5').send('fine') })
  app.get('/raw', (_request, reply) => { reply.hijack(); reply.raw.destroy() })
  const session = http2.connect(`http://127.0.0.1:${await listen(t, app)}`)
  for (const [url, statusCode, reason] of [['/te', 404, 'not here'], ['/age', 401, 'who?'], ['/success', 500]] as const) {
    assertErrorCase(t, { title: url, request: { url }, statusCode, ...(reason !== undefined && { reason }) }, await sendHttp2(session, { title: url, request: { url }, statusCode }), 'over HTTP/2', 'eb-reason-phrase')
  }
  const unanswered = session.request({ ':path': '/raw' })
  await once(unanswered, 'close')
  t.equal(unanswered.sentHeaders[':path'], '/raw', 'sends nothing on a destroyed stream')
  session.close()
})

t.test('keeps the id of a request when Node rejects another header of the error', async t => {
  const app = Fastify(serverOptions({ http2: true }, { requestId: true }))
  await app.register(reasonPhrase)
  app.get('/', (_request, reply) => { reply.header('age', ['1', '2']).header('x-other', 'y').code(404).send() })
  const session = http2.connect(`http://127.0.0.1:${await listen(t, app)}`)
  t.teardown(() => { session.close() })
  const [headers] = await once(session.request({}), 'response')
  t.match(headers, { ':status': 404, 'eb-reason-phrase': 'Not Found', 'x-request-id': /^req-/ })
  t.notOk('x-other' in headers)
})

t.test('keeps the contract over HTTP/2 with register() alone', async t => {
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
    stream.on('trailers', () => { t.fail('sends no trailers') })
    const [headers, flags] = await once(stream, 'response')
    t.match(headers, { ':status': statusCode, 'eb-reason-phrase': reason, 'content-length': '0' })
    t.equal(flags & http2.constants.NGHTTP2_FLAG_END_STREAM, 1, 'ends the stream with the header section')
    if (!stream.closed) await once(stream, 'close')
    t.equal(body, '')
  }
})
