import { CamelCasePlugin, Kysely, Migrator, SqliteDialect, sql, type SqliteDatabase } from 'kysely'
import { migrations } from './index.js'

/** The database that the migrations run on. */
export interface MigrateOptions {
  dialect: 'sqlite' | 'postgresql'
  /** The schema of the tables in PostgreSQL. */
  schema?: string
}

/**
 * Runs the migrations that a database does not have yet, or none of them when one fails. Several processes can call this
 * at once: one of them runs the migrations, and the others wait.
 *
 * @throws the error of the database or of Kysely's Migrator
 */
export async function migrate (db: Kysely<any>, { dialect, schema }: MigrateOptions): Promise<void> {
  const createMigrator = (db: Kysely<any>) => new Migrator({ db, provider: { getMigrations: async () => migrations }, migrationTableSchema: schema })

  async function migrateToLatest (db: Kysely<any>): Promise<void> {
    const { error } = await createMigrator(db).migrateToLatest()
    if (error !== undefined) throw error
  }

  // Kysely's Migrator takes a lock and runs a transaction on PostgreSQL, but neither on SQLite.
  const needsLock = dialect === 'sqlite' && (await createMigrator(db).getMigrations()).some(({ executedAt }) => executedAt === undefined)
  // On an SQLite file that is up to date, the Migrator only reads. It throws when a later version of the service has
  // run more migrations.
  if (!needsLock) return await migrateToLatest(db)

  // Not db.transaction(), because the Migrator asks for a connection, which a Transaction does not give.
  await db.connection().execute(async connection => {
    await sql`begin`.execute(connection)
    try {
      await dropLeftovers(connection, createMigrator(connection))
      await migrateToLatest(connection)
      await sql`commit`.execute(connection)
    } catch (error) {
      await sql`rollback`.execute(connection)
      throw error
    }
  })
}

/**
 * Drops the tables of a migration that an earlier version of the service ran without a transaction, when it was killed
 * before the end. No service has used such tables: they are empty, and defined as the migration defines them. Any other
 * table with the same name stays, so that the migration fails.
 */
async function dropLeftovers (db: Kysely<any>, migrator: Migrator): Promise<void> {
  // Only this function needs a driver, and only on SQLite.
  const { default: Libsql } = await import('libsql')
  const scratch = new Kysely<any>({
    dialect: new SqliteDialect({ database: new Libsql(':memory:') as unknown as SqliteDatabase }),
    plugins: [new CamelCasePlugin()]
  })
  const expected = new Map<string, string>()
  try {
    for (const { migration, executedAt } of await migrator.getMigrations()) {
      const before = await readTables(scratch)
      await migration.up(scratch)
      if (executedAt !== undefined) continue
      for (const [name, definition] of await readTables(scratch)) if (!before.has(name)) expected.set(name, definition)
      // Migrations run in order, so that no later one has begun.
      break
    }
  } finally {
    await scratch.destroy()
  }

  for (const [name, definition] of await readTables(db)) {
    if (definition !== expected.get(name)) continue
    const { rows } = await sql`select 1 from ${sql.id(name)} limit 1`.execute(db)
    if (rows.length === 0) await sql`drop table ${sql.id(name)}`.execute(db)
  }
}

/** Returns the tables of an SQLite database by name, with the statements that create them. */
async function readTables (db: Kysely<any>): Promise<Map<string, string>> {
  const { rows } = await sql<{ name: string, sql: string }>`select name, sql from sqlite_master where type = 'table'`.execute(db)
  return new Map(rows.map(({ name, sql }) => [name, sql]))
}
