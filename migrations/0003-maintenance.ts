import { sql, type Kysely } from 'kysely'

/** Creates the table that says what maintenance is on: it has one row at most. */
export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('maintenance')
    .addColumn('id', 'integer', column => column.primaryKey().check(sql`id = 1`))
    .addColumn('message', 'text', column => column.notNull())
    .addColumn('since', 'text', column => column.notNull())
    .addColumn('until', 'text')
    .addColumn('retryAfter', 'integer')
    .execute()
}

/** Drops it, which ends any maintenance. */
export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropTable('maintenance').execute()
}
