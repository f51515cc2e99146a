import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import reasonPhrase from '../../../index.js'
import idempotency, { memoryStore } from '../../../plugins/idempotency/index.js'
import maintenance from '../../../plugins/maintenance/index.js'
import signature from '../../../plugins/signature/index.js'

const FIX = 'Remove it there, or give it another name'

const keyed = { store: memoryStore() as never, scope: () => 'alice' }

/** Returns a plugin that adds a reply decorator, or nothing. */
function plugin (name: string, decorator?: string): (app: FastifyInstance) => Promise<void> {
  return fp(async app => { if (decorator !== undefined) app.decorateReply(decorator, () => {}) }, { name })
}

t.test('names the plugins that may have added a reply decorator before this plugin', async t => {
  const app = Fastify()
  await app.register(plugin('my-errors', 'notFound'))
  await t.rejects(async () => await app.register(reasonPhrase), {
    message: `fastify-reason-phrase: the reply decorator "notFound" exists already, added by my-errors or the service itself. ${FIX}`,
    cause: { code: 'FST_ERR_DEC_ALREADY_PRESENT' }
  })

  const second = Fastify()
  await second.register(plugin('a'))
  await second.register(plugin('b', 'created'))
  await second.register(plugin('c'))
  await t.rejects(async () => await second.register(reasonPhrase), {
    message: `fastify-reason-phrase: the reply decorator "created" exists already, added by a, b, c or the service itself. ${FIX}`
  })
})

t.test('names the service if no plugin was registered before', async t => {
  const app = Fastify()
  app.decorateReply('accepted', undefined as never)
  await t.rejects(async () => await app.register(reasonPhrase), {
    message: `fastify-reason-phrase: the reply decorator "accepted" exists already, added by the service itself. ${FIX}`
  })
})

t.test('names the plugins of the contexts around a child context', async t => {
  const app = Fastify()
  await app.register(plugin('outer'))
  app.decorate('notImplemented', () => {})
  await t.rejects(async () => await app.register(async function routes (child) {
    await child.register(plugin('inner'))
    child.decorate('notImplemented', () => {})
    await child.register(reasonPhrase)
  }), { message: `fastify-reason-phrase: the instance decorator "notImplemented" exists already, added by outer, inner or the service itself. ${FIX}` })
})

t.test('names the plugin that adds the same reply decorator after this plugin', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  await t.rejects(async () => await app.register(plugin('my-errors', 'notFound')), {
    message: 'fastify-reason-phrase: the reply decorator "notFound" exists already, added by fastify-reason-phrase. Give the one of my-errors or the service itself another name'
  })

  const own = Fastify()
  await own.register(reasonPhrase)
  t.throws(() => own.decorateReply('accepted', undefined as never), {
    message: 'fastify-reason-phrase: the reply decorator "accepted" exists already, added by fastify-reason-phrase. Give the one of the service itself another name'
  })

  const second = Fastify()
  await second.register(reasonPhrase)
  await t.rejects(async () => await second.register(plugin('@fastify/sensible', 'notFound')), {
    message: 'fastify-reason-phrase: the reply decorator "notFound" exists already, added by fastify-reason-phrase. @fastify/sensible must be registered first'
  })

  const other = Fastify()
  await other.register(reasonPhrase)
  other.decorateReply('other', () => {})
  await t.rejects(async () => await other.register(plugin('other', 'other')), { code: 'FST_ERR_DEC_ALREADY_PRESENT' }, "keeps Fastify's error for another decorator")
})

t.test('names the plugins that may have added a decorator of the other plugins of this package', async t => {
  const cases: Array<[target: string, name: string, decorate: (app: FastifyInstance) => unknown, register: (app: FastifyInstance) => unknown]> = [
    ['instance', 'maintenance', app => app.decorate('maintenance', {} as never), app => app.register(maintenance)],
    ['request', 'key', app => app.decorateRequest('key', undefined), app => app.register(signature, { keys: () => undefined })],
    ['request', 'transaction', app => app.decorateRequest('transaction', undefined), app => app.register(idempotency, keyed)],
    ['request', 'commitWith', app => app.decorateRequest('commitWith', async () => {}), app => app.register(idempotency, keyed)]
  ]
  for (const [target, name, decorate, register] of cases) {
    const app = Fastify()
    await app.register(reasonPhrase)
    await app.register(fp(async app => { decorate(app) }, { name: 'my-plugin' }))
    await t.rejects(async () => await register(app), {
      message: `fastify-reason-phrase: the ${target} decorator "${name}" exists already, added by my-plugin or the service itself. ${FIX}`
    })
  }
})

t.test('names the plugin of this package that is registered twice', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  await app.register(maintenance)
  await t.rejects(async () => await app.register(maintenance), { message: 'fastify-reason-phrase: fastify-reason-phrase/maintenance is registered already. Register it once' })
  const twice = Fastify()
  await twice.register(reasonPhrase)
  await twice.register(idempotency, keyed)
  await t.rejects(async () => await twice.register(idempotency, keyed), { message: 'fastify-reason-phrase: fastify-reason-phrase/idempotency is registered already. Register it once' })
})
