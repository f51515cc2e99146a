import { checkOptionNames } from '../../../lib/invalid-option.js'
import { rawStatement, toQuestionMarks } from '../../../lib/idempotency/statement.js'
import { checkTable, createTableStatements, DEFAULT_TABLE } from '../../../lib/idempotency/table.js'
import { createQuery, readDialect, type KyselyExecutor, type KyselyStoreOptions } from './kysely.js'

/** A `Migration` of Kysely. */
export interface KyselyMigration {
  up (db: KyselyExecutor): Promise<void>
  down (db: KyselyExecutor): Promise<void>
}

/**
 * Returns a migration for the `Migrator` of Kysely. `up()` creates the table of
 * the records unless it exists, and `down()` drops the table.
 *
 * @throws {TypeError} if the name of the table would need quotes, or an option is unknown
 */
export function createTableMigration (options: KyselyStoreOptions = {}): KyselyMigration {
  checkOptionNames(options, ['table', 'dialect'], 'createTableMigration()')
  const { table = DEFAULT_TABLE, dialect } = options
  checkTable(table)
  return {
    up: async db => await run(db, createTableStatements(dialect ?? readDialect(db), table)),
    down: async db => await run(db, [`drop table ${table}`])
  }
}

async function run (db: KyselyExecutor, texts: string[]): Promise<void> {
  const query = createQuery(db, toQuestionMarks)
  for (const text of texts) await query(rawStatement(text))
}
