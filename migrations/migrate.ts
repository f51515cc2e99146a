import { CamelCasePlugin, Kysely, Migrator, SqliteDialect, sql, type SqliteDatabase } from 'kysely'
import Libsql from 'libsql'
import { migrations } from './index.js'

/** Where the migrations are run. */
export interface MigrateOptions {
  dialect: 'sqlite' | 'postgresql'
  /** The schema of PostgreSQL that the tables are in. */
  schema?: string
}

/**
 * Runs the migrations that a database does not have yet, or none of them when one fails. Several processes can do this
 * at once: one of them runs the migrations, and the others wait for it.
 *
 * @throws the error of the database or of Kysely's Migrator
 */
export async function migrate (db: Kysely<any>, { dialect, schema }: MigrateOptions): Promise<void> {
  const migratorOf = (db: Kysely<any>) => new Migrator({ db, provider: { getMigrations: async () => migrations }, migrationTableSchema: schema })

  async function toLatest (db: Kysely<any>): Promise<void> {
    const { error } = await migratorOf(db).migrateToLatest()
    if (error !== undefined) throw error
  }

  // Kysely has a lock and a transaction for PostgreSQL, and neither for SQLite.
  const needsLock = dialect === 'sqlite' && (await migratorOf(db).getMigrations()).some(({ executedAt }) => executedAt === undefined)
  // In SQLite it then only reads, and throws when a later version of the service has run more migrations.
  if (!needsLock) return await toLatest(db)

  // Not transaction(), because Kysely's Migrator asks for a connection, and a Transaction refuses that.
  await db.connection().execute(async connection => {
    await sql`begin`.execute(connection)
    try {
      await dropLeftovers(connection, migratorOf(connection))
      await toLatest(connection)
      await sql`commit`.execute(connection)
    } catch (error) {
      await sql`rollback`.execute(connection)
      throw error
    }
  })
}

/**
 * Drops the tables of a migration that was begun without a transaction, by an earlier version of the service, and was
 * killed before its end. No service has run on such tables: they are as the migration creates them, and empty. Other
 * tables of the same name are left alone, so that the migration fails.
 */
async function dropLeftovers (db: Kysely<any>, migrator: Migrator): Promise<void> {
  const scratch = new Kysely<any>({
    dialect: new SqliteDialect({ database: new Libsql(':memory:') as unknown as SqliteDatabase }),
    plugins: [new CamelCasePlugin()]
  })
  const expected = new Map<string, string>()
  try {
    for (const { migration, executedAt } of await migrator.getMigrations()) {
      const before = await tablesOf(scratch)
      await migration.up(scratch)
      if (executedAt !== undefined) continue
      for (const [name, definition] of await tablesOf(scratch)) if (!before.has(name)) expected.set(name, definition)
      // Migrations run in order, so that no later one has begun.
      break
    }
  } finally {
    await scratch.destroy()
  }

  for (const [name, definition] of await tablesOf(db)) {
    if (definition !== expected.get(name)) continue
    const { rows } = await sql`select 1 from ${sql.id(name)} limit 1`.execute(db)
    if (rows.length === 0) await sql`drop table ${sql.id(name)}`.execute(db)
  }
}

/** The tables of an SQLite database, and the statements that create them. */
async function tablesOf (db: Kysely<any>): Promise<Map<string, string>> {
  const { rows } = await sql<{ name: string, sql: string }>`select name, sql from sqlite_master where type = 'table'`.execute(db)
  return new Map(rows.map(({ name, sql }) => [name, sql]))
}
