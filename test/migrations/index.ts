import t from 'tap'
import { migrations } from '../../migrations/index.js'

t.test('has the migrations in the order of their names, and each can be reverted', async t => {
  const names = Object.keys(migrations)
  t.same(names, names.toSorted())
  for (const [name, migration] of Object.entries(migrations)) {
    t.match(name, /^\d{4}-/)
    t.type(migration.up, 'function')
    t.type(migration.down, 'function')
  }
})
