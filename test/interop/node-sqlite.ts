import t from 'tap'
import { toQuestionMarks } from '../../lib/idempotency/statement.js'
import type { IdempotencyStore } from '../../lib/idempotency/store.js'
import { createTableStatements } from '../../lib/idempotency/table.js'
import { testStore } from '../fixtures/idempotent-store.js'

/** The part of `DatabaseSync` of `node:sqlite` that the store uses. */
interface DatabaseSync {
  exec (text: string): void
  prepare (text: string): { all (...values: unknown[]): Array<Record<string, unknown>> }
}

/** Returns a store with one `node:sqlite` connection. Its transactions wait for each other. */
function nodeSqliteStore (db: DatabaseSync): IdempotencyStore<DatabaseSync> {
  let last: Promise<unknown> = Promise.resolve()

  async function run<Result> (work: () => Promise<Result>): Promise<Result> {
    db.exec('begin immediate')
    try {
      const result = await work()
      db.exec('commit')
      return result
    } catch (error) {
      db.exec('rollback')
      throw error
    }
  }

  return {
    dialect: 'sqlite',
    async transaction (work) {
      const result = last.then(() => run(() => work({
        transaction: db,
        async query (statement) {
          const { text, values } = toQuestionMarks(statement)
          return db.prepare(text).all(...values)
        }
      })))
      last = result.catch(() => {})
      return await result
    }
  }
}

// Node 20 does not contain node:sqlite.
const module = await import(`node:${'sqlite'}`).catch(() => undefined)

t.test('node:sqlite: executes operations once', { skip: module === undefined && 'this Node has no node:sqlite' }, async t => {
  const db: DatabaseSync = new module.DatabaseSync(':memory:')
  for (const text of [...createTableStatements('sqlite'), 'create table effect (n integer)']) db.exec(text)
  await testStore(t, {
    store: nodeSqliteStore(db),
    addEffect: async db => db.exec('insert into effect values (1)'),
    countEffects: async () => Number(db.prepare('select count(*) as n from effect').all()[0].n)
  })
})
