import t from 'tap'
import { exchangeHttp1, type Step } from '../../../conformance/exchange/http1.js'
import { serveSockets, waitUntilClosed } from './fixtures/serve-sockets.js'

const RESPONSE = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const request: Step = { send: Buffer.from('GET / HTTP/1.1\r\n\r\n'), method: 'GET' }

t.test('closes the connection after the responses', async t => {
  const { target, open } = await serveSockets(t, socket => { socket.on('data', () => { socket.write(RESPONSE) }) })
  const { end, responses, sent, received, requestCount } = await exchangeHttp1(target, [request])
  t.equal(end, 'left')
  t.equal(requestCount, 1)
  t.match(responses, [{ statusCode: 200 }])
  t.equal(Buffer.from(sent).toString(), 'GET / HTTP/1.1\r\n\r\n')
  t.equal(Buffer.from(received).toString(), RESPONSE)
  await waitUntilClosed(open)
})

t.test('reports a timeout if the server sends nothing', async t => {
  const { target, open } = await serveSockets(t, () => {})
  for (const steps of [[request], [{ responses: 1 }], [{ bytes: true, within: 10_000 }], [{ pause: 10_000 }]] as Step[][]) {
    t.match(await exchangeHttp1(target, steps, 50), { end: 'timeout', responses: [], connectError: undefined })
  }
  await waitUntilClosed(open)
})

t.test('waits for a step for at most its given time', async t => {
  const { target } = await serveSockets(t, socket => { socket.on('end', () => { socket.end(RESPONSE) }) })
  t.match(await exchangeHttp1(target, [request, { responses: 1, within: 10 }, { bytes: true, within: 10 }, { end: true }]), { end: 'closed', responses: [{ statusCode: 200 }] })
})

t.test('skips the remaining steps after the connection has ended', async t => {
  const { target } = await serveSockets(t, socket => { socket.end(RESPONSE) })
  const { end, sent } = await exchangeHttp1(target, [{ responses: 2 }, request])
  t.equal(end, 'closed')
  t.equal(sent.length, 0)
})

t.test('distinguishes a reset from a close', async t => {
  const { target } = await serveSockets(t, socket => { socket.on('data', () => { socket.resetAndDestroy() }) })
  t.match(await exchangeHttp1(target, [request]), { end: 'reset', responses: [], connectError: undefined })
})

t.test('does not write after closing its side of the connection', async t => {
  const { target } = await serveSockets(t, () => {})
  t.match(await exchangeHttp1(target, [{ end: true }, request], 50), { end: 'closed', requestCount: 1 })
})

t.test('stops reading an endless response after 16 MiB', async t => {
  const { target, open } = await serveSockets(t, socket => {
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
  await waitUntilClosed(open)
})

t.test('reports an error if no connection is established in time', async t => {
  // The server never responds to the TLS handshake.
  const { target, open } = await serveSockets(t, () => {})
  const secure = { ...target, scheme: 'https' as const, timeout: 50 }
  t.match(await exchangeHttp1(secure, [request]), { end: 'timeout', connectError: { message: 'no connection within 50 ms' } })
  await waitUntilClosed(open)
})

t.test('closes a connection after the last byte of the request', async t => {
  const received: string[] = []
  const { target, open } = await serveSockets(t, socket => {
    socket.on('data', chunk => { received.push(String(chunk)) })
    socket.on('end', () => { socket.end() })
  })
  t.match(await exchangeHttp1(target, [request, { cut: true }]), { end: 'left', responses: [], requestCount: 1 })
  await waitUntilClosed(open)
  t.strictSame(received, ['GET / HTTP/1.1\r\n\r\n'])
  target.port = 1
  t.match(await exchangeHttp1(target, [request, { cut: true }]), { responses: [], connectError: { code: 'ECONNREFUSED' } })
})
