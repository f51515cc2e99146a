import { toText, type Operation } from './operation.js'
import type { Answer, FinalState, NewRecord, StoredRecord } from './record.js'
import type { Rows } from './store.js'

/** The columns of a recorded response. */
export interface AnswerColumns {
  readonly status: number | null
  readonly reason: string | null
  readonly headers: string | null
  readonly body: Buffer | null
}

/** Returns the values of the columns of a recorded response. */
export function toColumns (answer: Answer | undefined): AnswerColumns {
  if (answer === undefined) return { status: null, reason: null, headers: null, body: null }
  const { statusCode, reason = null, headers, body = null } = answer
  return { status: statusCode, reason, headers: JSON.stringify(headers), body }
}

/**
 * Returns the record of a row; undefined without a row.
 *
 * @throws {Error} if the record was committed before it was settled
 */
export function readRecord (operation: Operation, [row]: Rows): StoredRecord | undefined {
  if (row === undefined) return undefined
  // Only the transaction that executes the operation may see this state.
  if (row.state === 'executing') {
    throw new Error('A transaction was committed before its idempotency key was settled. Do not commit, or roll back, request.transaction in a handler')
  }
  return {
    operation,
    fingerprint: readBytes(row.fingerprint),
    state: row.state as FinalState,
    answer: readAnswer(row),
    createdAt: Number(row.created),
    settledAt: Number(row.settled)
  }
}

function readAnswer ({ status, reason, headers, body }: Rows[number]): Answer | undefined {
  if (status === null) return undefined
  return {
    statusCode: Number(status),
    reason: (reason as string | null) ?? undefined,
    headers: JSON.parse(headers as string),
    body: readBytes(body)
  }
}

// Drivers return a Buffer, a Uint8Array, or an ArrayBuffer.
function readBytes (bytes: unknown): Buffer | undefined {
  if (bytes === null) return undefined
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes as ArrayBuffer)
}

/** Returns for each record whether a row with its id was inserted. */
export function findInserted (records: readonly NewRecord[], rows: Rows): boolean[] {
  const ids = new Set(rows.map(({ id }) => toText(readBytes(id)!)))
  // Of two records with the same id, only the first one was inserted.
  return records.map(({ operation }) => ids.delete(toText(operation.id)))
}

/** Returns a function that calls `create` once for each table, and keeps the result. */
export function memoizeByTable<Result> (create: (table: string) => Result): (table: string) => Result {
  const results = new Map<string, Result>()
  return table => {
    let result = results.get(table)
    if (result === undefined) results.set(table, result = create(table))
    return result
  }
}
