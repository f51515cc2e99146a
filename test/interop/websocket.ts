import { once } from 'node:events'
import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { testWithPlugin, assertError, type RunningService } from '../fixtures/test-with-plugin.js'
import { connect, exchange, assertErrorResponse } from '../fixtures/wire.js'

const HEAD = 'Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
const UPGRADE = `${HEAD}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`

const routes = (app: FastifyInstance) => {
  app.get('/', async () => 'ok')
  app.get('/echo', { websocket: true }, socket => {
    socket.on('message', data => { socket.send(`echo ${String(data)}`) })
  })
  app.get('/thrown', { websocket: true }, () => { throw new Error('a secret') })
  app.get('/rejected', { websocket: true }, async () => { throw new Error('a secret') })
  app.get('/refused', { websocket: true, onRequest: async (_request, reply) => reply.unauthorized('No signature') }, () => {})
  app.get('/hook', { websocket: true, preHandler: async () => { throw new Error('a secret') } }, () => {})
  app.get('/validated', { websocket: true, schema: { querystring: { type: 'object', required: ['key'] } } }, () => {})
  app.route({
    method: 'GET',
    url: '/both',
    handler: (_request, reply) => reply.forbidden('Not by HTTP'),
    wsHandler: socket => { socket.close(1000, 'by WebSocket') }
  })
}

/** Returns the response that rejects the upgrade of a WebSocket client. */
async function refusal (port: number, path: string): Promise<{ statusCode?: number, statusMessage?: string, reason: unknown }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
  const [, response] = await once(socket, 'unexpected-response')
  response.resume()
  socket.on('error', () => {})
  socket.terminate()
  return { statusCode: response.statusCode, statusMessage: response.statusMessage, reason: response.headers['eb-reason-phrase'] }
}

/** Opens a WebSocket. Returns the code and the reason with which the server closes it. */
async function closed (port: number, path: string): Promise<[code: number, reason: string]> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
  const [[code, reason]] = await Promise.all([once(socket, 'close'), once(socket, 'open')])
  return [code, String(reason)]
}

const onSocket = (t: Test, verify: (t: Test, port: number, interop: RunningService) => Promise<void>) => {
  testWithPlugin(t, { plugin: app => app.register(websocket), routes, transports: ['socket'] }, (t, given) => verify(t, given.port!, given))
}

t.test('@fastify/websocket: accepts an upgrade without the header', async t => {
  onSocket(t, async (t, port) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/echo`)
    await once(socket, 'open')
    socket.send('a')
    t.equal(String((await once(socket, 'message'))[0]), 'echo a')
    socket.close()
    await once(socket, 'close')

    const connection = connect(port)
    connection.write(`GET /echo HTTP/1.1\r\n${UPGRADE}`)
    await once(connection.socket, 'data')
    t.match(connection.received(), /^HTTP\/1\.1 101 Switching Protocols\r\n/)
    t.notMatch(connection.received(), /EB-REASON-PHRASE/i)
    connection.destroy()

    t.strictSame(await closed(port, '/both'), [1000, 'by WebSocket'])
  })
})

t.test('@fastify/websocket: closes the WebSocket for an error after the upgrade', async t => {
  onSocket(t, async (t, port) => {
    for (const path of ['/thrown', '/rejected']) t.strictSame(await closed(port, path), [1006, ''])
    t.strictSame(await closed(port, '/'), [1005, ''], 'closes the WebSocket on a route without a WebSocket handler')
  })
})

t.test('@fastify/websocket: keeps the contract for a rejected upgrade', async t => {
  onSocket(t, async (t, port) => {
    const refusals: Array<[path: string, statusCode: number, reason: string]> = [
      ['/refused', 401, 'No signature'],
      ['/hook', 500, 'Internal Server Error'],
      ['/validated', 400, 'querystring must have required property \'key\''],
      ['/none', 404, 'Route GET:/none not found']
    ]
    for (const [path, statusCode, reason] of refusals) {
      t.strictSame(await refusal(port, path), { statusCode, statusMessage: reason, reason })
      assertErrorResponse(t, await exchange(port, `GET ${path} HTTP/1.1\r\n${UPGRADE}`), statusCode, reason)
    }
  })
})

t.test('@fastify/websocket: sends 400 for a malformed handshake', async t => {
  onSocket(t, async (t, port) => {
    assertErrorResponse(t, await exchange(port, `GET /echo HTTP/1.1\r\n${HEAD}\r\n`), 400, 'Missing or invalid Sec-WebSocket-Key header')
    assertErrorResponse(t, await exchange(port, `GET /echo HTTP/1.1\r\n${UPGRADE.replace('13', '12')}`), 400, 'Missing or invalid Sec-WebSocket-Version header')
  })
})

t.test('@fastify/websocket: keeps the contract for requests without an upgrade', async t => {
  testWithPlugin(t, { plugin: app => app.register(websocket), routes }, async (t, { request }) => {
    t.equal((await request('/')).body, 'ok')
    assertError(t, await request('/echo'), 404, 'Not Found')
    assertError(t, await request({ method: 'HEAD', url: '/echo' }), 404, 'Not Found')
    assertError(t, await request('/refused'), 401, 'No signature')
    assertError(t, await request('/both'), 403, 'Not by HTTP')
  })
})
