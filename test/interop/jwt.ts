import jwt from '@fastify/jwt'
import cookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const routes = (app: FastifyInstance) => {
  app.get('/', { onRequest: request => request.jwtVerify() }, async request => request.user)
  app.get('/verify', async request => app.jwt.verify((request.query as { token: string }).token))
  app.get('/sign', async (_request, reply) => reply.jwtSign(undefined as unknown as object))
}

t.test('@fastify/jwt: sends 401 with its message', async t => {
  const plugin = (app: FastifyInstance) => app.register(jwt, { secret: 'a secret', trusted: (_request, token) => token.trusted !== false })
  testWithPlugin(t, { plugin, routes }, async (t, { app, request }) => {
    await app.ready()
    const by = (authorization: string) => request({ url: '/', headers: { authorization } })
    const token = app.jwt.sign({ name: 'ann', iat: 1 })
    t.match(await by(`Bearer ${token}`), { statusCode: 200, body: '{"name":"ann","iat":1}' })

    for (const [response, statusCode, reason] of [
      [await request('/'), 401, 'No Authorization was found in request.headers'],
      [await by('Bearer a b'), 400, 'Format is Authorization: Bearer [token]'],
      [await by('Bearer x'), 401, 'Authorization token is invalid: The token is malformed.'],
      [await by(`Bearer ${token}x`), 401, 'Authorization token is invalid: '],
      [await by(`Bearer ${app.jwt.sign({ exp: 1 })}`), 401, 'Authorization token expired'],
      [await by(`Bearer ${app.jwt.sign({ trusted: false })}`), 401, 'Untrusted authorization token']
    ] as const) {
      assertError(t, response, statusCode, reason)
      t.equal(response.headers['www-authenticate'], statusCode === 401 ? 'HMAC' : undefined)
    }
    t.match(await request(`/verify?token=${token}`), { statusCode: 200 })
    // The errors of app.jwt have no status code.
    assertError(t, await request('/verify?token=x'), 500, /^Internal Server Error$/)
    assertError(t, await request('/sign'), 500, /^Internal Server Error$/)
  })
})

t.test('@fastify/jwt: sends its custom messages for a token in a cookie', async t => {
  const plugin = async (app: FastifyInstance) => {
    await app.register(cookie)
    await app.register(jwt, {
      secret: 'a secret',
      cookie: { cookieName: 'token', signed: false },
      messages: { noAuthorizationInCookieMessage: 'Sign in — first', authorizationTokenInvalid: 'That token is none' }
    })
  }
  testWithPlugin(t, { plugin, routes, reasonPhrase: { challenge: 'Bearer' } }, async (t, { app, request }) => {
    await app.ready()
    const by = (cookie: string) => request({ url: '/', headers: { cookie } })
    t.match(await by(`token=${app.jwt.sign({ iat: 1 })}`), { statusCode: 200, body: '{"iat":1}' })
    const none = await request('/')
    assertError(t, none, 401, 'Sign in - first')
    t.equal(none.headers['www-authenticate'], 'Bearer')
    assertError(t, await by('token=x.y.z'), 401, 'That token is none')
  })
})
