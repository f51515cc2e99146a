import t from 'tap'
import { createTableStatements } from '../../../lib/idempotency/table.js'

t.test('creates a table and its index', async t => {
  for (const dialect of ['postgresql', 'sqlite', 'mysql'] as const) {
    t.match(createTableStatements(dialect).join('\n'), /create table if not exists idempotency \([^]*idempotency_created/)
  }
  t.strictSame(createTableStatements('postgresql', 'app.Keys')[1], 'create index if not exists Keys_created on app.Keys (created)')
})

t.test('refuses a name that would need quotes', async t => {
  for (const table of ['', 'a b', 'a;b', '1a', 'a.b.c', '"a"', 'é', 1 as never]) {
    t.throws(() => createTableStatements('sqlite', table), { name: 'TypeError', message: /^fastify-reason-phrase: option table must be the name of a table that needs no quotes, not / })
  }
})
