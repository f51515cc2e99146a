import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance, type RouteOptions } from 'fastify'
import t from 'tap'
import type { ContractOptions } from '../../../lib/contract.js'
import reasonPhrase, { type ReasonPhraseOptions } from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { logTo } from '../../fixtures/log.js'

const Problem = Type.Object({ message: Type.String() })
const Topic = Type.Object({ id: Type.Integer() })

async function build (options?: ReasonPhraseOptions, lines: any[] = [], contract?: ContractOptions): Promise<FastifyInstance> {
  const app = Fastify(serverOptions({ logger: logTo(lines) }, contract))
  await app.register(reasonPhrase, options ?? {})
  return app as unknown as FastifyInstance
}

function route (more: Partial<RouteOptions>): RouteOptions {
  return { method: 'GET', url: '/topic/:id', handler: async () => ({ id: 1 }), ...more }
}

t.test('throws for a route that declares a body for an error', async t => {
  const app = await build()
  for (const key of ['400', '404', '418', '500', '599', '4xx', '5XX', 'default']) {
    t.throws(() => app.route(route({ schema: { response: { 200: Topic, [key]: Problem } } })), {
      message: `fastify-reason-phrase: Route GET /topic/:id: schema.response declares a body for ${key}, but an unsuccessful response has none. ` +
        "Remove the schema, and say what the error means in config.errors; or set the option errorSchemas to 'ignore'"
    })
  }
  t.throws(() => app.route(route({ method: ['POST', 'PUT'], url: '/both', schema: { response: { 404: Problem, 422: Problem } } })), { message: /Route POST, PUT \/both: schema.response declares a body for 404, 422,/ })
  await app.register(async child => {
    t.throws(() => child.get('/child', { schema: { response: { 404: Problem } } }, async () => {}), { message: /GET \/prefix\/child/ }, 'throws in a child context too')
  }, { prefix: '/prefix' })
})

t.test('accepts schemas of successes, and schemas of null for errors', async t => {
  const app = await build()
  const schema = { response: { 200: Topic, 201: Topic, '2xx': Topic, 302: Type.Null(), '3xx': Topic, 404: Type.Null() } }
  app.route(route({ schema }))
  app.get('/none', async () => 'ok')
  t.strictSame((await app.inject('/topic/1')).json(), { id: 1 })
})

t.test("errorSchemas: 'ignore' removes error schemas, with one warning for each route", async t => {
  const lines: any[] = []
  const app = await build({ errorSchemas: 'ignore' }, lines)
  const response = { 200: Topic, 404: Problem, default: Problem }
  const seen: unknown[] = []
  app.addHook('onRoute', ({ schema }) => { seen.push(schema!.response) })
  app.route(route({ schema: { response }, handler: async (_request, reply) => reply.code(404).send({ message: 'No such topic' }) }))
  app.get('/fine', { schema: { response: { 200: Topic } } }, async () => ({ id: 1 }))
  t.strictSame(seen, Array(4).fill({ 200: Topic }), 'removes them for GET and HEAD of both routes before other hooks see them')
  t.strictSame(Object.keys(response), ['200', '404', 'default'], "does not change the caller's schema")
  t.match(lines, [{ level: 40, msg: 'fastify-reason-phrase: Route GET /topic/:id: schema.response declares a body for 404, default, which is ignored, because an unsuccessful response has none. Remove the schema, and say what the error means in config.errors' }])
  t.equal(lines.length, 1)
  const answer = await app.inject('/topic/1')
  t.equal(answer.statusMessage, 'No such topic')
  t.equal(answer.body, '')
})

