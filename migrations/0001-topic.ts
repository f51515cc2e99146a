import { sql, type Kysely } from 'kysely'

/** Creates the table of topics. */
export async function up (db: Kysely<any>): Promise<void> {
  // Ids and timestamps are texts of one length and one case, so that they sort alike in both databases.
  await db.schema.createTable('topic')
    .addColumn('topicId', 'text', column => column.notNull().primaryKey())
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('description', 'text', column => column.notNull())
    .addColumn('mediaType', 'text', column => column.notNull())
    .addColumn('createAt', 'text', column => column.notNull())
    .addColumn('deleteAt', 'text')
    .execute()

  // The name of a deleted topic is free again.
  await db.schema.createIndex('topicName')
    .on('topic')
    .column('name')
    .unique()
    .where(sql.ref('deleteAt'), 'is', null)
    .execute()
}

/** Drops it, with all that is in it. */
export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropTable('topic').execute()
}
