// A route for signed requests, with and without the plugin that verifies them.
import { createHash } from 'node:crypto'
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from '../../dist/index.js'
import signature, { memoryStore } from '../../dist/plugins/signature/index.js'
import { SMALL } from './plain.js'

export const UNSIGNED = 'no signature'
export const DIGEST = 'no signature, SHA-256 of the body by hand'
export const VERIFIED = 'verified'
export const REPLAY = 'verified, `replay` with `memoryStore()`'

export const KEY = { id: 'bench', secret: 'the secret of the benchmarks' }
const keys = id => id === KEY.id ? { secret: KEY.secret, permissions: [] } : undefined

export default {
  [UNSIGNED]: () => start(() => {}),
  [DIGEST]: () => start(app => app.addHook('preHandler', async ({ body }) => { createHash('sha256').update(body).digest() })),
  [VERIFIED]: () => start(app => app.register(signature, { keys })),
  [REPLAY]: () => start(app => app.register(signature, { keys, replay: { store: memoryStore() } }))
}

async function start (verify) {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  await verify(app)
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body) })
  app.route({ method: ['GET', 'POST'], url: '/signed', handler: async () => SMALL })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { server: app.server }
}
