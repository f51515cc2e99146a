import { CamelCasePlugin, Kysely, MysqlDialect, PostgresDialect, SqliteDialect, sql, type Dialect, type SqliteDatabase, type Transaction } from 'kysely'
import Libsql from 'libsql'
import { createPool } from 'mysql2'
import t, { type Test } from 'tap'
import { rawStatement, ROLLBACK } from '../../../../lib/idempotency/statement.js'
import { createSqliteDialect } from '../../../../plugins/app/database/sqlite.js'
import { combineRoundTrips } from '../../../../plugins/idempotency/stores/combine-round-trips.js'
import { kyselyStore, type KyselyStoreOptions } from '../../../../plugins/idempotency/stores/kysely.js'
import { mariadb, openPool, postgresql } from '../../../fixtures/database.js'
import { answer, fingerprint, operationOf, rejection } from '../../../fixtures/idempotency.js'
import { recordsOf, testStore, type StoreUnderTest } from '../../../fixtures/idempotent-store.js'

interface Tables { effectOfOperation: { number: number } }
const ended = { message: 'fastify-reason-phrase: a handler used its transaction after the transaction had ended. Await all queries before you send the response' }

async function create (t: Test, dialect: Dialect, options?: KyselyStoreOptions) {
  const db = new Kysely<Tables>({ dialect, plugins: [new CamelCasePlugin()] })
  t.teardown(() => db.destroy())
  await db.schema.createTable('effectOfOperation').addColumn('number', 'integer').execute()
  const store = kyselyStore(db, options)
  await store.createTable()
  const addEffect = async (transaction: Transaction<Tables>) => await transaction.insertInto('effectOfOperation').values({ number: 1 }).execute()
  const countEffects = async () => (await db.selectFrom('effectOfOperation').select('number').execute()).length
  return { db, store, addEffect, countEffects } satisfies StoreUnderTest<Transaction<Tables>> & { db: Kysely<Tables> }
}

const sqliteDialect = () => new SqliteDialect({ database: new Libsql(':memory:') as unknown as SqliteDatabase })

const databases = [
  { name: 'SQLite', dialect: 'sqlite', skip: false, open: async () => sqliteDialect() },
  { name: 'SQLite of the service', dialect: 'sqlite', skip: false, open: async (t: Test) => await createSqliteDialect(`${t.testdir()}/records.db`) },
  { name: 'PostgreSQL', dialect: 'postgresql', skip: postgresql.skip, open: async (t: Test) => new PostgresDialect({ pool: await openPool(t) }) },
  { name: 'PostgreSQL with combined round trips', dialect: 'postgresql', skip: postgresql.skip, open: async (t: Test) => new PostgresDialect({ pool: combineRoundTrips(await openPool(t)) }) },
  { name: 'MariaDB', dialect: 'mysql', skip: mariadb.skip, open: async (t: Test) => new MysqlDialect({ pool: createPool((await mariadb.open(t)).databaseUrl!) }) }
]

for (const { name, dialect, skip, open } of databases) {
  t.test(`kyselyStore() on ${name}`, { skip }, async t => {
    const tested = await create(t, await open(t))
    t.equal(tested.store.dialect, dialect)
    await tested.store.createTable()
    await testStore(t, tested)
    await testTransactions(t, tested)
  })

  t.test(`kyselyStore() on ${name}, with another table`, { skip }, async t => {
    const tested = await create(t, await open(t), { table: 'keys_of_app' })
    await testStore(t, tested)
    t.test('creates the table with this name', async t => {
      t.ok((await sql`select id from keys_of_app`.execute(tested.db)).rows.length > 0)
    })
  })
}

