import { Readable } from 'node:stream'
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance } from 'fastify'
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
      t.equal((await app.inject({ url: '/ok', headers: { origin: 'http://localhost' } })).headers['access-control-expose-headers'], given === undefined ? undefined : [given].flat().join(', '), 'does not change a success')
    }
  }
  const app = Fastify()
  await app.register(reasonPhrase)
  t.equal((await app.inject('/none')).headers['access-control-expose-headers'], undefined, 'adds nothing without CORS')
})

t.test('exposes each header of the contract where it is sent, and nothing else', async t => {
  for (const options of [{}, { http2: true }]) {
    const app = Fastify(serverOptions(options as {}, { requestId: true })) as unknown as FastifyInstance
    await app.register(cors, { origin: 'http://localhost', exposedHeaders: ['X-Total'] })
    await app.register(reasonPhrase)
    app.get('/ok', async () => 'ok')
    app.get('/created', (_request, reply) => reply.created({}, '/created/1'))
    app.get('/later', (_request, reply) => { reply.code(202).header('Retry-After', '1').send() })
    app.get('/moved', (_request, reply) => { reply.redirect('/ok') })
    app.get('/replayed', (_request, reply) => { reply.headers({ 'Idempotent-Replayed': 'true', 'Idempotency-Status': 'succeeded' }).send('ok') })
    app.get('/hooked', { onSend: async (_request, reply) => { reply.header('location', '/') } }, async () => 'ok')
    app.get('/stream', (_request, reply) => { reply.header('location', '/').send(Readable.from(['ok'])) })
    app.get('/raw', (_request, reply) => {
      reply.hijack()
      reply.raw.setHeader('access-control-allow-origin', '*')
      reply.raw.setHeader('set-cookie', ['a=b', 'c=d'])
      reply.raw.writeHead(201, { Location: '/raw/1' })
      reply.raw.end('{}')
    })
    app.get('/list', (_request, reply) => {
      reply.hijack()
      reply.raw.writeHead(201, 'Made', ['Access-Control-Allow-Origin', '*', 'Location', '/list/1', 'Set-Cookie', 'a=b', 'Set-Cookie', 'c=d'] as never)
      reply.raw.end('{}')
    })
    app.get('/unavailable', (_request, reply) => reply.header('idempotency-status', 'executing').serviceUnavailable('Later', { retryAfter: 1 }))
    for (const [url, exposed] of [
      ['/ok', 'X-Total'],
      ['/created', 'X-Total, Location'],
      ['/later', 'X-Total, Retry-After'],
      ['/moved', 'X-Total, Location'],
      ['/replayed', 'X-Total, Idempotent-Replayed, Idempotency-Status'],
      ['/hooked', 'X-Total, Location'],
      ['/stream', 'X-Total, Location'],
      ['/raw', 'Location'],
      ['/list', 'Location'],
      ['/unavailable', 'X-Total, EB-REASON-PHRASE, x-request-id, Retry-After, Idempotency-Status'],
      ['/none', 'X-Total, EB-REASON-PHRASE, x-request-id']
    ] as const) {
      const { headers } = await app.inject({ url, headers: { origin: 'http://localhost' } })
      t.equal(headers['access-control-expose-headers'], exposed, url)
      if (url === '/raw' || url === '/list') t.strictSame(headers['set-cookie'], ['a=b', 'c=d'])
    }
  }
})

t.test('exposes nothing if a success loses the header with the message', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/', (_request, reply) => { reply.headers({ 'access-control-allow-origin': '*', 'eb-reason-phrase': 'a' }).send('ok') })
  app.get('/raw', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'Access-Control-Allow-Origin': '*', 'EB-REASON-PHRASE': 'a' }).end('ok')
  })
  for (const url of ['/', '/raw']) {
    const { headers } = await app.inject(url)
    t.strictSame(Object.keys(headers).filter(name => /expose|reason/.test(name)), [], url)
  }
})

t.test('exposes nothing without Access-Control-Allow-Origin', async t => {
  const app = Fastify(serverOptions({}, { requestId: true }))
  await app.register(cors, { origin: ['http://localhost'], exposedHeaders: ['X-Total'] })
  await app.register(reasonPhrase)
  app.get('/created', (_request, reply) => reply.created({}, '/created/1'))
  for (const url of ['/created', '/none']) {
    t.equal((await app.inject({ url, headers: { origin: 'http://elsewhere' } })).headers['access-control-expose-headers'], 'X-Total', url)
  }
})

t.test('keeps the headers that a handler shares between its responses', async t => {
  const shared = { 'access-control-allow-origin': '*', location: '/' }
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/', (_request, reply) => { reply.hijack().raw.writeHead(200, shared).end() })
  t.equal((await app.inject('/')).headers['access-control-expose-headers'], 'Location')
  t.strictSame(Object.keys(shared), ['access-control-allow-origin', 'location'])
})
