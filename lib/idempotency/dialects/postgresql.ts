import type { Operation } from '../operation.js'
import { toClaim, type Answer, type Claim, type NewRecord, type StoredRecord } from '../record.js'
import { findInserted, memoizeByTable, readRecord, toColumns } from '../row.js'
import { createTag, joinStatements, ROLLBACK, statement, type StatementTag } from '../statement.js'
import type { Query, Records, Rows, Statement } from '../store.js'
import { DEFAULT_TABLE } from '../table.js'

/** Begins a statement that can be sent together with BEGIN. */
export const WITH_BEGIN = '/* with begin */'
/** Begins a statement that can be sent together with COMMIT, because only its failure matters, not its rows. */
export const WITH_COMMIT = '/* with commit */'

/** Begins a transaction whose statements see what others have committed, whatever the default isolation level is. */
export const BEGIN = statement`begin isolation level read committed`

const SERIALIZATION_FAILURE = '40001'

const sqlOf = memoizeByTable(table => createTag({ table, now: '(extract(epoch from clock_timestamp()) * 1000)::bigint' }))

/** Returns the statement that claims an operation. It returns a row if the claim succeeded. */
export function claimStatement (operation: Operation, fingerprint: Buffer, table = DEFAULT_TABLE): Statement {
  const { id, scope, key } = operation
  // The lock makes the statement return at once while another transaction executes the operation.
  return sqlOf(table)`/* with begin */ insert into {table} (id, scope, idempotency_key, fingerprint, state, created)
select ${id}::bytea, ${scope}::text, ${key}::text, ${fingerprint}::bytea, 'executing', {now} where pg_try_advisory_xact_lock(${getLock(operation)}::bigint)
on conflict do nothing returning 1 as inserted`
}

/**
 * Returns the statement that settles a claimed operation. It fails unless it changes one row, so that a COMMIT in the same
 * query is not executed.
 */
export function settleStatement (operation: Operation, answer: Answer, table = DEFAULT_TABLE): Statement {
  const { status, reason, headers, body } = toColumns(answer)
  return sqlOf(table)`/* with commit */ with settled as (
update {table} set state = 'succeeded', status = ${status}::integer, reason = ${reason}::text, headers = ${headers}::text, body = ${body}::bytea, settled = {now}
where id = ${operation.id}::bytea and state = 'executing' returning 1)
select case count(*) when 1 then 1 else ('The idempotency key is no longer claimed. Rows: ' || count(*))::integer end as settled from settled`
}

/** Returns the claim for the rows of {@link claimStatement}. If there is no row, looks for the record. */
export async function readClaim (operation: Operation, rows: Rows, query: Query, table = DEFAULT_TABLE): Promise<Claim> {
  return rows.length > 0 ? { type: 'new' } : toClaim(await find(operation, query, table))
}

async function find (operation: Operation, query: Query, table: string): Promise<StoredRecord | undefined> {
  return readRecord(operation, await query(sqlOf(table)`select fingerprint, state, status, reason, headers, body, created, settled from {table} where id = ${operation.id}::bytea`))
}

// Drizzle wraps the errors of the driver.
function getErrorCode (error: unknown): unknown {
  const { code, cause } = error as { code?: unknown, cause?: unknown }
  return code ?? (cause as { code?: unknown } | undefined)?.code
}

// The id is a SHA-256 hash, so its first 8 bytes are as good as any other hash of 8 bytes.
function getLock ({ id }: Operation): bigint {
  return id.readBigInt64BE(0)
}

/** The records of a transaction of PostgreSQL. */
export class PostgresqlRecords implements Records {
  readonly #query: Query
  readonly #table: string
  readonly #sql: StatementTag

  constructor (query: Query, table: string) {
    this.#query = query
    this.#table = table
    this.#sql = sqlOf(table)
  }

  async claim (operation: Operation, fingerprint: Buffer): Promise<Claim> {
    let rows: Rows
    try {
      rows = await this.#query(claimStatement(operation, fingerprint, this.#table))
    } catch (error) {
      // With repeatable read, this means that another transaction has just settled the key. The next transaction sees its record.
      if (getErrorCode(error) === SERIALIZATION_FAILURE) return { type: 'executing' }
      throw error
    }
    return await readClaim(operation, rows, this.#query, this.#table)
  }

  async settle (operation: Operation, answer: Answer): Promise<void> {
    await this.#query(settleStatement(operation, answer, this.#table))
  }

  async reject (record: NewRecord): Promise<Claim> {
    await this.#query(ROLLBACK)
    await this.#query(BEGIN)
    const rows = await this.#query(this.#insertStatement([record]))
    return await readClaim(record.operation, rows, this.#query, this.#table)
  }

  async insert (records: readonly NewRecord[]): Promise<boolean[]> {
    return findInserted(records, await this.#query(this.#insertStatement(records)))
  }

  #insertStatement (records: readonly NewRecord[]): Statement {
    const rows = records.map(({ operation, fingerprint, state, answer }) => {
      const { status, reason, headers, body } = toColumns(answer)
      return statement`(${operation.id}::bytea, ${operation.scope}::text, ${operation.key}::text, ${fingerprint ?? null}::bytea, ${state}::text, ${status}::integer, ${reason}::text, ${headers}::text, ${body}::bytea, ${getLock(operation)}::bigint)`
    })
    return joinStatements([
      this.#sql`/* with begin */ insert into {table} (id, scope, idempotency_key, fingerprint, state, status, reason, headers, body, created, settled)
select id, scope, idempotency_key, fingerprint, state, status, reason, headers, body, {now}, {now} from (values `,
      joinStatements(rows, ', '),
      statement`) as new (id, scope, idempotency_key, fingerprint, state, status, reason, headers, body, lock)
where pg_try_advisory_xact_lock(lock) on conflict do nothing returning id`
    ], '')
  }

  async find (operation: Operation): Promise<StoredRecord | undefined> {
    return await find(operation, this.#query, this.#table)
  }

  async findExecuting (operation: Operation): Promise<{ since?: number | undefined } | undefined> {
    // A lock with a bigint has the object subid 1. A role sees the times of other roles only if it may read all statistics.
    const [row] = await this.#query(statement`select extract(epoch from xact_start) * 1000 as since from pg_locks join pg_stat_activity using (pid)
where locktype = 'advisory' and objsubid = 1 and granted and pg_locks.database = (select oid from pg_database where datname = current_database())
and (classid::bigint << 32 | objid::bigint) = ${getLock(operation)}::bigint limit 1`)
    if (row === undefined) return undefined
    return { since: row.since === null ? undefined : Math.floor(Number(row.since)) }
  }

  async release (): Promise<void> {}

  async sweep (retentionMs: number, limit: number): Promise<number> {
    const rows = await this.#query(this.#sql`delete from {table} where id in (
select id from {table} where created < {now} - ${retentionMs}::bigint order by created limit ${limit}::integer for update skip locked) returning 1 as removed`)
    return rows.length
  }
}
