import type { Operation } from '../operation.js'
import type { Answer, Claim, NewRecord, StoredRecord } from '../record.js'
import { findInserted, memoizeByTable, readRecord, toColumns } from '../row.js'
import { createTag, joinStatements, ROLLBACK, statement, type StatementTag } from '../statement.js'
import type { Query, Records, Rows } from '../store.js'

const sqlOf = memoizeByTable(table => createTag({ table, now: "cast(round((julianday('now') - 2440587.5) * 86400000) as integer)" }))

/** The records of a transaction of SQLite. Only one transaction can write at a time. */
export class SqliteRecords implements Records {
  readonly #query: Query
  readonly #sql: StatementTag

  constructor (query: Query, table: string) {
    this.#query = query
    this.#sql = sqlOf(table)
  }

  async claim (operation: Operation, fingerprint: Buffer): Promise<Claim> {
    const { id, scope, key } = operation
    return await this.#readClaim(operation, await this.#query(this.#sql`insert into {table} (id, scope, idempotency_key, fingerprint, state, created)
values (${id}, ${scope}, ${key}, ${fingerprint}, 'executing', {now}) on conflict do nothing returning 1 as inserted`))
  }

  async #readClaim (operation: Operation, rows: Rows): Promise<Claim> {
    if (rows.length > 0) return { type: 'new' }
    // The conflicting row still exists, because no other transaction can remove it meanwhile.
    return { type: 'settled', record: (await this.find(operation))! }
  }

  async settle (operation: Operation, answer: Answer): Promise<void> {
    const { status, reason, headers, body } = toColumns(answer)
    const rows = await this.#query(this.#sql`update {table} set state = 'succeeded', status = ${status}, reason = ${reason}, headers = ${headers}, body = ${body}, settled = {now}
where id = ${operation.id} and state = 'executing' returning 1 as settled`)
    if (rows.length !== 1) throw new Error('The idempotency key is no longer claimed: its transaction was rolled back')
  }

  async reject (record: NewRecord): Promise<Claim> {
    await this.#query(ROLLBACK)
    await this.#query(statement`begin`)
    const [isInserted] = await this.insert([record])
    return await this.#readClaim(record.operation, isInserted ? [{}] : [])
  }

  async insert (records: readonly NewRecord[]): Promise<boolean[]> {
    const rows = records.map(({ operation, fingerprint, state, answer }) => {
      const { status, reason, headers, body } = toColumns(answer)
      return this.#sql`(${operation.id}, ${operation.scope}, ${operation.key}, ${fingerprint ?? null}, ${state}, ${status}, ${reason}, ${headers}, ${body}, {now}, {now})`
    })
    return findInserted(records, await this.#query(joinStatements([
      this.#sql`insert into {table} (id, scope, idempotency_key, fingerprint, state, status, reason, headers, body, created, settled) values `,
      joinStatements(rows, ', '),
      statement` on conflict do nothing returning id`
    ], '')))
  }

  async find (operation: Operation): Promise<StoredRecord | undefined> {
    return readRecord(operation, await this.#query(this.#sql`select fingerprint, state, status, reason, headers, body, created, settled from {table} where id = ${operation.id}`))
  }

  // SQLite does not show what another process executes.
  async findExecuting (): Promise<undefined> {}

  async release (): Promise<void> {}

  async sweep (retentionMs: number, limit: number): Promise<number> {
    const rows = await this.#query(this.#sql`delete from {table} where id in (
select id from {table} where created < {now} - ${retentionMs} order by created limit ${limit}) returning 1 as removed`)
    return rows.length
  }
}
