import { EventEmitter } from 'node:events'
import { ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import Fastify from 'fastify'
import fp from 'fastify-plugin'
import t, { type Test } from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { logTo } from '../../fixtures/log.js'
import { connect, exchange, assertErrorResponse, listen, valuesOf, type WireResponse } from '../../fixtures/wire.js'

const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n'

/** Creates a service that routes upgrades as the WebSocket plugins do, or rejects each handshake as `ws` does. */
async function service (t: Test, upgrade: 'routed' | 'refused', listens = false) {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines) }))
  await app.register(reasonPhrase)
  const websocketServer = new EventEmitter()
  await app.register(fp(async app => { app.decorate('websocketServer', websocketServer as never) }))
  if (listens) websocketServer.on('wsClientError', (_error, socket: Socket) => { socket.end('HTTP/1.1 400 Its own\r\n\r\n') })
  app.server.on('upgrade', (request, socket: Socket) => {
    if (upgrade === 'refused') {
      websocketServer.emit('wsClientError', new Error('Missing or invalid Sec-WebSocket-Key header'), socket, request)
      return
    }
    const response = new ServerResponse(request)
    response.assignSocket(socket)
    response.on('finish', () => { socket.end() })
    app.routing(request, response)
  })
  app.get('/', async () => 'ok')
  const late: { response?: WireResponse } = {}
  app.addHook('preClose', async () => { late.response = await exchange((app.server.address() as AddressInfo).port, UPGRADE) })
  return { app, late, lines, port: await listen(t, app) }
}

t.test('sends 400 for a malformed WebSocket handshake, and logs the reason once', async t => {
  const { port, lines } = await service(t, 'refused')
  lines.length = 0
  assertErrorResponse(t, await exchange(port, UPGRADE), 400, 'Missing or invalid Sec-WebSocket-Key header')
  t.match(lines, [{ level: 30, statusCode: 400, msg: 'Missing or invalid Sec-WebSocket-Key header' }])
  t.equal(lines.length, 1)
})

t.test('sends nothing for a malformed handshake if the service has its own wsClientError listener', async t => {
  const { port } = await service(t, 'refused', true)
  const connection = connect(port)
  connection.write(UPGRADE)
  t.match(await connection.closed(), /^HTTP\/1\.1 400 Its own/)
})

t.test('sends 503 with Retry-After for an upgrade while the service closes', async t => {
  const { app, late, port } = await service(t, 'routed')
  t.match(await exchange(port, UPGRADE), { statusCode: 200, body: 'ok' })
  await app.close()
  assertErrorResponse(t, late.response!, 503)
  t.strictSame(valuesOf(late.response!, 'retry-after'), ['5'])
})