t.test('requireSchemas throws for a route without a schema for a 2xx payload', async t => {
  const app = await build({ requireSchemas: true })
  for (const schema of [undefined, {}, { response: {} }, { response: { 302: Type.Null(), 404: Type.Null() } }]) {
    t.throws(() => app.route(route(schema === undefined ? {} : { schema })), {
      message: 'fastify-reason-phrase: Route GET /topic/:id: schema.response has no schema for a 2xx payload, which the option requireSchemas asks for. Add one'
    })
  }
  t.doesNotThrow(() => {
    app.route(route({ url: '/200', schema: { response: { 200: Topic } } }))
    app.route(route({ url: '/2xx', schema: { response: { '2XX': Topic } } }))
    app.route(route({ url: '/204', schema: { response: { 204: Type.Null() } } }))
    app.route(route({ url: '/head', method: 'HEAD' }))
    app.route(route({ url: '/options', method: ['OPTIONS', 'HEAD'] }))
    app.route(route({ url: '/hidden', schema: { hide: true } as object }))
  })
  await t.resolves(async () => { await app.ready() })
})

t.test('throws for invalid config.errors', async t => {
  const app = await build({}, [], { statusCodes: { 429: 'Too Many Requests' } })
  t.doesNotThrow(() => app.route(route({ config: { errors: { 404: 'No topic has this id', 429: 'Too often' } } })))
  t.throws(() => app.route(route({ url: '/a', config: { errors: { 409: 'Taken' } } })), {
    message: "fastify-reason-phrase: Route GET /a: config.errors has 409, which is not in the contract's table (400, 401, 403, 404, 422, 500, 501, 503, 429). Choose one of these, or add 409 with the option statusCodes"
  })
  t.throws(() => app.route(route({ url: '/b', config: { errors: { 404: '' } } })), { message: /GET \/b: config\.errors\[404\] must be a string that says what the error means, not ''$/ })
  t.throws(() => app.route(route({ url: '/c', config: { errors: { 404: 1 as never } } })), { message: /config\.errors\[404\] must be a string that says what the error means, not 1$/ })
  t.throws(() => app.route(route({ url: '/d', config: { errors: 'all' as never } })), { message: /GET \/d: config\.errors must be an object, such as \{ 404: 'No topic has this id' \}, not 'all'$/ })
  t.throws(() => app.route(route({ url: '/e', config: { errors: null as never } })), { message: /config\.errors must be an object, .*, not null$/ })
  t.throws(() => app.route(route({ url: '/f', config: { errors: ['No topic has this id'] as never } })), { message: /config\.errors must be an object, .*, not \[ 'No topic has this id' \]$/ })
})

t.test('config.reasonPhrase: false exempts a route from the checks', async t => {
  const app = await build({ requireSchemas: true })
  app.get('/exempt', { config: { reasonPhrase: false, errors: { 418: 'A teapot' } }, schema: { response: { 404: Problem } } }, async (_request, reply) => reply.code(404).send({ message: 'none', more: 1 }))
  for (const reasonPhrase of [0, null, 'no', 'false']) {
    t.throws(() => app.route(route({ config: { reasonPhrase } as never })), { message: /Route GET \/topic\/:id: config\.reasonPhrase must be true or false, not / })
  }
  t.throws(() => app.route(route({ config: { reasonPhrase: true } })), { message: /has no schema for a 2xx payload/ })
  t.strictSame((await app.inject('/exempt')).json(), { message: 'none' })
})

t.test('rejects invalid options, and options that differ from those of an earlier registration', async t => {
  for (const [options, message] of [
    [{ errorSchemas: 'refuse' }, "errorSchemas must be 'reject' or 'ignore', not 'refuse'"],
    [{ errorSchemas: null }, "errorSchemas must be 'reject' or 'ignore', not null"],
    [{ requireSchemas: 1 }, 'requireSchemas must be a boolean, not 1']
  ] as const) {
    await t.rejects(build(options as never), { name: 'TypeError', message: `fastify-reason-phrase: option ${message}` })
  }
  const app = await build({ requireSchemas: true })
  await app.register(reasonPhrase, { requireSchemas: true })
  await app.register(reasonPhrase)
  await t.rejects(async () => {
    const app = await build({ requireSchemas: true })
    await app.register(reasonPhrase, { errorSchemas: 'ignore' })
  }, { message: /the options differ: / })
})
