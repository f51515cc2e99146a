import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { keepPayloads, takeKeptPayload } from '../../../plugins/reason-phrase/kept-payload.js'

/** Returns the hooks of each route. */
async function hooksOf (app: FastifyInstance): Promise<string> {
  await app.ready()
  return app.printRoutes({ includeHooks: true, commonPrefix: false })
}

t.test('runs only the onSend hook for a success', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  app.get('/', async () => ({ ok: true }))
  app.post('/', async () => ({ ok: true }))
  const hooks = await hooksOf(app)
  t.match(hooks, /onSend/)
  t.notMatch(hooks, /onRequest|preParsing|preValidation|preHandler|preSerialization|onResponse/)
})

t.test('keeps the payload if another hook may change it or throw', async t => {
  const setups: Record<string, (app: FastifyInstance) => Promise<void> | void> = {
    'an earlier onSend hook': app => { app.addHook('onSend', async (_request, _reply, payload) => payload) },
    'an earlier preSerialization hook': app => { app.addHook('preSerialization', async (_request, _reply, payload) => payload) }
  }
  for (const [title, setup] of Object.entries(setups)) {
    const app = Fastify()
    await setup(app)
    await app.register(reasonPhrase)
    app.get('/', async () => ({ ok: true }))
    t.match(await hooksOf(app), /preSerialization\) \[.*"keepPayload/, title)
  }

  const app = Fastify()
  await app.register(reasonPhrase, { errorSchemas: 'ignore' })
  app.get('/plain', async () => ({ ok: true }))
  app.get('/own', { preSerialization: async (_request, _reply, payload) => payload }, async () => ({ ok: true }))
  app.get('/schema', { schema: { response: { 404: { type: 'object' } } } }, async () => ({ ok: true }))
  await app.register(async child => {
    child.addHook('preSerialization', async (_request, _reply, payload) => payload)
    child.addHook('preSerialization', async (_request, _reply, payload) => payload)
    child.get('/child', async () => ({ ok: true }))
  })
  const routes = (await hooksOf(app)).split('── ')
  for (const url of ['own', 'schema', 'child']) {
    const [, hooks = ''] = routes.find(route => route.startsWith(`/${url}`) || route.startsWith(url))!.split('preSerialization')
    t.equal(hooks.split('keepPayload').length, 2, `/${url}`)
  }
  t.notMatch(routes.find(route => route.startsWith('/plain') || route.startsWith('plain')), /preSerialization/)
})

t.test('returns the payload of an error once, and no payload of a success', async t => {
  const app = Fastify()
  const payload = { message: 'It is gone' }
  const taken: unknown[] = []
  app.addHook('onSend', async (_request, reply, serialized) => {
    taken.push(takeKeptPayload(reply), takeKeptPayload(reply))
    return serialized
  })
  await app.after()
  keepPayloads(app)
  app.get('/error', async (_request, reply) => reply.code(404).send(payload))
  app.get('/success', async () => payload)
  await app.inject('/error')
  await app.inject('/success')
  t.strictSame(taken, [payload, undefined, undefined, undefined])
})

t.test("keeps the payload if Fastify's hooks cannot be found", async t => {
  const names: string[] = []
  keepPayloads({ addHook (name: string) { names.push(name) } } as unknown as FastifyInstance)
  t.strictSame(names, ['preSerialization'])
})
