import { createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { exchangeHttp1, type Step } from '../../../conformance/exchange/http1.js'
import { exchangeHttp2, supportsHttp2 } from '../../../conformance/exchange/http2.js'
import type { Target } from '../../../conformance/target.js'
import { Contract } from '../../../lib/contract.js'
import { conformingHttp2 } from '../../fixtures/conforming.js'

/** Starts a server that calls `serve` for each connection, and returns the set of its open connections. */
async function server (t: Test, serve: (socket: Socket) => void): Promise<{ target: Target, open: Set<Socket> }> {
  const open = new Set<Socket>()
  const server = createServer(socket => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => { open.delete(socket) })
    serve(socket)
    socket.resume()
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  const { port } = server.address() as AddressInfo
  const target = { scheme: 'http' as const, authority: `127.0.0.1:${port}`, host: '127.0.0.1', port, base: '', contract: new Contract(), requests: [{ url: '/' }], timeout: 10_000 }
  return { target, open }
}

const RESPONSE = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const request: Step = { send: Buffer.from('GET / HTTP/1.1\r\n\r\n'), method: 'GET' }

/** Waits until all connections of the server are closed. */
async function closed (open: Set<Socket>): Promise<void> {
  while (open.size > 0) await new Promise(resolve => setTimeout(resolve, 5))
}

t.test('closes the connection after the responses', async t => {
  const { target, open } = await server(t, socket => { socket.on('data', () => { socket.write(RESPONSE) }) })
  const { end, responses, sent, received, requestCount } = await exchangeHttp1(target, [request])
  t.equal(end, 'left')
  t.equal(requestCount, 1)
  t.match(responses, [{ statusCode: 200 }])
  t.equal(Buffer.from(sent).toString(), 'GET / HTTP/1.1\r\n\r\n')
  t.equal(Buffer.from(received).toString(), RESPONSE)
  await closed(open)
})

t.test('ends with timeout if the server sends nothing', async t => {
  const { target, open } = await server(t, () => {})
  for (const steps of [[request], [{ responses: 1 }], [{ bytes: true, within: 10_000 }], [{ pause: 10_000 }]] as Step[][]) {
    t.match(await exchangeHttp1(target, steps, 50), { end: 'timeout', responses: [], connectError: undefined })
  }
  await closed(open)
})

t.test('waits for at most the time of a step', async t => {
  const { target } = await server(t, socket => { socket.on('end', () => { socket.end(RESPONSE) }) })
  t.match(await exchangeHttp1(target, [request, { responses: 1, within: 10 }, { bytes: true, within: 10 }, { end: true }]), { end: 'closed', responses: [{ statusCode: 200 }] })
})

t.test('skips the remaining steps after the connection ended', async t => {
  const { target } = await server(t, socket => { socket.end(RESPONSE) })
  const { end, sent } = await exchangeHttp1(target, [{ responses: 2 }, request])
  t.equal(end, 'closed')
  t.equal(sent.length, 0)
})

t.test('distinguishes a reset from a close', async t => {
  const { target } = await server(t, socket => { socket.on('data', () => { socket.resetAndDestroy() }) })
  t.match(await exchangeHttp1(target, [request]), { end: 'reset', responses: [], connectError: undefined })
})

t.test('does not write after it closed its side', async t => {
  const { target } = await server(t, () => {})
  t.match(await exchangeHttp1(target, [{ end: true }, request], 50), { end: 'closed', requestCount: 1 })
})

t.test('stops reading a response without end after 16 MiB', async t => {
  const { target, open } = await server(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n')
    const chunk = Buffer.alloc(1024 * 1024)
    const more = (): void => { while (socket.writable && socket.write(chunk)); }
    socket.on('drain', more)
    more()
  })
  const { received, receivedLength, syntaxError, end } = await exchangeHttp1(target, [request])
  t.ok(receivedLength > 16 * 1024 * 1024 && receivedLength < 17 * 1024 * 1024, `${receivedLength} bytes`)
  t.equal(received.length, 64 * 1024, 'keeps only the first bytes')
  t.match(syntaxError, { isTruncated: true, statusCode: 200 })
  t.equal(syntaxError!.response!.body.length, 1024 * 1024)
  t.equal(end, 'limit')
  await closed(open)
})

t.test('reports an error if no connection is established in time', async t => {
  // The server never responds to the TLS handshake.
  const { target, open } = await server(t, () => {})
  const secure = { ...target, scheme: 'https' as const, timeout: 50 }
  t.match(await exchangeHttp1(secure, [request]), { end: 'timeout', connectError: { message: 'no connection within 50 ms' } })
  t.match(await exchangeHttp2(secure, [{ headers: { ':path': '/' } }]), { end: 'timeout', connectError: { message: 'no connection within 50 ms' } })
  await closed(open)
})

t.test('detects servers without HTTP/2', async t => {
  for (const serve of [
    (socket: Socket) => { socket.end(RESPONSE) },
    (socket: Socket) => { socket.end() },
    () => {}
  ]) {
    const { target, open } = await server(t, serve)
    t.equal(await supportsHttp2(target), false)
    await closed(open)
  }
})

t.test('returns the requests and responses as text', async t => {
  const target = await conformingHttp2(t)
  const { sent, received, end } = await exchangeHttp2(target, [{ headers: { ':method': 'POST', ':path': '/', a: 'b' }, body: Buffer.from('body') }])
  t.equal(end, 'left')
  t.equal(Buffer.from(sent).toString(), ':method: POST\n:path: /\na: b\n\nbody')
  t.match(Buffer.from(received).toString(), /^:status: 200\ndate: .*\n\n\{\}$/)
})

t.test('returns 1xx responses', async t => {
  const target = await conformingHttp2(t, () => {}, stream => { stream.additionalHeaders({ ':status': 103, 'set-cookie': ['a', 'b'] }) })
  const { responses } = await exchangeHttp2(target, [{ headers: { ':method': 'GET', ':path': '/' } }])
  t.match(responses, [{ statusCode: 200, interim: [{ statusCode: 103, fields: [['set-cookie', 'a'], ['set-cookie', 'b']] }] }])
})

t.test('returns how a connection ended', async t => {
  const target = await conformingHttp2(t, () => {}, stream => { stream.session!.destroy() })
  const ask = { headers: { ':method': 'GET', ':path': '/' } }
  t.match(await exchangeHttp2(target, [ask, { ...ask, waitsForPrevious: true }]), { responses: [], requestCount: 2, end: 'closed' })
  // The server sends SETTINGS and nothing else.
  const { target: reset } = await server(t, socket => {
    socket.write(Buffer.from('000000040000000000', 'hex'))
    setTimeout(() => { socket.resetAndDestroy() }, 50)
  })
  t.match(await exchangeHttp2(reset, [ask]), { responses: [], end: 'reset' })
  const silent = await conformingHttp2(t, () => {}, () => false)
  t.match(await exchangeHttp2(silent, [ask], 50), { responses: [], end: 'timeout' })
})
