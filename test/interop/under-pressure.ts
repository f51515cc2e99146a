import underPressure, { type FastifyUnderPressureOptions } from '@fastify/under-pressure'
import type { FastifyInstance, FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import { testWithPlugin, assertError, type ReceivedResponse, type RunningService } from '../fixtures/test-with-plugin.js'

const plugin = (options: FastifyUnderPressureOptions) => (app: FastifyInstance) =>
  app.register(underPressure, { retryAfter: 7, ...options })

const routes = (app: FastifyInstance) => {
  const handled = (url: string, pressureHandler: (request: unknown, reply: FastifyReply, type: string) => unknown) =>
    app.get(url, { config: { pressureHandler } as object }, async () => 'ok')
  app.get('/', async () => 'ok')
  handled('/calm', () => {})
  handled('/sent', (_request, reply, type) => reply.code(503).send({ message: `Too much: ${type}` }))
  handled('/thrown', async () => { throw new Error('It is a secret') })
}

/** Waits until the plugin has measured the memory for the first time. Returns the response to the next request. */
async function waitForPressure (t: Test, { app, request }: RunningService): Promise<ReceivedResponse> {
  await app.ready()
  while (app.memoryUsage().heapUsed === 0) await new Promise(resolve => setImmediate(resolve))
  const refusal = await request('/')
  t.equal(refusal.headers['retry-after'], '7')
  return refusal
}

t.test('@fastify/under-pressure: sends 503 with Retry-After, and without its message', async t => {
  testWithPlugin(t, { plugin: plugin({ maxHeapUsedBytes: 1, sampleInterval: 10 }), routes }, async (t, served) => {
    const { request } = served
    assertError(t, await waitForPressure(t, served), 503, /^Service Unavailable$/)
    t.match(await request('/calm'), { statusCode: 200, body: 'ok' })
    assertError(t, await request('/none'), 503, /^Service Unavailable$/)
    assertError(t, await request('/sent'), 503, 'Too much: heapUsedBytes')
    assertError(t, await request('/thrown'), 500, /^Internal Server Error$/)
  })
})

t.test('@fastify/under-pressure: sends the message of an exposed error', async t => {
  class Busy extends Error {
    statusCode = 503
    expose = true
    override message = 'Too busy, try again soon'
  }
  testWithPlugin(t, { plugin: plugin({ maxHeapUsedBytes: 1, sampleInterval: 10, customError: Busy }), routes }, async (t, served) => {
    assertError(t, await waitForPressure(t, served), 503, 'Too busy, try again soon')
  })
})

t.test('@fastify/under-pressure: sends 503 from its status route, whose error schemas are ignored', async t => {
  let healthy: boolean
  const exposed = async (app: FastifyInstance) => {
    healthy = true
    await plugin({
      exposeStatusRoute: { url: '/status', routeOpts: {}, routeResponseSchemaOpts: { database: { type: 'string' } } },
      healthCheck: async () => healthy && { database: 'up' },
      healthCheckInterval: 600_000
    })(app)
  }
  testWithPlugin(t, { plugin: exposed, routes, reasonPhrase: { errorSchemas: 'ignore' } }, async (t, { request }) => {
    t.match(await request('/status'), { statusCode: 200, body: '{"status":"ok","database":"up"}' })
    healthy = false
    const refusal = await request('/status')
    assertError(t, refusal, 503, /^Service Unavailable$/)
    t.equal(refusal.headers['retry-after'], '7')
    t.match(await request('/'), { statusCode: 200, body: 'ok' })
  })
})
