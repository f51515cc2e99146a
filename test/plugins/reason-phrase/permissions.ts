import Fastify, { type FastifyInstance, type FastifyPluginAsync, type RouteOptions } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase, { serverOptions } from '../../../index.js'
import { createOutcomeConfig } from '../../../plugins/reason-phrase/idempotent-routes.js'
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
  return { message: `fastify-reason-phrase: Route ${method} ${url}: it needs the permission ${permission}, but nothing verifies it there. Register fastify-reason-phrase/signature` }
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

t.test('verifies permissions only in the child context that registers the signature plugin', async t => {
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
    for (const [config, problem] of [
      [{ permission: '' }, "config.permission must be the name of one permission, not ''"],
      [{ permission: 5 }, 'config.permission must be the name of one permission, not 5'],
      [{ permission: null }, 'config.permission must be the name of one permission, not null'],
      [{ permission: ['read'] }, "config.permission must be the name of one permission, not [ 'read' ]"],
      [{ permission: 'read', signature: false }, "config.permission is 'read', but config.signature is false. Remove one of them: a request without a signature has no permission"]
    ] as const) {
      const message = `fastify-reason-phrase: Route GET /x: ${problem}`
      t.throws(() => app.route({ method: 'GET', url: '/x', config: config as unknown as RouteOptions['config'], handler: async () => 'unsafe' }), { message }, JSON.stringify(config))
    }
    app.route({ method: 'GET', url: '/x', config: { permission: undefined, signature: false }, handler: async () => 'open' })
    t.equal((await app.inject('/x')).body, 'open')
  }
})

/** Builds a service with an outcome route, and with idempotent routes that have these configs. */
async function buildOutcomes (t: Test, configs: Array<RouteOptions['config']>, permissions?: string[]): Promise<FastifyInstance> {
  const app = await build(t)
  if (permissions !== undefined) await app.register(signature, { keys: id => id === KEY.id ? { secret: KEY.secret, permissions } : undefined })
  const operations: RouteOptions[] = []
  app.get('/operation/*', { config: createOutcomeConfig({}, operations) }, async () => 'the outcome')
  for (const [index, config] of configs.entries()) {
    operations.push({ method: 'POST', url: `/${index}`, config, handler: async () => 'done' })
  }
  return app
}

t.test('lets a key use an outcome route if it has one of the permissions of the idempotent routes', async t => {
  const url = '/operation/a'
  const cases: Array<[permissions: string[], configs: Array<RouteOptions['config']>, message: string | undefined]> = [
    [['read'], [{ permission: 'read' }, { permission: 'write' }, { permission: 'write' }], undefined],
    [['x', 'write'], [{ permission: 'read' }, { permission: 'write' }], undefined],
    [['x'], [{ permission: 'read' }, { permission: 'write' }, { permission: 'write' }], 'The key needs one of the permissions read, write'],
    [['x'], [{ permission: 'write' }, { permission: 'write' }], 'The key lacks the permission write'],
    [[], [{ permission: 'read' }, {}], undefined],
    [[], [], undefined]
  ]
  for (const [permissions, configs, message] of cases) {
    const app = await buildOutcomes(t, configs, permissions)
    assertInjectedError(t, await app.inject(url), 401, 'The request is not signed: it must have Signature-Input and Signature')
    for (const method of ['GET', 'HEAD'] as const) {
      const response = await app.inject({ method, url, headers: sign(method, url) })
      if (message === undefined) t.equal(response.statusCode, 200)
      else assertInjectedError(t, response, 403, message)
    }
  }
})

t.test('needs no signature for an outcome route if no idempotent route needs one', async t => {
  const unsigned = { signature: false } as const
  for (const [configs, statusCode] of [[[unsigned, unsigned], 200], [[unsigned, {}], 401], [[unsigned, { permission: 'read' }], 401]] as const) {
    const app = await buildOutcomes(t, [...configs], [])
    t.equal((await app.inject('/operation/a')).statusCode, statusCode)
  }
})

t.test('rejects at start an outcome route whose permissions nothing verifies', async t => {
  const app = await build(t)
  const operations: RouteOptions[] = []
  app.get('/operation/*', { config: createOutcomeConfig({}, operations) }, async () => 'the outcome')
  await app.register(async child => {
    await child.register(signature, options)
    for (const permission of ['read', 'write']) {
      const config = { permission }
      child.post(`/${permission}`, { config }, async () => 'done')
      operations.push({ method: 'POST', url: `/${permission}`, config, handler: async () => 'done' })
    }
  })
  await t.rejects(async () => await app.ready(), unverifiedError('GET', '/operation/*', 'read or write'))
  const open = await buildOutcomes(t, [{}])
  t.equal((await open.inject('/operation/a')).statusCode, 200)
})
