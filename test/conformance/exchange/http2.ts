import type { Socket } from 'node:net'
import t from 'tap'
import { cutHttp2, exchangeHttp2, supportsHttp2 } from '../../../conformance/exchange/http2.js'
import { startConformingHttp2Server } from '../../fixtures/conforming-server.js'
import { serveSockets, waitUntilClosed } from './fixtures/serve-sockets.js'

t.test('reports an error if no connection is established in time', async t => {
  // The server never responds to the TLS handshake.
  const { target, open } = await serveSockets(t, () => {})
  const secure = { ...target, scheme: 'https' as const, timeout: 50 }
  t.match(await exchangeHttp2(secure, [{ headers: { ':path': '/' } }]), { end: 'timeout', connectError: { message: 'no connection within 50 ms' } })
  await waitUntilClosed(open)
})

t.test('detects servers without HTTP/2', async t => {
  for (const serve of [
    (socket: Socket) => { socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n') },
    (socket: Socket) => { socket.end() },
    () => {}
  ]) {
    const { target, open } = await serveSockets(t, serve)
    t.equal(await supportsHttp2(target), false)
    await waitUntilClosed(open)
  }
})

t.test('returns the requests and responses as text', async t => {
  const target = await startConformingHttp2Server(t)
  const { sent, received, end } = await exchangeHttp2(target, [{ headers: { ':method': 'POST', ':path': '/', a: 'b' }, body: Buffer.from('body') }])
  t.equal(end, 'left')
  t.equal(Buffer.from(sent).toString(), ':method: POST\n:path: /\na: b\n\nbody')
  t.match(Buffer.from(received).toString(), /^:status: 200\ndate: .*\n\n\{\}$/)
})

t.test('returns 1xx responses', async t => {
  const target = await startConformingHttp2Server(t, () => {}, stream => { stream.additionalHeaders({ ':status': 103, 'set-cookie': ['a', 'b'] }) })
  const { responses } = await exchangeHttp2(target, [{ headers: { ':method': 'GET', ':path': '/' } }])
  t.match(responses, [{ statusCode: 200, interim: [{ statusCode: 103, fields: [['set-cookie', 'a'], ['set-cookie', 'b']] }] }])
})

t.test('reports how a connection has ended', async t => {
  const target = await startConformingHttp2Server(t, () => {}, stream => { stream.session!.destroy() })
  const ask = { headers: { ':method': 'GET', ':path': '/' } }
  t.match(await exchangeHttp2(target, [ask, { ...ask, waitsForPrevious: true }]), { responses: [], requestCount: 2, end: 'closed' })
  // The server sends a SETTINGS frame and nothing else.
  const { target: reset } = await serveSockets(t, socket => {
    socket.write(Buffer.from('000000040000000000', 'hex'))
    setTimeout(() => { socket.resetAndDestroy() }, 50)
  })
  t.match(await exchangeHttp2(reset, [ask]), { responses: [], end: 'reset' })
  const silent = await startConformingHttp2Server(t, () => {}, () => false)
  t.match(await exchangeHttp2(silent, [ask], 50), { responses: [], end: 'timeout' })
})

t.test('closes a connection after the server has received the request', async t => {
  const received: string[] = []
  const target = await startConformingHttp2Server(t, () => {}, stream => {
    stream.on('data', chunk => { received.push(String(chunk)) })
    stream.on('end', () => { received.push('end') })
    return false
  })
  const exchange = await cutHttp2(target, { headers: { ':method': 'POST', ':path': '/' }, body: Buffer.from('body') })
  t.match(exchange, { responses: [], requestCount: 1, end: 'left' })
  t.match(Buffer.from(exchange.sent).toString(), /^:method: POST\n:path: \/\n\nbody$/)
  await new Promise(resolve => setTimeout(resolve, 50))
  t.strictSame(received, ['body', 'end'])
})

t.test('closes a connection after the timeout if the server does not acknowledge the request', async t => {
  const { target, open } = await serveSockets(t, () => {})
  target.timeout = 50
  t.match(await cutHttp2(target, { headers: { ':method': 'GET', ':path': '/' } }), { responses: [], end: 'left' })
  await waitUntilClosed(open)
  target.port = 1
  t.match(await cutHttp2(target, { headers: { ':method': 'GET', ':path': '/' } }), { responses: [] })
})
