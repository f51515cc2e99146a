import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t from 'tap'
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
