import helmet from '@fastify/helmet'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const kept = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': /^max-age=/,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN'
}

const routes = (app: FastifyInstance) => {
  app.get('/', async () => 'ok')
  app.get('/nonce', async (_request, reply) => reply.cspNonce)
  app.get('/thrown', async () => { throw Object.assign(new Error('There is none'), { statusCode: 404 }) })
  app.get('/report', { helmet: { contentSecurityPolicy: { reportOnly: true } } }, async (_request, reply) => reply.forbidden('Not for you'))
  app.get('/invalid', {
    helmet: { enableCSPNonces: false, contentSecurityPolicy: { directives: { 'script-src': [() => "'self'; default-src *"] } } }
  }, async () => 'never')
}

t.test('@fastify/helmet: errors keep its headers, except the content security policy', async t => {
  testWithPlugin(t, { plugin: app => app.register(helmet, { enableCSPNonces: true }), routes }, async (t, { request }) => {
    const success = await request('/nonce')
    t.match(success.headers, kept)
    const { script, style } = JSON.parse(success.body)
    t.match(success.headers['content-security-policy'], `'nonce-${script}'`)
    t.match(success.headers['content-security-policy'], `'nonce-${style}'`)

    for (const [url, statusCode, reason] of [['/thrown', 404, 'There is none'], ['/report', 403, 'Not for you'], ['/none', 404, 'Route GET:/none not found']] as const) {
      const response = await request(url)
      assertError(t, response, statusCode, reason)
      t.match(response.headers, kept, 'keeps its headers')
      t.strictSame(Object.keys(response.headers).filter(name => name.startsWith('content-security-policy')), [], 'removes the content security policy, since there is no content')
    }
    assertError(t, await request('/invalid'), 500, /^Internal Server Error$/)
  })
})
