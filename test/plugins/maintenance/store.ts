import t from 'tap'
import type { MaintenanceState } from '../../../plugins/maintenance/index.js'
import { off, on, open, SharedStore, STAYS, tick, until, warnings } from '../../fixtures/maintenance.js'
import { assertInjectedError } from '../../fixtures/service.js'

t.test('applies the stored state in other processes, and after the next start', async t => {
  const store = new SharedStore()
  const { app } = await open(t, { store, pollInterval: 10 })
  const { app: other } = await open(t, { store, pollInterval: 10 })
  await app.ready()
  await other.ready()
  await app.maintenance.enter({ message: 'Moving' })
  t.match(store.state, { enabled: true, message: 'Moving' })
  await until(() => other.maintenance.state.enabled)
  t.strictSame(other.maintenance.state, app.maintenance.state)
  assertInjectedError(t, await other.inject('/'), 503, 'Moving')

  const { app: next } = await open(t, { store })
  await next.ready()
  t.strictSame(next.maintenance.state, app.maintenance.state)

  await other.maintenance.leave()
  await until(() => !app.maintenance.state.enabled)
})

t.test('passes the context of a change to save()', async t => {
  const saved: unknown[][] = []
  const { app } = await open(t, { store: { load: () => off, save (...values: unknown[]) { saved.push(values) } } })
  await app.ready()
  const transaction = {}
  await app.maintenance.enter({}, transaction)
  await app.maintenance.leave(transaction)
  await app.maintenance.leave()
  t.match(saved, [[{ enabled: true }, {}], [off, {}], [off, undefined]])
  t.equal(saved[0][1], transaction)
  t.equal(saved[1][1], transaction)
})

t.test('keeps the state if save() takes too long, and applies the new state if it is saved later', async t => {
  let state: MaintenanceState = off
  let finish = () => {}
  const store = {
    load: () => state,
    save: (next: MaintenanceState) => new Promise<void>(resolve => {
      finish = () => {
        state = next
        resolve()
      }
    })
  }
  const { app } = await open(t, { store, pollInterval: 1, timeout: 20 })
  await app.ready()
  const late = { statusCode: 503, message: 'The store of maintenance did not answer within 20 ms' }
  await t.rejects(app.maintenance.enter({ message: 'Moving' }), late)
  t.strictSame(app.maintenance.state, off)
  finish()
  await until(() => app.maintenance.state.enabled)
  t.match(app.maintenance.state, { message: 'Moving' })

  await t.rejects(app.maintenance.leave(), late)
  t.equal(app.maintenance.state.enabled, true)
  finish()
  await until(() => !app.maintenance.state.enabled)
})

t.test('leaves no unhandled rejection if the store fails after its time limit', async t => {
  let fail = (_error: Error) => {}
  const hang = () => new Promise<never>((_resolve, reject) => { fail = reject })
  let load: () => MaintenanceState | Promise<never> = () => off
  const { app } = await open(t, { store: { load: () => load(), save: hang }, pollInterval: 1, timeout: 5 })
  await app.ready()
  await t.rejects(app.maintenance.enter(), { message: /did not answer/ })
  fail(new Error('late'))
  await tick()
  load = hang
  await tick(20)
  fail(new Error('late'))
  await tick()
})

t.test('keeps the last state if the store returns an invalid state', async t => {
  const wrong: unknown[] = [
    undefined, null, 'on', true, [], {}, { enabled: 'yes' }, { enabled: 'false' }, { enabled: true }, { ...on, message: 5 }, { ...on, until: 'soon' },
    Promise.resolve({ enabled: 'yes' }), { ...on, enabled: Promise.resolve(true) }, { get enabled () { throw new Error('no') } }
  ]
  for (const kept of wrong) {
    for (const before of [on, off]) {
      let state: unknown = before
      let loads = 0
      const store = {
        load () {
          loads++
          return state as MaintenanceState
        },
        save () {}
      }
      const { app, lines } = await open(t, { store, pollInterval: 1 })
      await app.ready()
      state = kept
      loads = 0
      await until(() => loads > 2)
      t.equal(app.maintenance.state.enabled, before.enabled)
      t.match(warnings(lines), [[STAYS, /^(fastify-reason-phrase: maintenance (state|option \w+) must be [^]*|no)$/]])
      t.equal(warnings(lines).length, 1)
      state = before === on ? off : on
      await until(() => app.maintenance.state.enabled !== before.enabled)
    }
  }
})
