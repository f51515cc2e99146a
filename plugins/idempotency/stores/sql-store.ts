import type { NewRecord } from '../../../lib/idempotency/record.js'
import { rawStatement, statement } from '../../../lib/idempotency/statement.js'
import type { IdempotencyStore } from '../../../lib/idempotency/store.js'
import { createTableStatements } from '../../../lib/idempotency/table.js'

/** Options of the stores in a database. */
export interface SqlStoreOptions {
  /** The name of the table, with or without its schema. Default: `idempotency`. */
  table?: string | undefined
}

/** A store in a database. */
export interface SqlStore<T> extends IdempotencyStore<T> {
  /** Creates the table of the records, unless it exists. */
  createTable (): Promise<void>
  /**
   * Inserts complete records in a transaction of the caller. There must be at
   * least one record. Returns for each record whether it was inserted; false
   * means that another request has used the key.
   */
  insertRecords (transaction: T, records: readonly NewRecord[]): Promise<boolean[]>
}

// An arbitrary number, which other users of advisory locks are unlikely to choose.
const CREATE_TABLE_LOCK = 7_395_036_829

/** Creates the table of a store, unless it exists. */
export async function createTable ({ dialect, table, transaction }: IdempotencyStore<unknown>): Promise<void> {
  await transaction(async ({ query }) => {
    // On PostgreSQL, "if not exists" fails if another process creates the table at the same time.
    if (dialect === 'postgresql') await query(statement`select pg_advisory_xact_lock(${CREATE_TABLE_LOCK}::bigint)`)
    for (const text of createTableStatements(dialect, table)) await query(rawStatement(text))
  })
}
