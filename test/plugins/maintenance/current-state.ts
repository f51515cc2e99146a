import t from 'tap'
import type { MaintenanceState } from '../../../plugins/maintenance/index.js'
import { MESSAGE, open, SharedStore, tick, until } from '../../fixtures/maintenance.js'
import { assertInjectedError } from '../../fixtures/service.js'

t.test('is on before enter() has returned', async t => {
  const { app } = await open(t)
  await app.ready()
  const entered = app.maintenance.enter()
  t.equal(app.maintenance.state.enabled, true)
  assertInjectedError(t, await app.inject('/'), 503, MESSAGE)
  await entered
})

t.test('keeps the time of the start, and replaces the rest, when it is entered again', async t => {
  const { app } = await open(t)
  const first = await app.maintenance.enter({ message: 'a', until: new Date(Date.now() + 60_000) })
  await tick(5)
  const second = await app.maintenance.enter({ message: 'b' })
  t.strictSame(second, { enabled: true, message: 'b', since: (first as { since: string }).since, retryAfter: 60 })
  await app.maintenance.leave()
  t.strictSame(await app.maintenance.leave(), { enabled: false })
})

t.test('ends when its time has passed', async t => {
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
  t.strictSame(app.maintenance.state, { enabled: false }, 'without a request')
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

t.test('is off if the stored maintenance has ended', async t => {
  const store = new SharedStore()
  store.state = { enabled: true, message: 'a', since: '2020-01-01T00:00:00.000Z', until: '2020-01-01T00:00:00.000Z' }
  const { app } = await open(t, { store })
  await app.ready()
  t.strictSame(app.maintenance.state, { enabled: false })
})
