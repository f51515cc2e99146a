import rateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const WINDOW = 600_000

const plugin = (options: RateLimitPluginOptions = {}) => (app: FastifyInstance) =>
  app.register(rateLimit, { max: 1, timeWindow: WINDOW, ...options })

const routes = (app: FastifyInstance) => {
  app.get('/', async () => 'ok')
  app.get('/thrown', async () => { throw Object.assign(new Error('There is none'), { statusCode: 404 }) })
  app.setNotFoundHandler({ preHandler: app.rateLimit() }, (request, reply) => reply.notFound(`No ${request.url}`))
}

t.test('@fastify/rate-limit: sends its message and its headers with 400', async t => {
  testWithPlugin(t, { plugin: plugin(), routes }, async (t, { request }) => {
    const success = await request('/')
    t.match(success, { statusCode: 200, body: 'ok', headers: { 'x-ratelimit-limit': '1', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': /^\d+$/ } })
    t.notOk('retry-after' in success.headers)

    for (const url of ['/', '/thrown', '/none']) {
      const exceeded = await request(url)
      assertError(t, exceeded, 400, 'Rate limit exceeded, retry in 10 minutes')
      t.match(exceeded.headers, { 'x-ratelimit-limit': '1', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': /^\d+$/, 'retry-after': /^\d+$/ })
    }
  })
})

t.test('@fastify/rate-limit: sends 429 if it is in statusCodes', async t => {
  testWithPlugin(t, { plugin: plugin(), routes, reasonPhrase: { statusCodes: { 429: 'Too Many Requests' } } }, async (t, { request }) => {
    const error = await request('/thrown')
    assertError(t, error, 404, 'There is none')
    t.match(error.headers, { 'x-ratelimit-limit': '1', 'x-ratelimit-remaining': '0' })
    const exceeded = await request('/')
    assertError(t, exceeded, 429, 'Rate limit exceeded, retry in 10 minutes')
    t.equal(exceeded.headers['retry-after'], String(WINDOW / 1000))
  })
})

t.test('@fastify/rate-limit: sends the message of errorResponseBuilder, and 403 to a banned client', async t => {
  const errorResponseBuilder: RateLimitPluginOptions['errorResponseBuilder'] = (_request, { statusCode, ban, max }) =>
    ({ statusCode, message: ban ? 'You are banned' : `Only ${max}` })
  testWithPlugin(t, { plugin: plugin({ errorResponseBuilder, ban: 1, enableDraftSpec: true }), routes }, async (t, { request }) => {
    t.match(await request('/'), { statusCode: 200, headers: { 'ratelimit-limit': '1' } })
    assertError(t, await request('/'), 400, 'Only 1')
    const banned = await request('/')
    assertError(t, banned, 403, 'You are banned')
    t.match(banned.headers, { 'ratelimit-limit': '1', 'ratelimit-remaining': '0', 'retry-after': /^\d+$/ })
  })
})

t.test('@fastify/rate-limit: sends 500 without a message if its store fails', async t => {
  class Store {
    incr (_key: string, done: (error: Error) => void) { done(new Error('redis://secret@10.0.0.1 is away')) }
    child () { return this }
  }
  testWithPlugin(t, { plugin: plugin({ store: Store as unknown as RateLimitPluginOptions['store'] }), routes }, async (t, { request }) => {
    assertError(t, await request('/'), 500, /^Internal Server Error$/)
    assertError(t, await request('/none'), 500, /^Internal Server Error$/)
  })
})
