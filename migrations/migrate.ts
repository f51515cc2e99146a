import { CamelCasePlugin, Kysely, Migrator, SqliteDialect, sql, type SqliteDatabase } from 'kysely'
import { migrations } from './index.js'

/** The database on which the migrations run. */
export interface MigrateOptions {
  dialect: 'sqlite' | 'postgresql'
  /** The schema of the tables in PostgreSQL. */
  schema?: string
}

/**
 * Runs the migrations that a database does not have yet. If one of them fails, all of them are rolled back. Several processes
 * can call this function at the same time: one process runs the migrations, and the others wait.
 *
 * @throws the error of the database or of Kysely's Migrator
 */
export async function migrate (db: Kysely<any>, { dialect, schema }: MigrateOptions): Promise<void> {
  const createMigrator = (db: Kysely<any>) => new Migrator({ db, provider: { getMigrations: async () => migrations }, migrationTableSchema: schema })

  async function migrateToLatest (db: Kysely<any>): Promise<void> {
    const { error } = await createMigrator(db).migrateToLatest()
    if (error !== undefined) throw error
  }

  // Kysely's Migrator uses a lock and a transaction on PostgreSQL, but not on SQLite.
  const needsLock = dialect === 'sqlite' && (await createMigrator(db).getMigrations()).some(({ executedAt }) => executedAt === undefined)
  // On an SQLite file that is up to date, the Migrator only reads. It throws if a later version of the service has run more
  // migrations.
  if (!needsLock) return await migrateToLatest(db)

  // Do not use db.transaction(): the Migrator calls connection(), which a Transaction does not support.
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
 * Drops the tables of an interrupted migration. Earlier versions of the service ran migrations without a transaction, so a
 * killed process left tables behind. No service has used these tables: they are empty, and defined as in the migration. Any
 * other table with the same name stays, so that the migration fails.
 */
async function dropLeftovers (db: Kysely<any>, migrator: Migrator): Promise<void> {
  // Import the driver here, because only this function needs it, and only on SQLite.
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
      // Migrations run in order, so no later migration has begun.
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
