import t from 'tap'
import { postgresql } from '../../fixtures/database.js'
import { assertFinds, assertNoViolation } from './fixtures/run-chaos.js'

// The runs start many processes, which takes time. On a busy machine, a fault can be found late.
t.setTimeout(1_200_000)

t.test('each operation has one effect if its outcome is a success, and otherwise none, with two processes on PostgreSQL', { skip: postgresql.skip }, async t => {
  await assertNoViolation(t, 'postgresql', { seconds: 12, kills: 4 })
})

t.test('finds the fault of a store that locks a key with a lease', { skip: postgresql.skip }, async t => {
  await assertFinds(t, 'lease', 'postgresql')
})
