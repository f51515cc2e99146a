import cors from '@fastify/cors'
import Fastify from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'

t.test('exposes the header to other origins in CORS responses', async t => {
  for (const [given, expected] of [
    [undefined, 'EB-REASON-PHRASE'],
    [['X-Total'], 'X-Total, EB-REASON-PHRASE'],
    [['X-Total', 'eb-reason-phrase'], 'X-Total, eb-reason-phrase'],
    ['*', '*, EB-REASON-PHRASE']
  ] as const) {
    for (const first of [true, false]) {
      const app = Fastify(serverOptions())
      if (first) await app.register(reasonPhrase)
      await app.register(cors, { origin: 'http://localhost', ...(given !== undefined && { exposedHeaders: [given].flat() as string[] }) })
      if (!first) await app.register(reasonPhrase)
      app.get('/', (_request, reply) => reply.unprocessable())
      app.get('/ok', async () => 'ok')
      app.get('/raw', (_request, reply) => {
        reply.hijack()
        reply.raw.setHeader('Access-Control-Allow-Origin', '*')
        if (given !== undefined) reply.raw.setHeader('Access-Control-Expose-Headers', given)
        reply.raw.writeHead(404).end()
      })
      for (const url of ['/', '/none', '/raw']) {
        t.equal([(await app.inject({ url, headers: { origin: 'http://localhost' } })).headers['access-control-expose-headers']].flat().join(', '), expected, `${url}, ${expected}`)
      }
      t.equal((await app.inject({ url: '/ok', headers: { origin: 'http://localhost' } })).headers['access-control-expose-headers'], given === undefined ? undefined : [given].flat().join(', '), 'leaves a success as it was')
    }
  }
  const app = Fastify()
  await app.register(reasonPhrase)
  t.equal((await app.inject('/none')).headers['access-control-expose-headers'], undefined, 'adds nothing without CORS')
})
