import basicAuth, { type FastifyBasicAuthOptions } from '@fastify/basic-auth'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { interop, refused } from '../fixtures/interop.js'

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

t.test('@fastify/basic-auth', async t => {
  interop(t, { plugin: plugin(), routes }, async (t, { ask }) => {
    const by = (authorization: string) => ask({ url: '/', headers: { authorization } })
    t.match(await by(basic('ann:secret')), { statusCode: 200, body: 'ok' })

    const bad = 'Missing or bad formatted authorization header'
    for (const [response, reason] of [
      [await ask('/'), bad], [await by('Bearer x'), bad], [await by(basic('ann')), bad], [await by(basic('ann:\x01')), bad],
      [await by(basic('ann:wrong')), 'Wrong password, ann'], [await by(basic('Zoë:wrong')), 'Wrong password, Zoe']
    ] as const) {
      refused(t, response, 401, reason)
      t.equal(response.headers['www-authenticate'], 'Basic realm="topics", charset="UTF-8"', 'its own challenge is kept')
    }
    refused(t, await by(basic('away:secret')), 503, /^Service Unavailable$/)
  })
})

t.test('Where it gives no challenge, the 401 has that of the contract', async t => {
  interop(t, { plugin: plugin({ authenticate: false }), routes, reasonPhrase: { challenge: 'Basic realm="all"' } }, async (t, { ask }) => {
    const response = await ask('/')
    refused(t, response, 401, 'Missing or bad formatted authorization header')
    t.equal(response.headers['www-authenticate'], 'Basic realm="all"')
  })
})

t.test('The 407 of a proxy is folded, unless it is in the table', async t => {
  for (const [statusCodes, expected] of [[{}, 400], [{ 407: 'Proxy Authentication Required' }, 407]] as const) {
    interop(t, { plugin: plugin({ proxyMode: true }), routes, reasonPhrase: { statusCodes } }, async (t, { ask }) => {
      t.equal((await ask({ url: '/', headers: { 'proxy-authorization': basic('ann:secret') } })).body, 'ok')
      const response = await ask('/')
      refused(t, response, expected, 'Missing or bad formatted authorization header')
      t.equal(response.headers['proxy-authenticate'], 'Basic realm="topics", charset="UTF-8"')
      t.notOk('www-authenticate' in response.headers)
    })
  }
})
