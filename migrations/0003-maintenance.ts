import { sql, type Kysely } from 'kysely'

/** Creates the table of the state of maintenance. It has one row while maintenance is on, and none otherwise. */
export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('maintenance')
    .addColumn('id', 'integer', column => column.primaryKey().check(sql`id = 1`))
    .addColumn('message', 'text', column => column.notNull())
    .addColumn('since', 'text', column => column.notNull())
    .addColumn('until', 'text')
    .addColumn('retryAfter', 'integer')
    .execute()
}

/** Drops the table of the state of maintenance, which ends maintenance. */
export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropTable('maintenance').execute()
}
