import basicAuth, { type FastifyBasicAuthOptions } from '@fastify/basic-auth'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const plugin = (options: Partial<FastifyBasicAuthOptions> = {}) => (app: FastifyInstance) => app.register(basicAuth, {
  authenticate: { realm: 'topics' },
  async validate (name, password) {
    if (name === 'away') throw Object.assign(new Error('The list of users is away'), { statusCode: 503 })
    if (password !== 'secret') throw new Error(`Wrong password, ${name}`)
  },
  ...options
})

const routes = (app: FastifyInstance) => {
  app.after(() => {
    app.get('/', { onRequest: app.basicAuth }, async () => 'ok')
  })
}

const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString('base64')}`

t.test('@fastify/basic-auth: sends 401 with its message and its own challenge', async t => {
  testWithPlugin(t, { plugin: plugin(), routes }, async (t, { request }) => {
    const by = (authorization: string) => request({ url: '/', headers: { authorization } })
    t.match(await by(basic('ann:secret')), { statusCode: 200, body: 'ok' })

    const bad = 'Missing or bad formatted authorization header'
    for (const [response, reason] of [
      [await request('/'), bad], [await by('Bearer x'), bad], [await by(basic('ann')), bad], [await by(basic('ann:\x01')), bad],
      [await by(basic('ann:wrong')), 'Wrong password, ann'], [await by(basic('Zoë:wrong')), 'Wrong password, Zoe']
    ] as const) {
      assertError(t, response, 401, reason)
      t.equal(response.headers['www-authenticate'], 'Basic realm="topics", charset="UTF-8"', 'keeps its own challenge')
    }
    assertError(t, await by(basic('away:secret')), 503, /^Service Unavailable$/)
  })
})

t.test('@fastify/basic-auth: sends the default challenge if it sets none', async t => {
  testWithPlugin(t, { plugin: plugin({ authenticate: false }), routes, reasonPhrase: { challenge: 'Basic realm="all"' } }, async (t, { request }) => {
    const response = await request('/')
    assertError(t, response, 401, 'Missing or bad formatted authorization header')
    t.equal(response.headers['www-authenticate'], 'Basic realm="all"')
  })
})

t.test('@fastify/basic-auth: sends 400 instead of 407, unless 407 is in statusCodes', async t => {
  for (const [statusCodes, expected] of [[{}, 400], [{ 407: 'Proxy Authentication Required' }, 407]] as const) {
    testWithPlugin(t, { plugin: plugin({ proxyMode: true }), routes, reasonPhrase: { statusCodes } }, async (t, { request }) => {
      t.equal((await request({ url: '/', headers: { 'proxy-authorization': basic('ann:secret') } })).body, 'ok')
      const response = await request('/')
      assertError(t, response, expected, 'Missing or bad formatted authorization header')
      t.equal(response.headers['proxy-authenticate'], 'Basic realm="topics", charset="UTF-8"')
      t.notOk('www-authenticate' in response.headers)
    })
  }
})
