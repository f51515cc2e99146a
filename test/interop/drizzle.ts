import { sql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import t from 'tap'
import type { IdempotencyStore } from '../../lib/idempotency/store.js'
import { createTableStatements } from '../../lib/idempotency/table.js'
import { openPool, postgresql } from '../fixtures/database.js'
import { testStore } from '../fixtures/idempotent-store.js'

type DrizzleTransaction = Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0]

/**
 * Returns a store with Drizzle on PostgreSQL. Handlers must await their queries: after the end of a transaction, Drizzle runs
 * them outside of it.
 */
function drizzleStore (db: NodePgDatabase): IdempotencyStore<DrizzleTransaction> {
  return {
    dialect: 'postgresql',
    transaction: work => db.transaction(transaction => work({
      transaction,
      query: async ({ parts, values }) => (await transaction.execute(sql(parts, ...values))).rows
    }))
  }
}

t.test('Drizzle: executes operations once', { skip: postgresql.skip }, async t => {
  const pool = await openPool(t)
  t.teardown(() => pool.end())
  const db = drizzle(pool)
  const effect = pgTable('effect', { n: integer() })
  for (const text of [...createTableStatements('postgresql'), 'create table effect (n integer)']) await db.execute(text)
  await testStore(t, {
    store: drizzleStore(db),
    addEffect: transaction => transaction.insert(effect).values({ n: 1 }),
    countEffects: async () => (await db.select().from(effect)).length
  })
})
