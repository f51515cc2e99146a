import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import proxy from '@fastify/http-proxy'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { closedPort } from '../fixtures/database.js'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'
import { assertCutResponse, UPSTREAM_ERRORS, startUpstream } from '../fixtures/upstream.js'
import { exchange, assertErrorResponse, valuesOf, type WireResponse } from '../fixtures/wire.js'

const UPGRADE = 'Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'

const plugin = (base: string, options: object = {}) => (app: FastifyInstance) =>
  app.register(proxy, { upstream: base, undici: { headersTimeout: 200 }, ...options })

const routes = () => {}

t.test('@fastify/http-proxy: makes the errors of an upstream keep the contract', async t => {
  testWithPlugin(t, { plugin: plugin(await startUpstream(t)), routes }, async (t, { request }) => {
    t.match(await request('/good'), { statusCode: 200, phrase: 'OK', body: '{"ok":true}', headers: { 'content-type': 'application/json' } })
    t.match((await request('/gzip/good')).headers, { 'content-encoding': 'gzip' })

    for (const [path, statusCode, reason] of UPSTREAM_ERRORS) assertError(t, await request(path), statusCode, reason)
    assertError(t, await request({ method: 'POST', url: '/json', headers: { 'content-type': 'application/json' }, body: '{"a":1}' }), 400, 'It is taken')
    assertError(t, await request('/silent'), 500, 'Internal Server Error')
    assertError(t, await request('/reset'), 500, 'Internal Server Error')
  })
})

t.test('@fastify/http-proxy: sends 502 and 504 if they are in statusCodes', async t => {
  const reasonPhrase = { statusCodes: { 502: 'Bad Gateway', 504: 'Gateway Timeout' } }
  testWithPlugin(t, { plugin: plugin(await startUpstream(t)), routes, reasonPhrase }, async (t, { request }) => {
    assertError(t, await request('/bad-gateway'), 502, 'Bad Gateway')
    assertError(t, await request('/silent'), 504, 'Gateway Timeout')
  })
})

t.test('@fastify/http-proxy: truncates a response that the upstream truncates', async t => {
  testWithPlugin(t, { plugin: plugin(await startUpstream(t)), routes }, assertCutResponse)
})

t.test('@fastify/http-proxy: sends 500 if the upstream is down', async t => {
  testWithPlugin(t, { plugin: plugin(`http://127.0.0.1:${await closedPort()}`), routes }, async (t, { request }) => {
    assertError(t, await request('/good'), 500, 'Internal Server Error')
  })
})

t.test('@fastify/http-proxy: proxies a WebSocket, and keeps the contract for upgrades without a route', async t => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  server.on('connection', socket => { socket.on('message', data => { socket.send(`echo ${String(data)}`) }) })
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  testWithPlugin(t, { plugin: plugin(base, { websocket: true, prefix: '/proxied' }), routes, transports: ['socket'] }, async (t, { port }) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/proxied/`)
    await once(socket, 'open')
    socket.send('a')
    t.equal(String((await once(socket, 'message'))[0]), 'echo a')
    socket.close()

    assertErrorResponse(t, await exchange(port!, `GET /other HTTP/1.1\r\n${UPGRADE}`), 404, 'Route GET:/other not found')
    assertErrorResponse(t, await exchange(port!, `GET /%zz HTTP/1.1\r\n${UPGRADE}`), 400, '\'/%zz\' is not a valid url component')
  })
})

t.test('@fastify/http-proxy: sends 503 with Retry-After for an upgrade while the service closes', async t => {
  let answer: WireResponse
  const routes = (app: FastifyInstance) => {
    app.addHook('preClose', async () => {
      answer = await exchange((app.server.address() as AddressInfo).port, `GET / HTTP/1.1\r\n${UPGRADE}`)
    })
  }
  testWithPlugin(t, { plugin: plugin(`http://127.0.0.1:${await closedPort()}`, { websocket: true }), routes, transports: ['socket'] }, async (t, { app }) => {
    await app.close()
    assertErrorResponse(t, answer, 503)
    t.strictSame(valuesOf(answer, 'retry-after'), ['5'])
  })
})
