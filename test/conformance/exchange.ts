import { createServer, type AddressInfo, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { exchange, type Step } from '../../conformance/exchange.js'
import { exchangeHttp2, speaksHttp2 } from '../../conformance/exchange-http2.js'
import type { Target } from '../../conformance/target.js'
import { Contract } from '../../lib/contract.js'
import { conformingHttp2 } from '../fixtures/conforming.js'

/** A server that does with a connection what it is told, and knows those that are open. */
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

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const request: Step = { send: Buffer.from('GET / HTTP/1.1\r\n\r\n'), method: 'GET' }

/** Until the server has seen the end of its connections. */
async function closed (open: Set<Socket>): Promise<void> {
  while (open.size > 0) await new Promise(resolve => setTimeout(resolve, 5))
}

t.test('It leaves once the answers are there, and leaves nothing open', async t => {
  const { target, open } = await server(t, socket => { socket.on('data', () => { socket.write(ANSWER) }) })
  const { end, answers, sent, received, requests } = await exchange(target, [request])
  t.equal(end, 'left')
  t.equal(requests, 1)
  t.match(answers, [{ statusCode: 200 }])
  t.equal(Buffer.from(sent).toString(), 'GET / HTTP/1.1\r\n\r\n')
  t.equal(Buffer.from(received).toString(), ANSWER)
  await closed(open)
})

t.test('Time is up where nothing comes', async t => {
  const { target, open } = await server(t, () => {})
  for (const steps of [[request], [{ answers: 1 }], [{ bytes: true, within: 10_000 }], [{ pause: 10_000 }]] as Step[][]) {
    t.match(await exchange(target, steps, 50), { end: 'timeout', answers: [], refused: undefined })
  }
  await closed(open)
})

t.test('A step waits for no longer than it is told', async t => {
  const { target } = await server(t, socket => { socket.on('end', () => { socket.end(ANSWER) }) })
  t.match(await exchange(target, [request, { answers: 1, within: 10 }, { bytes: true, within: 10 }, { end: true }]), { end: 'closed', answers: [{ statusCode: 200 }] })
})

t.test('No step is taken once the connection has ended', async t => {
  const { target } = await server(t, socket => { socket.end(ANSWER) })
  const { end, sent } = await exchange(target, [{ answers: 2 }, request])
  t.equal(end, 'closed')
  t.equal(sent.length, 0)
})

t.test('A reset is told from an end', async t => {
  const { target } = await server(t, socket => { socket.on('data', () => { socket.resetAndDestroy() }) })
  t.match(await exchange(target, [request]), { end: 'reset', answers: [], refused: undefined })
})

t.test('What cannot be written is not', async t => {
  const { target } = await server(t, () => {})
  t.match(await exchange(target, [{ end: true }, request], 50), { end: 'closed', requests: 1 })
})

t.test('An answer without end is not read forever', async t => {
  const { target, open } = await server(t, socket => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n')
    const chunk = Buffer.alloc(1024 * 1024)
    const more = (): void => { while (socket.writable && socket.write(chunk)); }
    socket.on('drain', more)
    more()
  })
  const { received, receivedLength, failure, end } = await exchange(target, [request])
  t.ok(receivedLength > 16 * 1024 * 1024 && receivedLength < 17 * 1024 * 1024, `${receivedLength} bytes`)
  t.equal(received.length, 64 * 1024, 'and only its start is kept')
  t.match(failure, { truncated: true, statusCode: 200 })
  t.equal(failure!.answer!.body.length, 1024 * 1024)
  t.equal(end, 'limit')
  await closed(open)
})

t.test('A connection that is never there', async t => {
  // The handshake of TLS is never answered.
  const { target, open } = await server(t, () => {})
  const secure = { ...target, scheme: 'https' as const, timeout: 50 }
  t.match(await exchange(secure, [request]), { end: 'timeout', refused: { message: 'no connection within 50 ms' } })
  t.match(await exchangeHttp2(secure, [{ headers: { ':path': '/' } }]), { end: 'timeout', refused: { message: 'no connection within 50 ms' } })
  await closed(open)
})

t.test('What does not speak HTTP/2', async t => {
  for (const serve of [
    (socket: Socket) => { socket.end(ANSWER) },
    (socket: Socket) => { socket.end() },
    () => {}
  ]) {
    const { target, open } = await server(t, serve)
    t.equal(await speaksHttp2(target), false)
    await closed(open)
  }
})

t.test('HTTP/2 as a text', async t => {
  const target = await conformingHttp2(t)
  const { sent, received, end } = await exchangeHttp2(target, [{ headers: { ':method': 'POST', ':path': '/', a: 'b' }, body: Buffer.from('body') }])
  t.equal(end, 'left')
  t.equal(Buffer.from(sent).toString(), ':method: POST\n:path: /\na: b\n\nbody')
  t.match(Buffer.from(received).toString(), /^:status: 200\ndate: .*\n\n\{\}$/)
})

t.test('1xx in HTTP/2', async t => {
  const target = await conformingHttp2(t, () => {}, stream => { stream.additionalHeaders({ ':status': 103, 'set-cookie': ['a', 'b'] }) })
  const { answers } = await exchangeHttp2(target, [{ headers: { ':method': 'GET', ':path': '/' } }])
  t.match(answers, [{ statusCode: 200, interim: [{ statusCode: 103, fields: [['set-cookie', 'a'], ['set-cookie', 'b']] }] }])
})

t.test('A connection of HTTP/2 that ends', async t => {
  const target = await conformingHttp2(t, () => {}, stream => { stream.session!.destroy() })
  const ask = { headers: { ':method': 'GET', ':path': '/' } }
  t.match(await exchangeHttp2(target, [ask, { ...ask, after: true }]), { answers: [], requests: 2, end: 'closed' })
  // SETTINGS, and then nothing more.
  const { target: reset } = await server(t, socket => {
    socket.write(Buffer.from('000000040000000000', 'hex'))
    setTimeout(() => { socket.resetAndDestroy() }, 50)
  })
  t.match(await exchangeHttp2(reset, [ask]), { answers: [], end: 'reset' })
  const silent = await conformingHttp2(t, () => {}, () => false)
  t.match(await exchangeHttp2(silent, [ask], 50), { answers: [], end: 'timeout' })
})
