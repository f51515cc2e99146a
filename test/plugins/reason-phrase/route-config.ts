import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase, { serverOptions } from '../../../index.js'
import idempotency, { memoryStore } from '../../../plugins/idempotency/index.js'
import maintenance from '../../../plugins/maintenance/index.js'
import signature from '../../../plugins/signature/index.js'
import { logTo } from '../../fixtures/log.js'

const handler = async (): Promise<string> => 'done'

/** Builds a service without routes. The messages of its warnings are added to `warnings`. */
async function build (t: Test, warnings: string[] = []): Promise<FastifyInstance> {
  const lines: any[] = []
  lines.push = ({ level, msg }) => level === 40 ? warnings.push(msg) : 0
  const app: FastifyInstance = Fastify(serverOptions({ logger: logTo(lines) }))
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  return app
}

async function registerAll (app: FastifyInstance): Promise<void> {
  await app.register(signature, { keys: () => undefined })
  await app.register(maintenance)
  const options = { store: memoryStore() as never }
  await app.register(idempotency, options)
}

const TYPOS = [
  ['permissions', 'permission'], ['Permission', 'permission'], ['permision', 'permission'],
  ['signatures', 'signature'], ['singature', 'signature'],
  ['idempotent', 'idempotency'], ['idempotence', 'idempotency'],
  ['transactions', 'transaction'],
  ['maintainance', 'maintenance']
] as const

t.test('fails the start for a typo of a key that a registered plugin reads', async t => {
  for (const [key, meant] of [['error', 'errors'], ['Errors', 'errors'], ['reasonphrase', 'reasonPhrase'], ['reasonPhrases', 'reasonPhrase'], ...TYPOS]) {
    const app = await build(t)
    await app.register(async child => { child.post('/topic', { config: { [key!]: 'x' } }, handler) }, { prefix: '/v2' })
    await registerAll(app)
    const message = `fastify-reason-phrase: Route POST /v2/topic: config.${key} is unknown; did you mean config.${meant}?`
    await t.rejects(async () => await app.ready(), { message }, message)
  }
})

t.test('warns about a typo of a key that no registered plugin reads, once for each route', async t => {
  for (const [key, meant] of TYPOS) {
    const warnings: string[] = []
    const app = await build(t, warnings)
    app.get('/topic', { config: { [key]: ['x'] } }, handler)
    await app.ready()
    t.strictSame(warnings, [`fastify-reason-phrase: Route GET /topic: config.${key} is unknown; did you mean config.${meant}? If another plugin reads config.${key}, ignore this warning`])
  }
})

t.test('does not warn about the config of other plugins', async t => {
  const warnings: string[] = []
  const app = await build(t, warnings)
  await registerAll(app)
  const config = { rateLimit: { max: 1 }, cors: {}, otel: false, swagger: {}, roles: ['a'], cache: 5, rawBody: true, translation: 'de', description: 'a', x: 1 }
  app.get('/topic', { config }, handler)
  app.get('/none', handler)
  await app.ready()
  t.strictSame(warnings, [])
})

t.test('accepts a key that looks like a typo if the config has the correct key too', async t => {
  const warnings: string[] = []
  const app = await build(t, warnings)
  await registerAll(app)
  app.get('/topic', { config: { permission: 'read', permissions: ['a'], errors: undefined, error: 'a' } as object }, handler)
  await app.ready()
  t.strictSame(warnings, [])
})

t.test('throws for an invalid config.signature or config.maintenance when the route is added', async t => {
  const app = await build(t)
  for (const [config, problem] of [
    [{ signature: 'no' }, "config.signature must be false, which accepts requests without a signature, or left out; not 'no'"],
    [{ signature: 'false' }, "config.signature must be false, which accepts requests without a signature, or left out; not 'false'"],
    [{ signature: true }, 'config.signature must be false, which accepts requests without a signature, or left out; not true'],
    [{ signature: null }, 'config.signature must be false, which accepts requests without a signature, or left out; not null'],
    [{ maintenance: 'exmpt' }, "config.maintenance must be 'exempt', which keeps the route available during maintenance, or left out; not 'exmpt'"],
    [{ maintenance: true }, "config.maintenance must be 'exempt', which keeps the route available during maintenance, or left out; not true"],
    [{ maintenance: false }, "config.maintenance must be 'exempt', which keeps the route available during maintenance, or left out; not false"]
  ] as const) {
    const message = `fastify-reason-phrase: Route GET /topic: ${problem}`
    t.throws(() => app.get('/topic', { config: config as object }, handler), { message }, message)
  }
  t.doesNotThrow(() => app.get('/topic', { config: { signature: false, maintenance: 'exempt' } }, handler))
  t.doesNotThrow(() => app.get('/other', { config: { signature: undefined, maintenance: undefined } }, handler))
})
