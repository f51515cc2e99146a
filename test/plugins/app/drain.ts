import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import drain from '../../../plugins/app/drain.js'

t.test('A request in flight is answered when the service closes, and its connection ends', async t => {
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

/** A service on loopback, and clients that keep their side open until the service has closed its own. */
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
      /** What came of it: all that it received, and no error. */
      async end () {
        await ended
        const closed = once(socket, 'close')
        socket.end()
        await closed
        t.equal(error, undefined, 'no reset')
        return received
      }
    }
  }
  return { app, client }
}

const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const REFUSED = /^HTTP\/1\.1 503 Service Unavailable\r\n[^]*^connection: close\r$/im

t.test('An idle connection is answered for a while, and then it ends, and is not reset', async t => {
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
  t.match(await rests.end(), /done$/, 'too late for an answer')
  await closing
})

t.test('One that was never used ends, too', async t => {
  const { app, client } = await open(t)
  const { end } = client()
  await once(app.server, 'connection')
  const closing = app.close()
  t.equal(await end(), '')
  await closing
})

t.test('A request that is on its way is waited for', async t => {
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

t.test('Connections that are still to be accepted are', async t => {
  const { app, client } = await open(t)
  const clients = Array.from({ length: 50 }, client)
  await Promise.all(clients.map(({ socket }) => once(socket, 'connect')))
  const closing = app.close()
  for (const { ask } of clients) ask()
  for (const answer of await Promise.all(clients.map(({ end }) => end()))) t.match(answer, /^HTTP\/1\.1 (200|503) [^]*^connection: close\r$/im)
  await closing
})
