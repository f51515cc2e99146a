import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import drain from '../../../plugins/app/drain.js'

t.test('sends the response of a request in flight while the service closes, and then closes the connection', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(drain)
  let answer = () => {}
  app.get('/slow', async () => { await new Promise<void>(resolve => { answer = resolve }) })
  app.addHook('preClose', async () => answer())
  app.get('/quick', async () => 'done')
  await app.listen()

  const socket = connect((app.server.address() as AddressInfo).port, 'localhost').setEncoding('latin1')
  const send = (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)

  send('/quick')
  t.match(await once(socket, 'data'), [/^connection: keep-alive\r$/im])

  send('/slow')
  await once(app.server, 'request')
  const closed = app.close()
  t.match(await once(socket, 'data'), [/^connection: close\r$/im])
  await once(socket, 'end')
  await closed
})

/** Starts a service on loopback, and returns clients that keep their side open until the service has closed its own. */
async function open (t: Test) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(drain)
  app.get('/', async () => 'done')
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo

  const client = () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).setEncoding('latin1')
    t.teardown(() => socket.destroy())
    let received = ''
    let error: Error | undefined
    socket.on('data', data => { received += data })
    socket.on('error', thrown => { error = thrown })
    const ended = once(socket, 'end').catch(() => {})
    return {
      socket,
      ended,
      ask: () => { socket.write(REQUEST) },
      answered: () => once(socket, 'data'),
      /** Waits for the end of the connection, and returns all that the client received. */
      async end () {
        await ended
        const closed = once(socket, 'close')
        socket.end()
        await closed
        t.equal(error, undefined, 'ends without a reset')
        return received
      }
    }
  }
  return { app, client }
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const REFUSED = /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*^connection: close\r$/im

t.test('sends 503 on an idle connection for a short time, and then closes it without a reset', async t => {
  const { app, client } = await open(t)
  const clients = [client(), client()]
  for (const { ask, answered } of clients) {
    ask()
    await answered()
  }
  const closing = app.close()
  const [asks, rests] = clients as [typeof clients[0], typeof clients[0]]
  await new Promise(resolve => setTimeout(resolve, 50))
  asks.ask()
  t.match((await asks.end()).split('done')[1], REFUSED)

  await rests.ended
  rests.ask()
  await new Promise(resolve => setTimeout(resolve, 20))
  t.match(await rests.end(), /done$/, 'sends no response to a request that arrives too late')
  await closing
})

t.test('closes a connection without a request', async t => {
  const { app, client } = await open(t)
  const { end } = client()
  await once(app.server, 'connection')
  const closing = app.close()
  t.equal(await end(), '')
  await closing
})

t.test('sends a response to a request that is on its way', async t => {
  const { app, client } = await open(t)
  const { socket, end } = client()
  await once(app.server, 'connection')
  const closing = app.close()
  for (const byte of REQUEST) {
    socket.write(byte)
    await new Promise(resolve => setTimeout(resolve, 40))
  }
  t.match(await end(), REFUSED)
  await closing
})

t.test('sends a response on connections that were not accepted yet', async t => {
  const { app, client } = await open(t)
  const clients = Array.from({ length: 50 }, client)
  await Promise.all(clients.map(({ socket }) => once(socket, 'connect')))
  const closing = app.close()
  for (const { ask } of clients) ask()
  for (const answer of await Promise.all(clients.map(({ end }) => end()))) t.match(answer, /^HTTP\/1\.1 (200|503) [^]*^connection: close\r$/im)
  await closing
})

/** Starts a service with slow routes, and a client that sends these bytes. Returns both after the request has arrived. */
async function begin (t: Test, bytes: string | Buffer) {
  const app = Fastify({ bodyLimit: 10_000_000 })
  t.teardown(() => app.close())
  await app.register(drain)
  let begun = () => {}
  const running = new Promise<void>(resolve => { begun = resolve })
  const rest = () => new Promise(resolve => setTimeout(resolve, 1_500))
  app.addHook('onRequest', async () => begun())
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload))
  app.get('/large', async () => Buffer.alloc(LARGE))
  app.get('/slow', async () => {
    await rest()
    return 'done'
  })
  app.post('/parsed', async () => 'done')
  app.post('/streamed', async request => {
    await rest()
    let length = 0
    for await (const chunk of request.body as AsyncIterable<Buffer>) length += chunk.length
    return { length }
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect({ port: (app.server.address() as AddressInfo).port, host: '127.0.0.1' }).on('error', () => {})
  t.teardown(() => socket.destroy())
  socket.write(bytes)
  await running
  return { app, socket }
}

// More than fits into the buffers of both sides.
const LARGE = 16_000_000

t.test('does not wait for a client that does not read its response', async t => {
  const { app, socket } = await begin(t, 'GET /large HTTP/1.1\r\nHost: a\r\n\r\n')
  await app.close()
  const closed = new Promise(resolve => socket.once('close', resolve))
  let received = 0
  socket.on('data', data => { received += data.length })
  await closed
  t.ok(received < LARGE, 'has cut the response')
})

t.test('waits for a client that reads its response slowly', async t => {
  const { app, socket } = await begin(t, 'GET /large HTTP/1.1\r\nHost: a\r\n\r\n')
  const closing = app.close()
  const ended = once(socket, 'end')
  let received = 0
  let sip = 0
  socket.on('data', data => {
    received += data.length
    sip += data.length
    if (sip < 2_500_000) return
    sip = 0
    socket.pause()
    setTimeout(() => socket.resume(), 400)
  })
  await ended
  await closing
  t.ok(received > LARGE, 'has sent the whole response')
})

t.test('does not wait for a client that does not send the rest of its request', async t => {
  const { app } = await begin(t, 'POST /parsed HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n1')
  await app.close()
  t.pass('it closed')
})

t.test('waits for a handler that has not finished', async t => {
  const head = `POST /streamed HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: ${1_000_000}\r\n\r\n`
  for (const [bytes, answer] of [
    ['GET /slow HTTP/1.1\r\nHost: a\r\n\r\n', 'done'],
    [Buffer.concat([Buffer.from(head), Buffer.alloc(1_000_000)]), '{"length":1000000}']
  ] as const) {
    const { app, socket } = await begin(t, bytes)
    const closing = app.close()
    let received = ''
    for await (const data of socket) received += data
    t.equal(received.split('\r\n\r\n')[1], answer)
    await closing
  }
})
