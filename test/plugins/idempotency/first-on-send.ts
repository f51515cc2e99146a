import { gunzipSync } from 'node:zlib'
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import etag from '@fastify/etag'
import session from '@fastify/session'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { createContextReplacer } from '../../../plugins/idempotency/first-on-send.js'
import { createService, type TestStore } from '../../fixtures/keyed-service.js'

const config = { idempotency: 'optional' } as const

const handlers: Record<string, (request: FastifyRequest, reply: any) => unknown> = {
  object: async () => ({ a: 1 }),
  callback: (_request, reply) => { setTimeout(() => reply.send({ a: 1 }), 2) },
  created: async (_request, reply) => reply.created({ id: 1 }, '/x/1'),
  text: async () => 'hello',
  buffer: async () => Buffer.from('x'),
  null: async () => null,
  nothing: async () => {},
  'no-content': async (_request, reply) => { reply.code(204) },
  unreturned: async (_request, reply) => { reply.send({ a: 1 }) },
  synchronous: () => 'hello',
  thrown: async () => { throw Object.assign(new Error('There is none'), { statusCode: 404 }) },
  'thrown-at-once': () => { throw Object.assign(new Error('There is none'), { statusCode: 404 }) },
  decorator: async (_request, reply) => reply.notFound('There is none'),
  sent: async (_request, reply) => reply.code(404).send({ message: 'There is none' })
}

/** Tests with other plugins that use `onSend` and `preSerialization`, registered before and after the plugin. */
function testWithPlugins (t: Test, title: string, test: (t: Test, app: FastifyInstance, store: TestStore) => Promise<void>): void {
  for (const order of ['before', 'after'] as const) {
    t.test(`${title}, with other plugins registered ${order} the plugin`, async t => {
      const { app, store } = await createService(t, {
        order,
        async plugins (app) {
          await app.register(compress, { threshold: 0 })
          await app.register(etag)
          await app.register(cookie)
          await app.register(session, { secret: 'a secret of at least 32 characters', cookie: { secure: false }, saveUninitialized: true })
          app.addHook('onSend', async ({ headers }) => { if ('idempotency-key' in headers) hooked.push(store.log.at(-1)) })
          app.addHook('preSerialization', async (_request, _reply, payload) => ({ wrapped: payload }))
        }
      })
      const hooked: unknown[] = []
      for (const [name, handler] of Object.entries(handlers)) app.post(`/${name}`, { config }, handler as never)
      await test(t, app, store)
      t.strictSame(new Set(hooked), new Set(['commit']), 'other onSend hooks run after the commit')
    })
  }
}

testWithPlugins(t, 'records each kind of response before other onSend hooks', async (t, app) => {
  for (const name of Object.keys(handlers)) {
    const headers = { 'idempotency-key': name, 'accept-encoding': 'gzip' }
    const unkeyed = await app.inject({ method: 'POST', url: `/${name}`, headers: { 'accept-encoding': 'gzip' } })
    const first = await app.inject({ method: 'POST', url: `/${name}`, headers })
    const second = await app.inject({ method: 'POST', url: `/${name}`, headers })
    const plain = await app.inject({ method: 'POST', url: `/${name}`, headers: { 'idempotency-key': name } })
    const status = first.statusCode < 400 ? 'succeeded' : 'rejected'
    t.match(first.headers, { 'idempotency-status': status, 'idempotent-replayed': undefined }, name)
    for (const replay of [second, plain]) t.match(replay.headers, { 'idempotency-status': status, 'idempotent-replayed': 'true' })
    for (const { statusCode, statusMessage, rawPayload, headers } of [first, second]) {
      t.strictSame([statusCode, statusMessage], [unkeyed.statusCode, unkeyed.statusMessage], `${name} sends what an unkeyed request gets`)
      t.ok(rawPayload.equals(unkeyed.rawPayload), `${name} sends the same bytes`)
      for (const field of ['content-type', 'content-encoding', 'etag', 'location', 'eb-reason-phrase', 'content-length']) t.equal(headers[field], unkeyed.headers[field], `${name}: ${field}`)
      t.match(headers['set-cookie'], /^sessionId=/)
    }
    if (first.headers['content-encoding'] === 'gzip') t.equal(plain.body, gunzipSync(first.rawPayload).toString(), `${name} is compressed anew`)
    t.equal(plain.headers['content-encoding'], undefined)
  }
})

t.test('records the response of reply.callNotFound()', async t => {
  const { app, store } = await createService(t)
  app.setNotFoundHandler((_request, reply) => { reply.notFound('There is no such page') })
  app.post('/', { config }, (_request, reply) => { reply.callNotFound() })
  for (const replayed of [undefined, 'true']) {
    const { statusCode, headers } = await app.inject({ method: 'POST', url: '/', headers: { 'idempotency-key': 'a' } })
    t.match({ statusCode, headers }, { statusCode: 404, headers: { 'eb-reason-phrase': 'There is no such page', 'idempotency-status': 'rejected', 'idempotent-replayed': replayed } })
  }
  t.equal(store.settled.size, 1)
})

t.test('adds the hook to no other request of the route', async t => {
  const { app } = await createService(t)
  app.post('/', { config, onSend: async (_request, reply: FastifyReply, payload) => { reply.header('x-hooks', 'route'); return payload } }, async () => 'ok')
  for (const key of ['a', undefined, 'b', 'a']) {
    const { headers } = await app.inject({ method: 'POST', url: '/', headers: key === undefined ? {} : { 'idempotency-key': key } })
    t.equal(headers['x-hooks'], 'route')
    t.equal(headers['idempotency-status'], key && 'succeeded')
  }
})

t.test('throws if the contexts of a version of Fastify cannot be found', async t => {
  const message = 'fastify-reason-phrase: idempotency does not support this version of Fastify. Update fastify-reason-phrase, or install a version of Fastify that its peerDependencies allow'
  t.throws(() => createContextReplacer({} as FastifyInstance, async () => {}), { message })
  t.throws(() => createContextReplacer({ [Symbol('fastify.Reply')]: class {} } as unknown as FastifyInstance, async () => {}), { message })
})

t.test('derives the context of a route that has no not-found handler', async t => {
  const kContext = Symbol('fastify.context')
  class Reply { get [kContext] () { return undefined } }
  const hook = async () => {}
  const replace = createContextReplacer({ [Symbol('fastify.Reply')]: Reply } as unknown as FastifyInstance, hook)
  const context = { onSend: null }
  const [a, b] = [{ [kContext]: context }, { [kContext]: context }]
  for (const request of [a, b]) replace(request as never)
  t.strictSame(a[kContext].onSend, [hook])
  t.equal(b[kContext], a[kContext])
})
