import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, createServer as createSocketServer, type AddressInfo, type Socket } from 'node:net'
import tls from 'node:tls'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { serverOptions } from '../../index.js'
import { closeLingering, destroyLater, enableLingeringClose, MAX_LINGERING_CONNECTIONS } from '../../lib/linger.js'
import { cert, key } from '../fixtures/certificate.js'

/** Starts a server that sends 503 at once and closes the connection, and returns a client and the requested URLs. */
async function exchange (t: Test, prepare: (socket: Socket) => void, allowHalfOpen = false) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url!)
    prepare(request.socket)
    response.writeHead(503, { connection: 'close', 'content-length': 0 }).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close().closeAllConnections() })
  const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen }).setEncoding('latin1')
  t.teardown(() => socket.destroy())
  let error: NodeJS.ErrnoException | undefined
  let received = ''
  socket.on('error', thrown => { error = thrown })
  socket.on('data', data => { received += data })
  return { asked, socket, server, received: () => received, error: () => error }
}

const HEAD = 'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n'
const turn = () => new Promise(resolve => setTimeout(resolve, 20))

/** Sends all of a body, without waiting for the response. */
async function upload (socket: Socket) {
  socket.write(HEAD)
  for (let i = 0; i < 4 && socket.writable; i++) {
    socket.write('x'.repeat(1_000_000))
    await turn()
  }
}

t.test('enableLingeringClose does not reset a client that still sends', async t => {
  const { socket, received, error } = await exchange(t, enableLingeringClose, true)
  const ended = once(socket, 'end')
  await upload(socket)
  await ended
  t.match(received(), /^HTTP\/1\.1 503 [^]*\r\n\r\n$/)
  t.equal(socket.writable, true, 'the client can still write')
  t.equal(error(), undefined)
  const closed = once(socket, 'close')
  socket.end()
  await closed
  t.equal(error(), undefined)
})

t.test('without enableLingeringClose, a client that still sends is reset', async t => {
  const { socket, error } = await exchange(t, () => {}, true)
  const closed = once(socket, 'close').catch(() => {})
  await upload(socket)
  socket.end()
  await closed
  t.match(error(), { code: /^(ECONNRESET|EPIPE)$/ })
})

t.test('ignores requests after the response that ends the connection', async t => {
  const { asked, socket, received, error } = await exchange(t, enableLingeringClose, true)
  socket.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'end')
  socket.write('GET /2 HTTP/1.1\r\nHost: a\r\n\r\n')
  await turn()
  socket.end('GET /3 HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'close')
  t.strictSame(asked, ['/1'])
  t.equal(received().split('HTTP/1.1').length, 2)
  t.equal(error(), undefined)
})

t.test('closes the connection after a while if the client does not close its side', async t => {
  const { socket, server } = await exchange(t, enableLingeringClose, true)
  socket.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'end')
  const count = () => new Promise(resolve => server.getConnections((_error, count) => resolve(count)))
  t.equal(await count(), 1)
  while (await count() !== 0) await turn()
})

t.test('closeLingering ignores a connection that is already closed', async t => {
  const { socket } = await exchange(t, () => {})
  closeLingering(socket)
  t.equal(socket.writableEnded, true)
  closeLingering(socket)
  t.equal(socket.listenerCount('close'), 1)
  socket.destroy()
  closeLingering(socket)
  t.equal(socket.listenerCount('close'), 1)
})

/** The number of clients beyond the limit of lingering connections. */
const EXTRA_CLIENTS = 40

t.test('closes the oldest lingering connections beyond the limit', async t => {
  const server = createSocketServer({ allowHalfOpen: true })
  const sockets: Socket[] = []
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const all = new Promise<void>(resolve => {
    server.on('connection', socket => {
      sockets.push(socket)
      socket.on('error', () => {})
      t.teardown(() => socket.destroy())
      if (sockets.length === MAX_LINGERING_CONNECTIONS + EXTRA_CLIENTS) resolve()
    })
  })
  for (let i = 0; i < MAX_LINGERING_CONNECTIONS + EXTRA_CLIENTS; i++) {
    const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {}).resume()
    t.teardown(() => client.destroy())
  }
  await all

  const [first, second, third] = sockets as [Socket, Socket, Socket]
  for (const [index, socket] of sockets.slice(0, MAX_LINGERING_CONNECTIONS).entries()) index % 2 === 0 ? closeLingering(socket) : destroyLater(socket)
  t.notOk(sockets.some(({ destroyed }) => destroyed), 'none is closed up to the limit')
  destroyLater(first)
  t.notOk(first.destroyed, 'does not count a lingering connection twice')

  closeLingering(sockets[MAX_LINGERING_CONNECTIONS]!)
  t.strictSame([first.destroyed, second.destroyed], [true, false])
  destroyLater(sockets[MAX_LINGERING_CONNECTIONS + 1]!)
  t.strictSame([second.destroyed, third.destroyed], [true, false])
  destroyLater(first)
  t.notOk(third.destroyed, 'does not count a closed connection')

  const closed = once(sockets[MAX_LINGERING_CONNECTIONS - 1]!, 'close')
  sockets[MAX_LINGERING_CONNECTIONS - 1]!.destroy()
  await closed
  closeLingering(sockets[MAX_LINGERING_CONNECTIONS + 2]!)
  t.notOk(third.destroyed, 'stops counting a connection that has closed')
  for (const socket of sockets.slice(MAX_LINGERING_CONNECTIONS + 3)) closeLingering(socket)
  t.equal(sockets.filter(({ destroyed }) => !destroyed).length, MAX_LINGERING_CONNECTIONS)
})

for (const secure of [false, true]) {
  t.test(`responds to malformed requests of many clients that stay connected, over ${secure ? 'TLS' : 'TCP'}`, async t => {
    const app: FastifyInstance = secure ? Fastify(serverOptions({ https: { cert, key } })) as unknown as FastifyInstance : Fastify(serverOptions())
    t.teardown(() => app.close())
    const sockets: Socket[] = []
    app.server.on(secure ? 'secureConnection' : 'connection', socket => sockets.push(socket))
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo

    const answered = Array.from({ length: MAX_LINGERING_CONNECTIONS + EXTRA_CLIENTS }, async () => {
      const options = { port, host: '127.0.0.1', allowHalfOpen: true }
      const client = secure ? tls.connect({ ...options, rejectUnauthorized: false }) : connect(options)
      t.teardown(() => client.destroy())
      client.on('error', () => {})
      client.write('nonsense\r\n\r\n')
      const [data] = await once(client.setEncoding('latin1'), 'data')
      return data.slice(0, 12)
    })
    t.strictSame(new Set(await Promise.all(answered)), new Set(['HTTP/1.1 400']), 'each client gets a response')
    const open = sockets.filter(({ destroyed }) => !destroyed).length
    t.ok(open <= MAX_LINGERING_CONNECTIONS, `${open} are open`)
  })
}
