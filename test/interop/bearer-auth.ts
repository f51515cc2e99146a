import bearerAuth, { type FastifyBearerAuthOptions } from '@fastify/bearer-auth'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const routes = (app: FastifyInstance) => { app.get('/', async () => 'ok') }

const plugin = (options: Partial<FastifyBearerAuthOptions> = {}) => (app: FastifyInstance) =>
  app.register(bearerAuth, { keys: new Set(['key']), ...options })

const reasonPhrase = { challenge: 'Bearer' }

t.test('@fastify/bearer-auth: sends 401 with its message', async t => {
  testWithPlugin(t, { plugin: plugin(), routes, reasonPhrase }, async (t, { request }) => {
    const by = (authorization: string) => request({ url: '/', headers: { authorization } })
    t.match(await by('Bearer key'), { statusCode: 200, body: 'ok' })

    for (const [response, reason] of [
      [await request('/'), /^missing authorization header$/], [await by('Basic key'), /^invalid authorization header$/],
      [await by('Bearer other'), /^invalid authorization header$/], [await request('/none'), /^missing authorization header$/]
    ] as const) {
      assertError(t, response, 401, reason)
      t.equal(response.headers['www-authenticate'], 'Bearer')
    }
  })
})

const auth = async (key: string) => {
  if (key === 'away') throw new Error('redis://secret@10.0.0.1 is away')
  return key === 'key' || 'neither'
}

t.test('@fastify/bearer-auth: keeps the contract without its hook, and with a function as auth', async t => {
  const guarded = (app: FastifyInstance) => app.after(() => {
    app.get('/', { onRequest: app.verifyBearerAuth! }, async () => 'ok')
  })
  testWithPlugin(t, { plugin: plugin({ addHook: false, auth: auth as never }), routes: guarded, reasonPhrase }, async (t, { request }) => {
    const by = (authorization: string) => request({ url: '/', headers: { authorization } })
    t.match(await by('Bearer key'), { statusCode: 200, body: 'ok' })
    assertError(t, await request('/'), 401, 'missing authorization header')
    assertError(t, await by('Bearer away'), 500, /^Internal Server Error$/)
    assertError(t, await by('Bearer neither'), 500, /^Internal Server Error$/)
  })
})

t.test('@fastify/bearer-auth: sends what auth throws, or what errorResponse returns', async t => {
  testWithPlugin(t, { plugin: plugin({ auth: auth as never }), routes, reasonPhrase }, async (t, { request }) => {
    assertError(t, await request({ url: '/', headers: { authorization: 'Bearer away' } }), 500, 'redis://secret@10.0.0.1 is away')
  })
  const errorResponse = (error: Error & { code?: string }) => ({ error: error.code === undefined ? '' : error.message })
  testWithPlugin(t, { plugin: plugin({ auth: auth as never, errorResponse, contentType: 'application/problem+json' }), routes, reasonPhrase }, async (t, { request }) => {
    assertError(t, await request('/'), 401, 'missing authorization header')
    assertError(t, await request({ url: '/', headers: { authorization: 'Bearer away' } }), 500, /^Internal Server Error$/)
  })
})