async function testTransactions (t: Test, { db, store, addEffect, countEffects }: Awaited<ReturnType<typeof create>>): Promise<void> {
  t.test('throws if a handler uses its transaction after the end', async t => {
    const before = await countEffects()
    const transaction = await store.transaction(async ({ transaction }) => {
      t.equal(transaction.isTransaction, true)
      t.strictSame(await transaction.selectFrom('effectOfOperation').select('number').limit(1).execute(), [{ number: 1 }])
      return transaction
    })
    await t.rejects(addEffect(transaction), ended)
    await t.rejects(sql`insert into effect_of_operation values (1)`.execute(transaction), ended)
    t.equal(await countEffects(), before)
  })

  t.test('throws if a handler uses another handle of its transaction after the end', async t => {
    const before = await countEffects()
    await store.transaction(async session => {
      const { transaction } = session
      const handles = [transaction, transaction.withoutPlugins(), transaction.withTables<{ other: { number: number } }>(), transaction.withPlugin(new CamelCasePlugin()), transaction.withPlugin(new CamelCasePlugin()).withoutPlugins()]
      const compiled = sql`insert into effect_of_operation values (1)`.compile(db)
      for (const handle of handles) await handle.executeQuery(compiled)
      await session.query(ROLLBACK)
      for (const handle of handles) {
        await t.rejects(handle.executeQuery(compiled), ended)
        await t.rejects(sql`insert into effect_of_operation values (1)`.execute(handle), ended)
      }
      // The store ends the current transaction, so begin another one.
      await session.query(rawStatement('begin'))
    })
    t.equal(await countEffects(), before)
  })

  t.test('throws if a handler uses its transaction after a rejection was sent', async t => {
    const before = await countEffects()
    const operation = operationOf('late effect')
    await store.transaction(async session => {
      const records = recordsOf(store, session)
      await records.claim(operation, fingerprint)
      await addEffect(session.transaction)
      await records.reject({ operation, fingerprint, state: 'rejected', answer: rejection })
      await t.rejects(addEffect(session.transaction), ended)
      await records.release(operation)
    })
    t.equal(await countEffects(), before)
  })

  t.test('insertRecords() inserts records in a transaction of the caller', async t => {
    const operation = operationOf('shared')
    const records = [{ operation, fingerprint, state: 'succeeded', answer }] as const
    t.strictSame(await db.transaction().execute(transaction => store.insertRecords(transaction, records)), [true])
    t.strictSame(await db.transaction().execute(transaction => store.insertRecords(transaction, records)), [false])
    t.match(await store.query!({ parts: ['select count(*) as n from idempotency where created < settled'] as never, values: [] }), [{ n: /\d/ }])
  })
}

t.test('kyselyStore() uses the dialect of the Kysely instance by default', async t => {
  const mysql = new Kysely<Tables>({ dialect: new MysqlDialect({ pool: async () => { throw new Error('Not called') } }) })
  t.equal(kyselyStore(mysql).dialect, 'mysql')
  t.equal(kyselyStore(mysql, { dialect: 'sqlite' }).dialect, 'sqlite')
  t.throws(() => kyselyStore(mysql, { dialekt: 'mysql' } as object), { message: /unknown option "dialekt" of kyselyStore\(\); did you mean "dialect"\?/ })
  t.throws(() => kyselyStore(mysql, { table: 'no table' }), { message: /table must be the name of a table that needs no quotes, not 'no table'/ })
})

t.test('kyselyStore() uses the isolation level read committed on PostgreSQL, and rejects queries from COMMIT on', async t => {
  const texts: string[] = []
  let onCommit = async () => {}
  const client = {
    async query (text: string, values: unknown[]) {
      if (text === 'commit') await onCommit()
      texts.push(text.replace(/\n[^]*/, ''))
      t.ok(Array.isArray(values))
      return { command: 'SELECT', rowCount: 0, rows: [] }
    },
    release () {}
  }
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: { connect: async () => client as never, end: async () => {} } }) })
  const store = kyselyStore(db)
  t.equal(store.dialect, 'postgresql')
  await store.createTable()
  t.strictSame(texts.splice(0), [
    'start transaction isolation level read committed',
    'select pg_advisory_xact_lock($1::bigint)',
    'create table if not exists idempotency (',
    'create index if not exists idempotency_created on idempotency (created)',
    'commit'
  ])

  // Kysely itself would accept queries until COMMIT has returned.
  await store.transaction(async ({ transaction }) => {
    onCommit = async () => { await t.rejects(transaction.selectFrom('effectOfOperation').execute(), ended) }
  })
  t.strictSame(texts, ['start transaction isolation level read committed', 'commit'])
  await db.destroy()
})
