import Fastify from 'fastify'
import t from 'tap'
import maintenance from '../../../plugins/maintenance/index.js'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { open } from '../../fixtures/maintenance.js'

t.test('throws a TypeError for invalid options', async t => {
  const wrong: Array<[string, object]> = [
    ['exempt must be a function of the request', { exempt: ['/health'] }],
    ['store must be an object with load and save', { store: {} }],
    ['store must be an object with load and save', { store: null }],
    ['store must be an object with load and save', { store: { load () {} } }],
    ['pollInterval must be a positive number of milliseconds', { pollInterval: 0 }],
    ['pollInterval must be a positive number of milliseconds', { pollInterval: '1' }],
    ['pollInterval must be a positive number of milliseconds', { pollInterval: Infinity }],
    ['timeout must be a positive number of milliseconds', { timeout: 0 }],
    ['timeout must be a positive number of milliseconds', { timeout: '1' }],
    ['timeout must be a positive number of milliseconds', { timeout: 2 ** 31 }]
  ]
  for (const [rule, options] of wrong) {
    const app = Fastify()
    await app.register(reasonPhrase)
    await t.rejects(async () => await app.register(maintenance, options).ready(), { name: 'TypeError', message: new RegExp(`^fastify-reason-phrase: option ${rule.replace(' ', ' of maintenance ')}, not `) })
  }
  const app = Fastify()
  await app.register(reasonPhrase)
  const message = 'fastify-reason-phrase: unknown option "polInterval" of maintenance; did you mean "pollInterval"? The options are exempt, store, pollInterval and timeout'
  await t.rejects(async () => await app.register(maintenance, { polInterval: 1 } as object).ready(), { name: 'TypeError', message })
})

t.test("accepts Fastify's own options of register()", async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(maintenance, { prefix: '/v2', logLevel: 'warn', logSerializers: {}, exempt: undefined } as object)
  t.strictSame(app.maintenance.state, { enabled: false })
})

t.test('throws for a time in the past', async t => {
  const { app } = await open(t)
  await t.rejects(app.maintenance.enter({ until: new Date(0) }), { name: 'TypeError', message: /until must be in the future/ })
  t.strictSame(app.maintenance.state, { enabled: false })
})
