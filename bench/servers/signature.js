// A signed request, verified by nobody, by this plugin, and by hand.
import { createHash, timingSafeEqual } from 'node:crypto'
import { createVerifier, httpbis } from 'http-message-signatures'
import reasonPhrase, { serverOptions } from '../../dist/index.js'
import signature from '../../dist/plugins/signature/index.js'
import { fastify } from './fastify.js'
import { KEY, SMALL } from './payloads.js'

const by = {
  nobody () {},
  async plugin (app) {
    await app.register(signature, { keys: id => id === KEY.id ? { secret: KEY.secret, permissions: [] } : undefined })
  },
  async hand (app) {
    const key = { id: KEY.id, algs: ['hmac-sha256'], verify: createVerifier(KEY.secret, 'hmac-sha256') }
    app.addHook('preHandler', async ({ method, url, headers, body }, reply) => {
      if (body !== undefined) {
        const digest = Buffer.from(`sha-256=:${createHash('sha256').update(body).digest('base64')}:`)
        const given = Buffer.from(headers['content-digest'])
        if (given.length !== digest.length || !timingSafeEqual(given, digest)) return reply.unauthorized('The digest is not that of the body')
      }
      const verified = await httpbis.verifyMessage({
        keyLookup: async ({ keyid }) => keyid === KEY.id ? key : null,
        requiredFields: ['@method', '@path', '@query', ...(body === undefined ? [] : ['content-digest'])],
        maxAge: 300,
        tolerance: 30
      }, { method, url: `http://localhost${url}`, headers })
      if (verified !== true) return reply.unauthorized('The signature is not that of the request')
    })
  }
}

export default ({ verified }) => fastify({
  options: serverOptions(),
  async register (app) {
    await app.register(reasonPhrase)
    await by[verified](app)
    app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
    app.post('/signed', async () => SMALL)
    app.get('/signed', async () => SMALL)
  }
})
