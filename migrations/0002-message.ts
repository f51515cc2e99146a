import { sql, type Kysely } from 'kysely'

/** Creates the table of messages, and the table of the last sequence number of each topic. */
export async function up (db: Kysely<any>): Promise<void> {
  await db.schema.createTable('message')
    .addColumn('messageId', 'text', column => column.notNull().primaryKey())
    .addColumn('topicId', 'text', column => column.notNull())
    .addColumn('mediaType', 'text', column => column.notNull())
    // SQLite does not have this type, and stores bytes unchanged in a column of any type.
    .addColumn('body', 'bytea', column => column.notNull())
    .addColumn('sequence', 'bigint', column => column.notNull())
    .addColumn('status', 'text', column => column.notNull())
    .addColumn('position', 'bigint')
    .addColumn('reason', 'text')
    .addColumn('createAt', 'text', column => column.notNull())
    .execute()

  // Finds waiting messages in the order of acceptance.
  await db.schema.createIndex('messageWaiting')
    .on('message')
    .columns(['topicId', 'sequence'])
    .unique()
    .where(sql.ref('status'), '=', sql.lit('accepted'))
    .execute()

  // Finds stored messages by position, and prevents two messages with the same position.
  await db.schema.createIndex('messagePosition')
    .on('message')
    .columns(['topicId', 'position'])
    .unique()
    .where(sql.ref('position'), 'is not', null)
    .execute()

  await db.schema.createTable('messageSequence')
    .addColumn('topicId', 'text', column => column.notNull().primaryKey())
    .addColumn('last', 'bigint', column => column.notNull())
    .execute()
}

/** Drops both tables. */
export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropTable('messageSequence').execute()
  await db.schema.dropTable('message').execute()
}
