import { MysqlRecords } from './dialects/mysql.js'
import { PostgresqlRecords } from './dialects/postgresql.js'
import { SqliteRecords } from './dialects/sqlite.js'
import type { IdempotencyStore, Query, Records } from './store.js'
import { DEFAULT_TABLE } from './table.js'

const DIALECTS = { mysql: MysqlRecords, postgresql: PostgresqlRecords, sqlite: SqliteRecords }

/**
 * Returns the records of a transaction.
 *
 * @param query runs a statement in the transaction
 * @param table the name of the table. Default: `idempotency`
 */
export function createRecords (dialect: IdempotencyStore<unknown>['dialect'], query: Query, table = DEFAULT_TABLE): Records {
  return new DIALECTS[dialect](query, table)
}
