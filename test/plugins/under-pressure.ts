import { setTimeout as sleep } from 'node:timers/promises'
import underPressure from '@fastify/under-pressure'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase from '../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../plugins/reason-phrase/server-options.js'
import { exchange, assertErrorResponse, listen, valuesOf } from '../fixtures/wire.js'

/** Creates a server with a route that blocks the event loop. */
async function open (t: Test, options: object = {}) {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  await app.register(underPressure, { maxEventLoopDelay: 50, sampleInterval: 100, retryAfter: 7, ...options })
  app.get('/', async () => 'ok')
  app.get('/block', async () => {
    const end = performance.now() + 300
    while (performance.now() < end);
    return 'ok'
  })
  const port = await listen(t, app)
  const get = (url: string) => exchange(port, `GET ${url} HTTP/1.1\r\nHost: a\r\n\r\n`)

  /** Blocks the event loop until the plugin rejects a request, and returns that response. */
  async function waitForPressure () {
    while (true) {
      await get('/block')
      const response = await get('/')
      if (response.statusCode !== 200) return response
    }
  }

  /** Sends requests until one succeeds, and returns its response. On a busy machine, the plugin rejects requests without a block. */
  async function waitForSuccess () {
    while (true) {
      const response = await get('/')
      if (response.statusCode === 200) return response
      await sleep(20)
    }
  }
  return { waitForPressure, waitForSuccess }
}

t.test('sends 503 with Retry-After while the event loop is busy', async t => {
  const { waitForPressure, waitForSuccess } = await open(t)
  t.equal((await waitForSuccess()).body, 'ok')
  const response = await waitForPressure()
  assertErrorResponse(t, response, 503)
  t.strictSame(valuesOf(response, 'retry-after'), ['7'])
  t.equal((await waitForSuccess()).body, 'ok', 'the load is over')
})

t.test('sends the message of @fastify/under-pressure only if its error is exposed', async t => {
  class Busy extends Error {
    statusCode = 503
    expose = true
    override message = 'Too busy, try again soon'
  }
  const said = await open(t, { customError: Busy })
  assertErrorResponse(t, await said.waitForPressure(), 503, 'Too busy, try again soon')
  const unsaid = await open(t, { message: 'Too busy, try again soon' })
  assertErrorResponse(t, await unsaid.waitForPressure(), 503)
})

t.test('sends 503 from the status route with errorSchemas: ignore', async t => {
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  await app.register(reasonPhrase, { errorSchemas: 'ignore' })
  await app.register(underPressure, { exposeStatusRoute: '/status', healthCheck: async () => false, healthCheckInterval: 1000, retryAfter: 7 })
  const { statusCode, headers, body } = await app.inject('/status')
  t.strictSame([statusCode, headers['retry-after'], headers['eb-reason-phrase'], body], [503, '7', 'Service Unavailable', ''])
})
