import cookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const routes = (app: FastifyInstance) => {
  app.get('/', async (request, reply) => {
    const { valid, value } = request.unsignCookie(request.cookies.name!)
    return valid ? value : reply.unauthorized('That cookie is not ours')
  })
  app.get('/sign', async (_request, reply) => reply.setCookie('name', 'ann', { signed: true }).setCookie('seen', '1').send('ok'))
  app.get('/clear', async (_request, reply) => reply.clearCookie('name').setCookie('seen', '1').forbidden('Not for you'))
  app.get('/thrown', async (_request, reply) => {
    reply.setCookie('seen', '1')
    throw Object.assign(new Error('There is none'), { statusCode: 404 })
  })
  app.get('/malformed', async (_request, reply) => reply.setCookie('a b', '1').send('ok'))
  app.get('/malformed-error', async (_request, reply) => reply.setCookie('a b', '1').notFound('There is none'))
}

t.test('@fastify/cookie: errors keep their Set-Cookie headers', async t => {
  testWithPlugin(t, { plugin: app => app.register(cookie, { secret: 'a secret' }), routes }, async (t, { request }) => {
    const by = (cookie: string) => request({ url: '/', headers: { cookie } })
    const signed = (await request('/sign')).headers['set-cookie']!
    t.match(signed, /^name=ann\..*seen=1; /)
    const [name] = signed.split(';')
    t.match(await by(name!), { statusCode: 200, body: 'ann' })

    assertError(t, await by('name=bob'), 401, 'That cookie is not ours')
    assertError(t, await by(`${name}x`), 401, 'That cookie is not ours')
    // unsignCookie() throws if there is no cookie.
    assertError(t, await request('/'), 500, /^Internal Server Error$/)

    const cleared = await request('/clear')
    assertError(t, cleared, 403, 'Not for you')
    t.match(cleared.headers['set-cookie'], /^name=; .*, seen=1; /)
    const thrown = await request('/thrown')
    assertError(t, thrown, 404, 'There is none')
    t.match(thrown.headers['set-cookie'], /^seen=1; /)
    assertError(t, await request('/malformed'), 500, /^Internal Server Error$/)
    assertError(t, await request('/malformed-error'), 404, /^There is none$/)
  })
})
