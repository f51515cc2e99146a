import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const origin = 'https://a.example'
const preflight = { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'content-type' }

const routes = (app: FastifyInstance) => {
  app.get('/', async () => 'ok')
  app.get('/thrown', async () => { throw Object.assign(new Error('There is none'), { statusCode: 404 }) })
  app.get('/decorated', (_request, reply) => reply.unprocessable('It makes no sense'))
}

t.test('@fastify/cors: errors expose the header in addition to exposedHeaders', async t => {
  testWithPlugin(t, { plugin: app => app.register(cors, { exposedHeaders: ['x-total', 'x-page'], methods: ['PUT'] }), routes }, async (t, { request }) => {
    const success = await request({ url: '/', headers: { origin } })
    t.equal(success.body, 'ok')
    t.equal(success.headers['access-control-expose-headers'], 'x-total, x-page', 'does not change a success')
    const allowed = await request({ method: 'OPTIONS', url: '/thrown', headers: preflight })
    t.match(allowed, { statusCode: 204, headers: { 'access-control-allow-methods': 'PUT', 'access-control-allow-headers': 'content-type' } })

    for (const [url, statusCode, reason] of [['/thrown', 404, 'There is none'], ['/decorated', 422, 'It makes no sense'], ['/none', 404, 'Route GET:/none not found']] as const) {
      const response = await request({ url, headers: { origin } })
      assertError(t, response, statusCode, reason)
      t.match(response.headers, { 'access-control-allow-origin': '*', 'access-control-expose-headers': 'x-total, x-page, EB-REASON-PHRASE' })
    }
    const rejected = await request({ method: 'OPTIONS', url: '/' })
    assertError(t, rejected, 400, 'Invalid Preflight Request')
    t.equal(rejected.headers['access-control-allow-origin'], '*')
  })
})

t.test('@fastify/cors: keeps the contract if a function decides on the origin', async t => {
  const allow = async (origin: string | undefined) => {
    switch (origin) {
      case undefined: return false
      case 'https://b.example': throw Object.assign(new Error('That origin is not welcome'), { statusCode: 403 })
      case 'https://c.example': throw new Error('The list of origins is gone')
      case 'https://d.example': return ''
      default: return origin
    }
  }
  testWithPlugin(t, { plugin: app => app.register(cors, { origin: allow }), routes }, async (t, { request }) => {
    const success = await request({ url: '/', headers: { origin } })
    t.match(success, { statusCode: 200, body: 'ok', headers: { 'access-control-allow-origin': origin, vary: /origin/i } })
    const fail = await request({ url: '/thrown', headers: { origin } })
    assertError(t, fail, 404, 'There is none')
    t.match(fail.headers, { 'access-control-allow-origin': origin, 'access-control-expose-headers': 'EB-REASON-PHRASE', vary: /origin/i })

    for (const method of ['GET', 'OPTIONS'] as const) {
      const ofOrigin = (origin: string) => request({ method, url: '/', headers: { ...preflight, origin } })
      assertError(t, await ofOrigin('https://b.example'), 403, 'That origin is not welcome')
      assertError(t, await ofOrigin('https://c.example'), 500, /^Internal Server Error$/)
      const invalid = await ofOrigin('https://d.example')
      assertError(t, invalid, 500, /^Internal Server Error$/)
      t.notOk('access-control-expose-headers' in invalid.headers, 'exposes no header without an allowed origin')
    }
    const unknown = await request({ method: 'OPTIONS', url: '/' })
    assertError(t, unknown, 404, 'Route OPTIONS:/ not found')
  })
})
