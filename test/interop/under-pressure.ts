import underPressure, { type FastifyUnderPressureOptions } from '@fastify/under-pressure'
import type { FastifyInstance, FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import { interop, refused, type Answer, type Interop } from '../fixtures/interop.js'

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

/** It measures by the second at most: asks until it has. */
async function underPressureOf (t: Test, { app, ask }: Interop): Promise<Answer> {
  await app.ready()
  while (app.memoryUsage().heapUsed === 0) await new Promise(resolve => setImmediate(resolve))
  const refusal = await ask('/')
  t.equal(refusal.headers['retry-after'], '7')
  return refusal
}

t.test('@fastify/under-pressure', async t => {
  interop(t, { plugin: plugin({ maxHeapUsedBytes: 1, sampleInterval: 10 }), routes }, async (t, served) => {
    const { ask } = served
    refused(t, await underPressureOf(t, served), 503, /^Service Unavailable$/)
    t.match(await ask('/calm'), { statusCode: 200, body: 'ok' })
    refused(t, await ask('/none'), 503, /^Service Unavailable$/)
    refused(t, await ask('/sent'), 503, 'Too much: heapUsedBytes')
    refused(t, await ask('/thrown'), 500, /^Internal Server Error$/)
  })
})

t.test('Its message is sent where the error is exposed', async t => {
  class Busy extends Error {
    statusCode = 503
    expose = true
    override message = 'Too busy, try again soon'
  }
  interop(t, { plugin: plugin({ maxHeapUsedBytes: 1, sampleInterval: 10, customError: Busy }), routes }, async (t, served) => {
    refused(t, await underPressureOf(t, served), 503, 'Too busy, try again soon')
  })
})

t.test('Its status route, whose schemas of errors are ignored', async t => {
  let healthy: boolean
  const exposed = async (app: FastifyInstance) => {
    healthy = true
    await plugin({
      exposeStatusRoute: { url: '/status', routeOpts: {}, routeResponseSchemaOpts: { database: { type: 'string' } } },
      healthCheck: async () => healthy && { database: 'up' },
      healthCheckInterval: 600_000
    })(app)
  }
  interop(t, { plugin: exposed, routes, reasonPhrase: { errorSchemas: 'ignore' } }, async (t, { ask }) => {
    t.match(await ask('/status'), { statusCode: 200, body: '{"status":"ok","database":"up"}' })
    healthy = false
    const refusal = await ask('/status')
    refused(t, refusal, 503, /^Service Unavailable$/)
    t.equal(refusal.headers['retry-after'], '7')
    t.match(await ask('/'), { statusCode: 200, body: 'ok' })
  })
})
