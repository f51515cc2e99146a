import cookie from '@fastify/cookie'
import csrf from '@fastify/csrf-protection'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const plugin = async (app: FastifyInstance) => {
  await app.register(cookie, { secret: 'a secret' })
  await app.register(csrf, { cookieOpts: { signed: true } })
}

const routes = (app: FastifyInstance) => {
  app.get('/', async (_request, reply) => reply.generateCsrf())
  app.post('/', { onRequest: app.csrfProtection }, async () => 'ok')
}

t.test('@fastify/csrf-protection: sends 403 with its message', async t => {
  testWithPlugin(t, { plugin, routes }, async (t, { request }) => {
    const { body: token, headers } = await request('/')
    const [cookie] = headers['set-cookie']!.split(';')
    const post = (headers: Record<string, string>) => request({ method: 'POST', url: '/', headers })
    t.match(await post({ cookie: cookie!, 'csrf-token': token }), { statusCode: 200, body: 'ok' })

    assertError(t, await post({}), 403, /^Missing csrf secret$/)
    assertError(t, await post({ cookie: `${cookie}x`, 'csrf-token': token }), 403, /^Missing csrf secret$/)
    assertError(t, await post({ cookie: cookie! }), 403, /^Invalid csrf token$/)
    assertError(t, await post({ cookie: cookie!, 'csrf-token': `${token}x` }), 403, /^Invalid csrf token$/)
  })
})
