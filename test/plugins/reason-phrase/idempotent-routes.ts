import Fastify, { type FastifyInstance, type RouteOptions } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase, { serverOptions } from '../../../index.js'
import { createOutcomeConfig, getOperations, isIdempotent, isOutcomeRoute } from '../../../plugins/reason-phrase/idempotent-routes.js'
import { markIdempotentRoutes } from '../../fixtures/idempotent-routes.js'

type Config = RouteOptions['config']

async function build (t: Test): Promise<FastifyInstance> {
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  return app
}

/** Asserts that the start fails with this message about a route. */
async function assertRejected (t: Test, app: FastifyInstance, message: string): Promise<void> {
  await t.rejects(async () => await app.ready(), { message: `fastify-reason-phrase: Route ${message}` })
}

const UNHANDLED = 'it has config.idempotency, but nothing handles its keys. Register fastify-reason-phrase/idempotency before the route, and set config.idempotency where you add the route'

const handler = async (): Promise<string> => 'done'

t.test('starts with idempotent routes that the idempotency plugin handles', async t => {
  const app = await build(t)
  markIdempotentRoutes(app)
  const config: Config = { idempotency: 'optional' }
  app.post('/topic', { config }, async ({ routeOptions: { config } }) => ({ isIdempotent: isIdempotent(config), value: config.idempotency }))
  app.route({ method: ['PUT', 'PATCH', 'DELETE'], url: '/topic', config: { idempotency: 'required' }, handler })
  app.get('/topic', { config: { idempotency: undefined } }, async ({ routeOptions: { config } }) => ({ isIdempotent: isIdempotent(config) }))
  await app.register(async child => { child.post('/child', { config, handler }) })
  t.strictSame((await app.inject({ method: 'POST', url: '/topic' })).json(), { isIdempotent: true, value: 'optional' })
  t.strictSame((await app.inject('/topic')).json(), { isIdempotent: false })
  t.strictSame(config, { idempotency: 'optional' }, 'does not change the config of the caller')
})

t.test('recognizes the config of an outcome route, even in a copy', async t => {
  const app = await build(t)
  const operations: RouteOptions[] = []
  const config = createOutcomeConfig({ errors: { 404: 'Nothing is known.' } }, operations)
  app.addHook('onRoute', route => { route.config = { ...route.config } })
  app.get('/operation/*', { config }, async ({ routeOptions: { config } }) => {
    t.equal(getOperations(config), operations)
    return { isOutcomeRoute: isOutcomeRoute(config), errors: config.errors }
  })
  app.get('/topic', async ({ routeOptions: { config } }) => ({ isOutcomeRoute: isOutcomeRoute(config) }))
  t.strictSame((await app.inject('/operation/a')).json(), { isOutcomeRoute: true, errors: { 404: 'Nothing is known.' } })
  t.strictSame((await app.inject('/topic')).json(), { isOutcomeRoute: false })
  t.equal(isOutcomeRoute(undefined), false)
  t.equal(isIdempotent(config), false)
})

t.test('rejects at start an idempotent route without the idempotency plugin', async t => {
  const app = await build(t)
  app.get('/open', handler)
  app.route({ method: ['PUT', 'POST'], url: '/topic/:id', config: { idempotency: 'optional' }, handler })
  await assertRejected(t, app, `PUT, POST /topic/:id: ${UNHANDLED}`)
})

t.test('rejects at start an idempotent route that was added before the idempotency plugin', async t => {
  const app = await build(t)
  const config: Config = { idempotency: 'optional' }
  app.post('/before', { config }, handler)
  markIdempotentRoutes(app)
  app.post('/after', { config }, handler)
  await assertRejected(t, app, `POST /before: ${UNHANDLED}`)
})

t.test('rejects at start an idempotent route if only a sibling context registers the idempotency plugin', async t => {
  const app = await build(t)
  await app.register(async child => { markIdempotentRoutes(child) })
  await app.register(async child => { child.post('/sibling', { config: { idempotency: 'optional' } }, handler) }, { prefix: '/v2' })
  await assertRejected(t, app, `POST /v2/sibling: ${UNHANDLED}`)
})

t.test('rejects at start a route that a later hook makes idempotent or exempt', async t => {
  const changes: Array<[change: Config, message: string]> = [
    [{ idempotency: 'required' }, UNHANDLED],
    [{ reasonPhrase: false }, 'it has config.idempotency and reasonPhrase: false. Remove one of them: only rejections without a body are recorded']
  ]
  for (const [change, message] of changes) {
    const app = await build(t)
    markIdempotentRoutes(app)
    await app.register(async child => {
      child.addHook('onRoute', route => { route.config = { ...route.config, ...change } })
      child.post('/late', { config: { idempotency: change!.reasonPhrase === false ? 'optional' : undefined } }, handler)
    })
    await assertRejected(t, app, `POST /late: ${message}`)
  }
})

t.test('rejects at start an invalid config.idempotency', async t => {
  for (const [value, shown] of [['always', "'always'"], [true, 'true'], [false, 'false'], [null, 'null'], ['', "''"]]) {
    const app = await build(t)
    markIdempotentRoutes(app)
    app.post('/topic', { config: { idempotency: value as 'optional' } }, handler)
    await assertRejected(t, app, `POST /topic: config.idempotency must be 'optional' or 'required', not ${String(shown)}`)
  }
})

t.test('rejects at start an idempotent route with a safe method', async t => {
  for (const [method, safe] of [['GET', 'GET'], ['head', 'HEAD'], ['OPTIONS', 'OPTIONS'], ['TRACE', 'TRACE'], [['POST', 'get'], 'GET']] as const) {
    const app = await build(t)
    markIdempotentRoutes(app)
    app.route({ method: method as RouteOptions['method'], url: '/topic', config: { idempotency: 'optional' }, handler })
    const name = [method].flat().join(', ').toUpperCase()
    await assertRejected(t, app, `${name} /topic: it has config.idempotency, but ${safe} requests have no effect. Remove it, or register ${safe} as a route of its own`)
  }
})

t.test('rejects at start an idempotent route that is exempt from the contract', async t => {
  const app = await build(t)
  markIdempotentRoutes(app)
  app.post('/topic', { config: { idempotency: 'optional', reasonPhrase: false } }, handler)
  await assertRejected(t, app, 'POST /topic: it has config.idempotency and reasonPhrase: false. Remove one of them: only rejections without a body are recorded')
})

t.test('rejects at start config.transaction without config.idempotency, and an invalid config.transaction', async t => {
  for (const [config, message] of [
    [{ transaction: 'shared' }, 'it has config.transaction, but no config.idempotency. Add it, or remove config.transaction'],
    [{ transaction: 'own', idempotency: 'optional' }, "config.transaction must be 'shared' or left out, not 'own'"],
    [{ transaction: true, idempotency: 'required' }, "config.transaction must be 'shared' or left out, not true"],
    [{ transaction: null, idempotency: 'required' }, "config.transaction must be 'shared' or left out, not null"]
  ] as Array<[Config, string]>) {
    const app = await build(t)
    markIdempotentRoutes(app)
    app.post('/topic', { config }, handler)
    await assertRejected(t, app, `POST /topic: ${message}`)
  }
})

t.test('starts with a route that shares a transaction', async t => {
  const app = await build(t)
  markIdempotentRoutes(app)
  app.post('/topic', { config: { idempotency: 'optional', transaction: 'shared' } }, async ({ routeOptions: { config } }) => config.transaction)
  t.equal((await app.inject({ method: 'POST', url: '/topic' })).body, 'shared')
})
