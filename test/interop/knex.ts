import knex, { type Knex } from 'knex'
import t, { type Test } from 'tap'
import { toQuestionMarks } from '../../lib/idempotency/statement.js'
import type { IdempotencyStore } from '../../lib/idempotency/store.js'
import { createTableStatements } from '../../lib/idempotency/table.js'
import { mariadb, postgresql } from '../fixtures/database.js'
import { testStore } from '../fixtures/idempotent-store.js'

/** Returns a store with Knex on PostgreSQL, MySQL or MariaDB. */
function knexStore (db: Knex, dialect: 'postgresql' | 'mysql'): IdempotencyStore<Knex.Transaction> {
  return {
    dialect,
    transaction: work => db.transaction(transaction => work({
      transaction,
      async query (statement) {
        const { text, values } = toQuestionMarks(statement)
        const result = await transaction.raw(text, values as Knex.RawBinding[])
        return dialect === 'postgresql' ? result.rows : result[0]
      }
    }))
  }
}

const databases = [
  { ...postgresql, dialect: 'postgresql', client: 'pg' },
  { ...mariadb, dialect: 'mysql', client: 'mysql2' }
] as const

for (const { name, skip, dialect, client, open } of databases) {
  t.test(`Knex: executes operations once on ${name}`, { skip }, async (t: Test) => {
    const { databaseUrl } = await open(t)
    const db = knex({ client, connection: databaseUrl, pool: { min: 0, max: 5 } })
    t.teardown(() => db.destroy())
    for (const text of [...createTableStatements(dialect), 'create table effect (n integer)']) await db.raw(text)
    await testStore(t, {
      store: knexStore(db, dialect),
      addEffect: transaction => transaction('effect').insert({ n: 1 }),
      countEffects: async () => (await db('effect')).length
    })
  })
}
