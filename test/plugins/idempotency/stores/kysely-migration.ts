import { CamelCasePlugin, Kysely, Migrator, MysqlDialect, PostgresDialect, SqliteDialect, sql, type Dialect, type SqliteDatabase } from 'kysely'
import Libsql from 'libsql'
import { createPool } from 'mysql2'
import t, { type Test } from 'tap'
import { createTableMigration } from '../../../../plugins/idempotency/stores/kysely-migration.js'
import { kyselyStore } from '../../../../plugins/idempotency/stores/kysely.js'
import { mariadb, openPool, postgresql } from '../../../fixtures/database.js'
import { execute } from '../../../fixtures/idempotent-store.js'

const databases = [
  { name: 'SQLite', skip: false, open: async () => new SqliteDialect({ database: new Libsql(':memory:') as unknown as SqliteDatabase }) },
  { name: 'PostgreSQL', skip: postgresql.skip, open: async (t: Test) => new PostgresDialect({ pool: await openPool(t) }) },
  { name: 'MariaDB', skip: mariadb.skip, open: async (t: Test) => new MysqlDialect({ pool: createPool((await mariadb.open(t)).databaseUrl!) }) }
]

function createKysely (t: Test, dialect: Dialect): Kysely<any> {
  const db = new Kysely<any>({ dialect, plugins: [new CamelCasePlugin()] })
  t.teardown(() => db.destroy())
  return db
}

for (const { name, skip, open } of databases) {
  t.test(`the Migrator of Kysely creates and drops the table on ${name}`, { skip }, async t => {
    const db = createKysely(t, await open(t))
    const migrations = { '0001-idempotency': createTableMigration(), '0002-other': createTableMigration({ table: 'other_keys' }) }
    const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
    const tested = (table?: string) => ({ store: kyselyStore(db, { table }), addEffect: async () => {}, countEffects: async () => 0 })

    t.equal((await migrator.migrateToLatest()).error, undefined)
    for (const table of [undefined, 'other_keys']) t.strictSame(await execute(tested(table), 'a'), { type: 'new' }, String(table))
    t.equal((await migrator.migrateDown()).error, undefined)
    await t.rejects(sql`select id from other_keys`.execute(db), { message: /other_keys/ })
    t.match(await execute(tested(), 'a'), { type: 'settled' })
    t.equal((await migrator.migrateDown()).error, undefined)
    await t.rejects(sql`select id from idempotency`.execute(db), { message: /idempotency/ })
  })
}

t.test('uses the dialect of the Kysely instance by default', async t => {
  const texts: string[] = []
  const db = createKysely(t, new SqliteDialect({
    database: {
      prepare (text: string) {
        texts.push(text)
        return { reader: false, run: () => ({ changes: 0, lastInsertRowid: 0 }) }
      },
      close () {}
    } as never
  }))
  await createTableMigration({ dialect: 'mysql' }).up(db)
  t.match(texts, [/engine = innodb/])
  await createTableMigration({ table: 'app.keys' }).down(db)
  t.equal(texts[1], 'drop table app.keys')
})

t.test('throws for a table name that would need quotes', async t => {
  t.throws(() => createTableMigration({ tabel: 'a' } as object), { message: /unknown option "tabel" of createTableMigration\(\); did you mean "table"\?/ })
  t.throws(() => createTableMigration({ table: 'no table' }), { message: /table must be the name of a table that needs no quotes, not 'no table'/ })
})
