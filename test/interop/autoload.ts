import { join } from 'node:path'
import autoload from '@fastify/autoload'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import reasonPhrase from '../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../plugins/reason-phrase/server-options.js'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'
import { exchange, assertErrorResponse, listen } from '../fixtures/wire.js'

t.test('@fastify/autoload: loaded routes, hooks and error handlers keep the contract', async t => {
  const dir = t.testdir({
    topic: {
      'index.mjs': `export default async app => {
        app.get('/', async () => 'topics')
        app.get('/thrown', async () => { throw Object.assign(new Error('It is taken'), { statusCode: 409 }) })
        app.get('/refused', (_request, reply) => reply.code(403).send({ message: 'Not for you' }))
      }`,
      _topicId: { 'index.mjs': 'export default async app => { app.get("/", async (_request, reply) => reply.callNotFound()) }' }
    },
    guarded: {
      '_autohooks.mjs': `export default async app => {
        app.addHook('onRequest', async (request, reply) => { if (request.headers.authorization === undefined) return reply.code(401).send('No signature') })
        app.setErrorHandler((error, _request, reply) => { reply.code(422).send({ message: 'Handled: ' + error.message }) })
      }`,
      'index.mjs': `export default async app => {
        app.get('/', async () => { throw new Error('a failure') })
        app.setNotFoundHandler((_request, reply) => { reply.code(404).send({ message: 'Nothing is guarded here' }) })
      }`
    }
  })
  const headers = { authorization: 'a' }

  const routes = (app: FastifyInstance) => app.register(autoload, { dir, routeParams: true, autoHooks: true })
  testWithPlugin(t, { plugin: () => {}, routes, orders: ['after'] }, async (t, { request }) => {
    t.match(await request('/topic'), { statusCode: 200, body: 'topics' })
    assertError(t, await request('/topic/thrown'), 400, 'It is taken')
    assertError(t, await request('/topic/refused'), 403, 'Not for you')
    assertError(t, await request('/topic/EBT-1'), 404, 'Route GET:/topic/EBT-1 not found')
    assertError(t, await request('/guarded'), 401, 'No signature')
    assertError(t, await request({ url: '/guarded', headers }), 422, 'Handled: a failure')
    assertError(t, await request({ url: '/guarded/none', headers }), 404, 'Nothing is guarded here')
    assertError(t, await request('/none'), 404, 'Route GET:/none not found')
  })
})

t.test('@fastify/autoload: loads fastify-reason-phrase from a folder', async t => {
  const ours = new URL('../../plugins/reason-phrase/index.ts', import.meta.url).href
  const dir = t.testdir({
    plugins: { 'reason-phrase.mjs': `export { default } from '${ours}'` },
    routes: { 'topic.mjs': "export default async app => { app.get('/topic', (_request, reply) => reply.notFound('No topic EBT-1')) }" }
  })
  const app = Fastify(serverOptions())
  await app.register(autoload, { dir: join(dir, 'plugins') })
  await app.register(autoload, { dir: join(dir, 'routes') })
  const port = await listen(t, app)
  assertErrorResponse(t, await exchange(port, 'GET /topic HTTP/1.1\r\nHost: localhost\r\n\r\n'), 404, 'No topic EBT-1')
  assertErrorResponse(t, await exchange(port, 'GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n'), 404, 'Route GET:/none not found')
})

t.test('@fastify/autoload: rejects a route whose schema has a body for an error, and a file that is not a plugin', async t => {
  const dir = t.testdir({
    promising: { 'index.mjs': "export default async app => { app.get('/', { schema: { response: { 404: { type: 'object' } } } }, async () => 'ok') }" },
    broken: { 'index.mjs': 'export default 1 +' }
  })
  for (const [folder, error] of [
    ['promising', /Route GET \/: schema.response declares a body for 404/],
    ['broken', /Unexpected/]
  ] as const) {
    const app = Fastify(serverOptions())
    await app.register(reasonPhrase)
    await t.rejects(async () => app.register(autoload, { dir: join(dir, folder) }), { message: error })
  }
})
