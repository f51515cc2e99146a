import type { Operation } from '../operation.js'
import { toClaim, type Answer, type Claim, type NewRecord, type StoredRecord } from '../record.js'
import { memoizeByTable, readRecord, toColumns } from '../row.js'
import { createTag, joinStatements, ROLLBACK, statement, type StatementTag } from '../statement.js'
import type { Query, Records, Statement } from '../store.js'

const DUPLICATE_KEY = 1062

// This clock does not depend on the time zone of the session.
const NOW = "timestampdiff(microsecond, '1970-01-01', utc_timestamp(3)) div 1000"
const sqlOf = memoizeByTable(table => createTag({ table, now: NOW }))

/** The records of a transaction of MySQL or MariaDB. */
export class MysqlRecords implements Records {
  readonly #query: Query
  readonly #table: string
  readonly #sql: StatementTag

  constructor (query: Query, table: string) {
    this.#query = query
    this.#table = table
    this.#sql = sqlOf(table)
  }

  async claim (operation: Operation, fingerprint: Buffer): Promise<Claim> {
    // The lock can also be held for a moment by a retry that reads the record.
    if (!await this.#lock(operation)) return toClaim(await this.find(operation))
    let claim: Claim | undefined
    try {
      const { id, scope, key } = operation
      const isInserted = await this.#insert(this.#sql`insert into {table} (id, scope, idempotency_key, fingerprint, state, created)
values (${id}, ${scope}, ${key}, ${fingerprint}, 'executing', {now})`)
      claim = isInserted ? { type: 'new' } : await this.#readExisting(operation)
      return claim
    } finally {
      if (claim?.type !== 'new') await this.release(operation)
    }
  }

  async settle (operation: Operation, answer: Answer): Promise<void> {
    const { status, reason, headers, body } = toColumns(answer)
    await this.#query(this.#sql`update {table} set state = 'succeeded', status = ${status}, reason = ${reason}, headers = ${headers}, body = ${body}, settled = {now}
where id = ${operation.id} and state = 'executing'`)
    // After a deadlock, the transaction is rolled back, and each later statement is its own transaction.
    const [row] = await this.#query(this.#sql`select count(*) as settled from {table} where id = ${operation.id} and state = 'succeeded'`)
    if (Number(row.settled) !== 1) throw new Error('The idempotency key is no longer claimed: its transaction was rolled back')
  }

  /** Keeps the lock of the claim, so that nobody else can claim the key in between. */
  async reject (record: NewRecord): Promise<Claim> {
    await this.#query(ROLLBACK)
    await this.#query(statement`start transaction`)
    return await this.#insert(this.#insertStatement(record)) ? { type: 'new' } : await this.#readExisting(record.operation)
  }

  async insert (records: readonly NewRecord[]): Promise<boolean[]> {
    const results: boolean[] = []
    for (const record of records) results.push(await this.#insertLocked(record))
    return results
  }

  async #insertLocked (record: NewRecord): Promise<boolean> {
    // Without the lock, the insert would wait while another transaction executes the operation.
    if (!await this.#lock(record.operation)) return false
    try {
      return await this.#insert(this.#insertStatement(record))
    } finally {
      await this.release(record.operation)
    }
  }

  #insertStatement ({ operation, fingerprint, state, answer }: NewRecord): Statement {
    const { status, reason, headers, body } = toColumns(answer)
    return this.#sql`insert into {table} (id, scope, idempotency_key, fingerprint, state, status, reason, headers, body, created, settled)
values (${operation.id}, ${operation.scope}, ${operation.key}, ${fingerprint ?? null}, ${state}, ${status}, ${reason}, ${headers}, ${body}, {now}, {now})`
  }

  /** Inserts a row; returns false if its id exists. "insert ignore" would ignore other errors as well. */
  async #insert (statement: Statement): Promise<boolean> {
    try {
      await this.#query(statement)
      return true
    } catch (error) {
      if (getErrorNumber(error) === DUPLICATE_KEY) return false
      throw error
    }
  }

  /** Reads the committed row even if the snapshot of the transaction is older. */
  async #readExisting (operation: Operation): Promise<Claim> {
    return toClaim(readRecord(operation, await this.#query(this.#sql`select fingerprint, state, status, reason, headers, body, created, settled from {table} where id = ${operation.id} lock in share mode`)))
  }

  async find (operation: Operation): Promise<StoredRecord | undefined> {
    return readRecord(operation, await this.#query(this.#sql`select fingerprint, state, status, reason, headers, body, created, settled from {table} where id = ${operation.id}`))
  }

  async findExecuting (operation: Operation): Promise<{ since?: undefined } | undefined> {
    const [{ holder }] = await this.#query(joinStatements([statement`select is_used_lock(`, this.#lockName(operation), statement`) as holder`], ''))
    return holder === null ? undefined : {}
  }

  /** Releases the lock. It belongs to the connection, and would stay after the transaction. */
  async release (operation: Operation): Promise<void> {
    await this.#query(joinStatements([statement`do release_lock(`, this.#lockName(operation), statement`)`], ''))
  }

  async sweep (retentionMs: number, limit: number): Promise<number> {
    await this.#query(this.#sql`delete from {table} where created < {now} - ${retentionMs} order by created limit ${limit}`)
    const [{ removed }] = await this.#query(statement`select row_count() as removed`)
    return Number(removed)
  }

  async #lock (operation: Operation): Promise<boolean> {
    const [{ taken }] = await this.#query(joinStatements([statement`select get_lock(`, this.#lockName(operation), statement`, 0) as taken`], ''))
    return Number(taken) === 1
  }

  // All databases of the server share the names of locks. A name has at most 64 characters.
  #lockName ({ id }: Operation): Statement {
    return statement`left(sha2(concat(database(), ${`.${this.#table}:${id.toString('hex')}`}), 256), 60)`
  }
}

// Drizzle wraps the errors of the driver.
function getErrorNumber (error: unknown): unknown {
  const { errno, cause } = error as { errno?: unknown, cause?: unknown }
  return errno ?? (cause as { errno?: unknown } | undefined)?.errno
}
