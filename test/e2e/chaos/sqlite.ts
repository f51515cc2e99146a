import t from 'tap'
import { assertFinds, assertNoViolation } from './fixtures/run-chaos.js'

// The runs start many processes, which takes time. On a busy machine, a fault can be found late.
t.setTimeout(1_200_000)

t.test('each operation has one effect if its outcome is a success, and otherwise none, with one process on SQLite', async t => {
  await assertNoViolation(t, 'sqlite', { seconds: 8, kills: 3 })
})

t.test('finds the fault of a store that records the response after the commit', async t => {
  await assertFinds(t, 'record-after-commit', 'sqlite')
})

t.test('finds the fault of a store that forgets closed keys', async t => {
  await assertFinds(t, 'no-tombstone', 'sqlite')
})
