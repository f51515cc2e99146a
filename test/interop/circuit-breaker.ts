import circuitBreaker, { type FastifyCircuitBreakerOptions } from '@fastify/circuit-breaker'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

// Use a short resetTimeout, because its timer keeps the process alive.
const plugin = (options: FastifyCircuitBreakerOptions) => (app: FastifyInstance) =>
  app.register(circuitBreaker, { resetTimeout: 5000, ...options })

const routes = (app: FastifyInstance) => {
  const preHandler = app.circuitBreaker()
  app.get('/', { preHandler }, async request => {
    switch (request.headers.how) {
      case 'thrown': throw new Error('It is a secret')
      case 'rejected': throw Object.assign(new Error('There is none'), { statusCode: 404 })
      default: return 'ok'
    }
  })
  app.get('/decorated', { preHandler: app.circuitBreaker() }, async (request, reply) =>
    request.headers.how === 'rejected' ? reply.notFound('There is none') : reply.internalServerError('It is broken'))
  app.get('/late', { preHandler: app.circuitBreaker({ timeout: 1 }) }, async (request, reply) => {
    const end = performance.now() + 2
    while (performance.now() < end);
    return request.headers.how === 'rejected' ? reply.notFound('There is none') : 'ok'
  })
}

t.test('@fastify/circuit-breaker: sends 503 without its message while the circuit is open', async t => {
  testWithPlugin(t, { plugin: plugin({ threshold: 2 }), routes }, async (t, { request }) => {
    const by = (how: string, url = '/') => request({ url, headers: { how } })
    t.equal((await by('ok')).body, 'ok')
    for (let i = 0; i < 3; i++) assertError(t, await by('rejected'), 404, 'There is none')
    t.equal((await by('ok')).body, 'ok', 'a 4xx does not count as a failure')
    assertError(t, await by('thrown'), 500, /^Internal Server Error$/)
    assertError(t, await by('thrown'), 503, /^Service Unavailable$/)
    assertError(t, await by('ok'), 503, /^Service Unavailable$/)

    for (let i = 0; i < 3; i++) assertError(t, await by('rejected', '/decorated'), 404, 'There is none')
    assertError(t, await by('', '/decorated'), 500, 'It is broken')
    assertError(t, await by('', '/decorated'), 503, /^Service Unavailable$/)
    assertError(t, await by('rejected', '/decorated'), 503, /^Service Unavailable$/)
  })
})

t.test('@fastify/circuit-breaker: sends 503 after a timeout', async t => {
  testWithPlugin(t, { plugin: plugin({ threshold: 100 }), routes }, async (t, { request }) => {
    for (const how of ['ok', 'rejected']) assertError(t, await request({ url: '/late', headers: { how } }), 503, /^Service Unavailable$/)
  })
})

t.test('@fastify/circuit-breaker: sends the messages of onCircuitOpen and onTimeout', async t => {
  const options: FastifyCircuitBreakerOptions = {
    threshold: 1,
    onCircuitOpen: async (_request, reply) => {
      reply.code(503).header('retry-after', '7')
      return JSON.stringify({ message: 'Try again in 7 seconds' })
    },
    onTimeout: async (_request, reply) => {
      reply.code(504)
      return 'It took too long'
    }
  }
  testWithPlugin(t, { plugin: plugin(options), routes }, async (t, { request }) => {
    // For the request that opens the circuit, the thrown error takes precedence over the payload of onCircuitOpen. Its message is
    // not sent.
    for (const [how, reason] of [['thrown', /^Service Unavailable$/], ['ok', 'Try again in 7 seconds']] as const) {
      const open = await request({ url: '/', headers: { how } })
      assertError(t, open, 503, reason)
      t.equal(open.headers['retry-after'], '7')
    }
    assertError(t, await request('/late'), 500, 'It took too long')
  })
})

t.test('@fastify/circuit-breaker: sends its messages with exposeServerErrors', async t => {
  testWithPlugin(t, { plugin: plugin({ threshold: 2 }), routes, reasonPhrase: { exposeServerErrors: true } }, async (t, { request }) => {
    for (const reason of ['It is a secret', 'Circuit open']) assertError(t, await request({ url: '/', headers: { how: 'thrown' } }), reason === 'Circuit open' ? 503 : 500, reason)
    assertError(t, await request('/late'), 503, 'Timeout')
  })
})
