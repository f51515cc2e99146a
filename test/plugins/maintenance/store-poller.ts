import Fastify from 'fastify'
import t from 'tap'
import maintenance, { type MaintenanceState } from '../../../plugins/maintenance/index.js'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { type Line, logTo, MESSAGE, off, on, open, SharedStore, STAYS, tick, until, warnings } from '../../fixtures/maintenance.js'
import { assertInjectedError } from '../../fixtures/service.js'

const never = () => new Promise<never>(() => {})

t.test('is off if the store is down at the start, until the store can be read', async t => {
  const store = new SharedStore()
  store.isDown = true
  store.state = { enabled: true, message: 'Moving', since: '2020-01-01T00:00:00.000Z' }
  const { app, lines } = await open(t, { store, pollInterval: 1 })
  await app.ready()
  t.equal((await app.inject('/')).body, 'ok')
  t.match(lines.filter(({ level }) => level > 30), [{ err: { message: 'down' } }])
  store.isDown = false
  await until(() => app.maintenance.state.enabled)
})

t.test('keeps the last state while the store is down, and logs it once', async t => {
  const store = new SharedStore()
  const { app, lines } = await open(t, { store, pollInterval: 1 })
  await app.ready()
  await app.maintenance.enter()
  store.isDown = true
  const { loads } = store
  await until(() => store.loads > loads + 5)
  assertInjectedError(t, await app.inject('/'), 503, MESSAGE)
  const about = () => lines.filter(({ msg }) => /store/.test(msg)).map(({ level, msg }) => [level, msg.replace(/^fastify-reason-phrase: the store of maintenance /, '')])
  t.strictSame(about(), [[40, 'cannot be read, so the last known state applies']])

  await t.rejects(app.maintenance.leave(), { message: 'down' })
  t.equal(app.maintenance.state.enabled, true)

  store.isDown = false
  store.state = { enabled: false }
  await until(() => !app.maintenance.state.enabled)
  t.strictSame(about().slice(1), [[30, 'can be read again']])
  store.state = {} as MaintenanceState
  await until(() => about().length === 3)
  t.strictSame(app.maintenance.state, { enabled: false }, 'ignores an invalid state')
})

t.test('keeps the last state if a reload fails, and logs it once', async t => {
  const store = new SharedStore()
  store.state = on
  const { app, lines } = await open(t, { store, pollInterval: 60_000 })
  await app.ready()
  store.isDown = true
  await app.maintenance.reload()
  await app.maintenance.reload()
  t.match(app.maintenance.state, on)
  t.strictSame(warnings(lines), [[STAYS, 'down']])
})

t.test('logs the value that the store throws, even if it is not an Error', async t => {
  const { app, lines } = await open(t, { store: { load () { throw 'down' }, save () {} } }) // eslint-disable-line no-throw-literal
  await app.ready()
  t.match(lines.filter(({ level }) => level > 30), [{ msg: `fastify-reason-phrase: the store of maintenance ${STAYS}`, err: 'down' }])
})

t.test('reads the store again after a read hung, and ignores its late result', async t => {
  let answer = (_state: MaintenanceState) => {}
  const answers: Array<() => MaintenanceState | Promise<MaintenanceState>> = [
    () => on,
    () => new Promise(resolve => { answer = resolve }),
    () => on
  ]
  let loads = 0
  const { app, lines } = await open(t, { store: { load: () => (answers[loads++] ?? (() => on))(), save () {} }, pollInterval: 1, timeout: 20 })
  await app.ready()
  await until(() => warnings(lines).length > 0)
  t.strictSame(warnings(lines), [[STAYS, 'The store of maintenance did not answer within 20 ms']])
  t.equal(app.maintenance.state.enabled, true)
  await until(() => loads > 4)
  answer(off)
  await tick()
  t.equal(app.maintenance.state.enabled, true)
  t.strictSame(warnings(lines).length, 1)
  t.ok(lines.some(({ msg }) => /can be read again$/.test(msg)))
})

t.test('starts although the store hangs', async t => {
  for (const [pluginTimeout, timeout, limit] of [[10_000, 20, 20], [100, undefined, 50], [0, 20, 20]] as const) {
    const lines: Line[] = []
    const app = Fastify(serverOptions({ pluginTimeout, ...logTo(lines) }))
    t.teardown(() => app.close())
    await app.register(reasonPhrase)
    let load: () => MaintenanceState | Promise<never> = never
    await app.register(maintenance, { store: { load: () => load(), save () {} }, pollInterval: 1, timeout })
    await app.ready()
    t.strictSame(app.maintenance.state, off)
    t.strictSame(warnings(lines), [[STAYS, `The store of maintenance did not answer within ${limit} ms`]])
    load = () => on
    await until(() => app.maintenance.state.enabled)
  }
})

t.test('pauses longer and longer between reads that hang', async t => {
  let loads = 0
  let isBack = false
  const store = {
    load () {
      loads++
      return isBack ? on : never()
    },
    save () {}
  }
  const { app, lines } = await open(t, { store, pollInterval: 10, timeout: 1 })
  await app.ready()
  await tick(500)
  t.ok(loads > 2 && loads < 9, `${loads} calls`)
  isBack = true
  await until(() => app.maintenance.state.enabled)
  t.equal(warnings(lines).length, 1)
})

t.test('does not read the store after the service is closed', async t => {
  const store = new SharedStore()
  const { app, lines } = await open(t, { store, pollInterval: 1 })
  await app.ready()
  await until(() => store.loads > 2)
  const { loads } = store
  await until(() => store.loads > loads)
  store.isDown = true
  await app.close()
  const { loads: last } = store
  await tick(20)
  t.equal(store.loads, last)
  t.strictSame(lines.filter(({ level }) => level > 30), [])
})
