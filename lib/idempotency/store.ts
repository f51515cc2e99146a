import type { Answer, Claim, NewRecord, StoredRecord } from './record.js'
import type { Operation } from './operation.js'

/** An SQL statement. Values are never part of the text. */
export interface Statement {
  readonly parts: TemplateStringsArray
  readonly values: ReadonlyArray<string | number | bigint | Buffer | null>
}

export type Rows = ReadonlyArray<Record<string, unknown>>
export type Query = (statement: Statement) => Promise<Rows>

/** A transaction that has begun: the handle that the handler uses, and a function for the statements of the plugin. */
export interface Session<T> {
  readonly transaction: T
  readonly query: Query
  /** Optional: the records of a store that does not use SQL. */
  readonly records?: Records | undefined
}

/** A store of records. It uses the database that the handlers write to. */
export interface IdempotencyStore<T> {
  readonly dialect: 'postgresql' | 'sqlite' | 'mysql'
  /** Optional: the name of the table. Default: `idempotency`. */
  readonly table?: string | undefined
  /** Optional: a description of the store, which is logged at start. */
  readonly description?: string | undefined
  /** Optional: the size of the connection pool. It must be more than `maxInFlight`. */
  readonly poolSize?: number | undefined
  /**
   * Begins a transaction, and calls `work` once. Commits if `work` resolves. Rolls back and rethrows if it rejects. Never calls
   * `work` again. Rejects if the commit fails.
   */
  transaction<R> (work: (session: Session<T>) => Promise<R>): Promise<R>
  /** Optional: runs one statement outside of a transaction. */
  query?: Query | undefined
  /** Optional, for PostgreSQL: `first` is sent with BEGIN, `last` with COMMIT. `work` gets the rows of `first`. */
  transactionWith?: (<R>(first: Statement, work: (session: Session<T>, rows: Rows) => Promise<{ result: R, last?: Statement | undefined }>) => Promise<R>) | undefined
}

/** The records of one transaction. */
export interface Records {
  /** Claims a key. It is the first statement of a transaction. */
  claim (operation: Operation, fingerprint: Buffer): Promise<Claim>
  /** Settles a claimed key. Rejects unless it changes one row. */
  settle (operation: Operation, answer: Answer): Promise<void>
  /** Undoes the transaction, and inserts a complete record. Returns `new` if the record was inserted. */
  reject (record: NewRecord): Promise<Claim>
  /** Inserts complete records, at least one. Returns for each whether it was inserted. */
  insert (records: readonly NewRecord[]): Promise<boolean[]>
  find (operation: Operation): Promise<StoredRecord | undefined>
  /** Returns an object if another transaction executes the operation, with its start in ms since 1970 if that is known. */
  findExecuting (operation: Operation): Promise<{ since?: number | undefined } | undefined>
  /** Releases what a claim holds besides the transaction. */
  release (operation: Operation): Promise<void>
  /** Removes up to `limit` records that are older than the retention; returns how many. */
  sweep (retentionMs: number, limit: number): Promise<number>
}
