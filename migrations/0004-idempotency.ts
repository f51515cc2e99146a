import type { Kysely } from 'kysely'

/** Creates the table of the idempotency records, as the store of `fastify-reason-phrase/idempotency` expects it. */
export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('idempotency')
    // SQLite does not have this type, and stores bytes unchanged in a column of any type.
    .addColumn('id', 'bytea', column => column.primaryKey())
    .addColumn('scope', 'text', column => column.notNull())
    .addColumn('idempotencyKey', 'text', column => column.notNull())
    .addColumn('fingerprint', 'bytea')
    .addColumn('state', 'text', column => column.notNull())
    .addColumn('status', 'integer')
    .addColumn('reason', 'text')
    .addColumn('headers', 'text')
    .addColumn('body', 'bytea')
    .addColumn('created', 'bigint', column => column.notNull())
    .addColumn('settled', 'bigint')
    .execute()

  // Finds the oldest records, which the sweep removes first.
  await db.schema.createIndex('idempotencyCreated')
    .on('idempotency')
    .column('created')
    .execute()
}

/** Drops the table of the idempotency records, so that a repeated request takes effect again. */
export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropTable('idempotency').execute()
}
