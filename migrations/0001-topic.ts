import { sql, type Kysely } from 'kysely'

/** Creates the table of topics. */
export async function up (db: Kysely<any>): Promise<void> {
  // Ids and timestamps are texts of the same length and case, so that both databases sort them in the same way.
  await db.schema.createTable('topic')
    .addColumn('topicId', 'text', column => column.notNull().primaryKey())
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('description', 'text', column => column.notNull())
    .addColumn('mediaType', 'text', column => column.notNull())
    .addColumn('createAt', 'text', column => column.notNull())
    .addColumn('deleteAt', 'text')
    .execute()

  // A new topic can take the name of a deleted one.
  await db.schema.createIndex('topicName')
    .on('topic')
    .column('name')
    .unique()
    .where(sql.ref('deleteAt'), 'is', null)
    .execute()
}

/** Drops the table of topics. */
export async function down (db: Kysely<any>): Promise<void> {
  await db.schema.dropTable('topic').execute()
}
