import Fastify, { type FastifyInstance, type FastifyPluginAsync, type RouteOptions } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase, { serverOptions } from '../../../index.js'
import signature, { type Key } from '../../../plugins/signature/index.js'
import { assertInjectedError } from '../../fixtures/service.js'
import { KEY, sign } from '../../fixtures/sign.js'

const options = { keys: (id: string): Key | undefined => id === KEY.id ? { secret: KEY.secret, permissions: ['read'] } : undefined }

const routes: FastifyPluginAsync = async app => {
  app.get('/read', { config: { permission: 'read' } }, async () => 'read')
  app.get('/write', { config: { permission: 'write' } }, async () => 'written')
}

async function build (t: Test): Promise<FastifyInstance> {
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  return app
}

function unverifiedError (method: string, url: string, permission: string): { message: string } {
  return { message: `fastify-reason-phrase: the route ${method} ${url} asks for the permission ${permission}, but nothing verifies it there. Register fastify-reason-phrase/signature` }
}

/** Asserts that the permissions of {@link routes} are verified. */
async function assertVerified (t: Test, app: FastifyInstance, prefix = ''): Promise<void> {
  assertInjectedError(t, await app.inject(`${prefix}/read`), 401, 'The request is not signed: it must have Signature-Input and Signature')
  t.equal((await app.inject({ url: `${prefix}/read`, headers: sign('GET', `${prefix}/read`) })).body, 'read')
  assertInjectedError(t, await app.inject({ url: `${prefix}/write`, headers: sign('GET', `${prefix}/write`) }), 403, 'The key lacks the permission write')
  assertInjectedError(t, await app.inject({ method: 'HEAD', url: `${prefix}/write`, headers: sign('HEAD', `${prefix}/write`) }), 403, 'The key lacks the permission write')
}

t.test('rejects at start a permission that nothing verifies', async t => {
  const app = await build(t)
  app.get('/open', async () => 'open')
  app.route({ method: ['PUT', 'POST'], url: '/topic/:id', config: { permission: 'topic:write' }, handler: async () => 'unsafe' })
  await t.rejects(async () => await app.ready(), unverifiedError('PUT, POST', '/topic/:id', 'topic:write'))
})

t.test('rejects at start a permission that nothing verifies in a child context', async t => {
  const app = await build(t)
  await app.register(async child => { await child.register(routes) }, { prefix: '/v2' })
  await t.rejects(async () => await app.ready(), unverifiedError('GET', '/v2/read', 'read'))
})

t.test('rejects at start a permission if only a sibling context registers the signature plugin', async t => {
  const app = await build(t)
  await app.register(async child => {
    await child.register(signature, options)
    await child.register(routes)
  }, { prefix: '/verified' })
  await app.register(routes, { prefix: '/sibling' })
  await t.rejects(async () => await app.ready(), unverifiedError('GET', '/sibling/read', 'read'))
})

t.test('rejects at start a permission if only a child context registers the signature plugin', async t => {
  const app = await build(t)
  await app.register(async child => { await child.register(signature, options) })
  await app.register(routes)
  await t.rejects(async () => await app.ready(), unverifiedError('GET', '/read', 'read'))
})

t.test('verifies permissions if the signature plugin is registered before the routes', async t => {
  const app = await build(t)
  await app.register(signature, options)
  await app.register(routes, { prefix: '/child' })
  await routes(app, {})
  await assertVerified(t, app)
  await assertVerified(t, app, '/child')
})

t.test('verifies permissions if the signature plugin is registered after the routes', async t => {
  const app = await build(t)
  await app.register(async child => { await child.register(routes) }, { prefix: '/child' })
  await routes(app, {})
  await app.register(signature, options)
  await assertVerified(t, app)
  await assertVerified(t, app, '/child')
})

t.test('verifies permissions in the child context that registers the signature plugin, and leaves other routes open', async t => {
  const app = await build(t)
  app.get('/open', async () => 'open')
  await app.register(async child => {
    await child.register(routes)
    await child.register(signature, options)
  }, { prefix: '/child' })
  await assertVerified(t, app, '/child')
  t.equal((await app.inject('/open')).body, 'open')
})

t.test('throws for an invalid permission when the route is registered, with and without the signature plugin', async t => {
  for (const before of [true, false]) {
    const app = await build(t)
    if (before) await app.register(signature, options)
    const message = 'fastify-reason-phrase: the route GET /x must have its config.permission as a text, and not with signature: false'
    for (const config of [{ permission: '' }, { permission: 5 }, { permission: null }, { permission: ['read'] }, { permission: 'read', signature: false }]) {
      t.throws(() => app.route({ method: 'GET', url: '/x', config: config as RouteOptions['config'], handler: async () => 'unsafe' }), { message }, JSON.stringify(config))
    }
    app.route({ method: 'GET', url: '/x', config: { permission: undefined, signature: false }, handler: async () => 'open' })
    t.equal((await app.inject('/x')).body, 'open')
  }
})
