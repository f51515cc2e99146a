import t from 'tap'
import type { MaintenanceState } from '../../../plugins/maintenance/index.js'
import { MESSAGE, off, on, open, SharedStore, tick, until } from '../../fixtures/maintenance.js'
import { assertInjectedError } from '../../fixtures/service.js'

t.test('is on before the promise of enter() resolves', async t => {
  const { app } = await open(t)
  await app.ready()
  const entered = app.maintenance.enter()
  t.equal(app.maintenance.state.enabled, true)
  assertInjectedError(t, await app.inject('/'), 503, MESSAGE)
  await entered
})

t.test('keeps the start time, and replaces everything else, if enter() is called again', async t => {
  const { app } = await open(t)
  const first = await app.maintenance.enter({ message: 'a', until: new Date(Date.now() + 60_000) })
  await tick(5)
  const second = await app.maintenance.enter({ message: 'b' })
  t.strictSame(second, { enabled: true, message: 'b', since: (first as { since: string }).since, retryAfter: 60 })
  await app.maintenance.leave()
  t.strictSame(await app.maintenance.leave(), { enabled: false })
})

t.test('ends maintenance when its time has passed', async t => {
  const { app, lines } = await open(t)
  let now = Date.now()
  t.intercept(Date, 'now', { value: () => now })
  const end = new Date(now + 90_000)
  t.match(await app.maintenance.enter({ until: end }), { until: end.toISOString(), retryAfter: undefined })
  t.equal((await app.inject('/')).headers['retry-after'], '90')
  now += 89_500
  t.equal((await app.inject('/')).headers['retry-after'], '1')
  now += 500
  t.equal((await app.inject('/')).body, 'ok')
  t.strictSame(app.maintenance.state, { enabled: false })
  t.equal(lines.filter(({ msg }) => msg === 'Maintenance is off').length, 1)

  await app.maintenance.enter({ until: new Date(now + 1) })
  now += 1
  t.strictSame(app.maintenance.state, { enabled: false }, 'ends without a request')
})

t.test('ignores a state that was loaded before a change', async t => {
  let answer = () => {}
  let state: MaintenanceState = { enabled: false }
  let loads = 0
  const store = {
    load: async () => {
      const before = state
      if (loads++ > 0) await new Promise<void>(resolve => { answer = resolve })
      return before
    },
    save: (next: MaintenanceState) => { state = next }
  }
  const { app } = await open(t, { store, pollInterval: 1 })
  await app.ready()
  await until(() => loads === 2)
  await app.maintenance.enter()
  answer()
  await until(() => loads === 3)
  t.equal(app.maintenance.state.enabled, true)
  answer()
})

t.test('applies a change with a context when it is loaded, because it can be rolled back', async t => {
  const store = new SharedStore()
  const { app } = await open(t, { store, pollInterval: 60_000 })
  await app.ready()
  const transaction = { isCommitted: false }
  const load = store.load.bind(store)
  store.load = async () => transaction.isCommitted ? await load() : off

  t.match(await app.maintenance.enter({ message: 'Moving' }, transaction), { enabled: true, message: 'Moving' })
  t.equal(app.maintenance.state.enabled, false)
  await app.maintenance.reload()
  t.equal(app.maintenance.state.enabled, false, 'does not apply before the commit')
  transaction.isCommitted = true
  await app.maintenance.reload()
  t.match(app.maintenance.state, { enabled: true, message: 'Moving' })

  t.strictSame(await app.maintenance.leave(transaction), off)
  t.equal(app.maintenance.state.enabled, true)
  await app.maintenance.reload()
  t.equal(app.maintenance.state.enabled, false)
})

t.test('applies a change with a context at once without a store', async t => {
  const { app } = await open(t)
  t.match(await app.maintenance.enter({ message: 'Moving' }, {}), { enabled: true })
  t.match(app.maintenance.state, { message: 'Moving' })
  await app.maintenance.reload()
  t.match(app.maintenance.state, { message: 'Moving' })
  t.strictSame(await app.maintenance.leave({}), off)
  t.strictSame(app.maintenance.state, off)
})

t.test('ignores a state whose load began before a reload', async t => {
  const answers: Array<(state: MaintenanceState) => void> = []
  let isHanging = false
  const { app } = await open(t, { store: { load: () => isHanging ? new Promise(resolve => { answers.push(resolve) }) : off, save () {} }, pollInterval: 1 })
  await app.ready()
  isHanging = true
  await until(() => answers.length === 1)
  const reloaded = app.maintenance.reload()
  answers[1](on)
  await reloaded
  t.equal(app.maintenance.state.enabled, true)
  answers[0](off)
  await until(() => answers.length === 3)
  t.equal(app.maintenance.state.enabled, true)
  isHanging = false
  answers[2](on)
})

t.test('is off if the stored maintenance has ended', async t => {
  const store = new SharedStore()
  store.state = { enabled: true, message: 'a', since: '2020-01-01T00:00:00.000Z', until: '2020-01-01T00:00:00.000Z' }
  const { app } = await open(t, { store })
  await app.ready()
  t.strictSame(app.maintenance.state, { enabled: false })
})
