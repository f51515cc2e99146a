import jwt from '@fastify/jwt'
import cookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { interop, refused } from '../fixtures/interop.js'

const routes = (app: FastifyInstance) => {
  app.get('/', { onRequest: request => request.jwtVerify() }, async request => request.user)
  app.get('/verify', async request => app.jwt.verify((request.query as { token: string }).token))
  app.get('/sign', async (_request, reply) => reply.jwtSign(undefined as unknown as object))
}

t.test('@fastify/jwt', async t => {
  const plugin = (app: FastifyInstance) => app.register(jwt, { secret: 'a secret', trusted: (_request, token) => token.trusted !== false })
  interop(t, { plugin, routes }, async (t, { app, ask }) => {
    await app.ready()
    const by = (authorization: string) => ask({ url: '/', headers: { authorization } })
    const token = app.jwt.sign({ name: 'ann', iat: 1 })
    t.match(await by(`Bearer ${token}`), { statusCode: 200, body: '{"name":"ann","iat":1}' })

    for (const [response, statusCode, reason] of [
      [await ask('/'), 401, 'No Authorization was found in request.headers'],
      [await by('Bearer a b'), 400, 'Format is Authorization: Bearer [token]'],
      [await by('Bearer x'), 401, 'Authorization token is invalid: The token is malformed.'],
      [await by(`Bearer ${token}x`), 401, 'Authorization token is invalid: '],
      [await by(`Bearer ${app.jwt.sign({ exp: 1 })}`), 401, 'Authorization token expired'],
      [await by(`Bearer ${app.jwt.sign({ trusted: false })}`), 401, 'Untrusted authorization token']
    ] as const) {
      refused(t, response, statusCode, reason)
      t.equal(response.headers['www-authenticate'], statusCode === 401 ? 'HMAC' : undefined)
    }
    t.match(await ask(`/verify?token=${token}`), { statusCode: 200 })
    // Those of the instance have no status code.
    refused(t, await ask('/verify?token=x'), 500, /^Internal Server Error$/)
    refused(t, await ask('/sign'), 500, /^Internal Server Error$/)
  })
})

t.test('With the token in a cookie, and words of its own', async t => {
  const plugin = async (app: FastifyInstance) => {
    await app.register(cookie)
    await app.register(jwt, {
      secret: 'a secret',
      cookie: { cookieName: 'token', signed: false },
      messages: { noAuthorizationInCookieMessage: 'Sign in — first', authorizationTokenInvalid: 'That token is none' }
    })
  }
  interop(t, { plugin, routes, reasonPhrase: { challenge: 'Bearer' } }, async (t, { app, ask }) => {
    await app.ready()
    const by = (cookie: string) => ask({ url: '/', headers: { cookie } })
    t.match(await by(`token=${app.jwt.sign({ iat: 1 })}`), { statusCode: 200, body: '{"iat":1}' })
    const none = await ask('/')
    refused(t, none, 401, 'Sign in - first')
    t.equal(none.headers['www-authenticate'], 'Bearer')
    refused(t, await by('token=x.y.z'), 401, 'That token is none')
  })
})
