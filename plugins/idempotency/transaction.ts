import type { Operation } from '../../lib/idempotency/operation.js'
import type { Claim, NewRecord, StoredRecord } from '../../lib/idempotency/record.js'
import { claimStatement, readClaim, settleStatement } from '../../lib/idempotency/dialects/postgresql.js'
import { createRecords } from '../../lib/idempotency/records.js'
import type { IdempotencyStore, Records, Session } from '../../lib/idempotency/store.js'

/**
 * Claims an operation in a transaction, and executes it there. The record of the response is committed together with the
 * effects. A rejection is recorded without effects.
 *
 * @param execute executes the operation, and returns the record. An error rolls the transaction back
 * @returns a claim of type `new` if the operation was executed and recorded
 * @throws the error of the store, or of `execute`
 */
export async function executeOnce<T> (store: IdempotencyStore<T>, operation: Operation, fingerprint: Buffer, execute: (transaction: T) => Promise<NewRecord>): Promise<Claim> {
  if (store.transactionWith !== undefined) return await executeCombined(store as CombiningStore<T>, operation, fingerprint, execute)
  return await store.transaction(async session => {
    const records = recordsOf(store, session)
    const claim = await records.claim(operation, fingerprint)
    if (claim.type !== 'new') return claim
    let result: Claim
    try {
      result = await record(records, await execute(session.transaction))
    } catch (error) {
      // The transaction is rolled back even if the release fails, so the first error matters.
      await records.release(operation).catch(() => {})
      throw error
    }
    await records.release(operation)
    return result
  })
}

type CombiningStore<T> = IdempotencyStore<T> & Required<Pick<IdempotencyStore<T>, 'transactionWith'>>

/** Works like {@link executeOnce} with two round trips fewer: the statements of the plugin are sent with BEGIN and COMMIT. */
async function executeCombined<T> (store: CombiningStore<T>, operation: Operation, fingerprint: Buffer, execute: (transaction: T) => Promise<NewRecord>): Promise<Claim> {
  const { table } = store
  return await store.transactionWith<Claim>(claimStatement(operation, fingerprint, table), async (session, rows) => {
    const claim = await readClaim(operation, rows, session.query, table)
    if (claim.type !== 'new') return { result: claim }
    const record = await execute(session.transaction)
    if (record.state === 'rejected') return { result: await recordsOf(store, session).reject(record) }
    return { result: claim, last: settleStatement(operation, record.answer!, table) }
  })
}

async function record (records: Records, record: NewRecord): Promise<Claim> {
  if (record.state === 'rejected') return await records.reject(record)
  await records.settle(record.operation, record.answer!)
  return { type: 'new' }
}

function recordsOf<T> ({ dialect, table }: IdempotencyStore<T>, { records, query }: Session<T>): Records {
  return records ?? createRecords(dialect, query, table)
}

/** Returns the record of an operation; undefined if there is none. */
export async function findRecord<T> (store: IdempotencyStore<T>, operation: Operation): Promise<StoredRecord | undefined> {
  return await withRecords(store, async records => await records.find(operation))
}

/** Calls `work`, which reads the records of a store, without a transaction if the store can. */
export async function withRecords<T, Result> (store: IdempotencyStore<T>, work: (records: Records) => Promise<Result>): Promise<Result> {
  // A transaction would need two more round trips.
  if (store.query !== undefined) return await work(createRecords(store.dialect, store.query, store.table))
  return await transactRecords(store, work)
}

/** Calls `work` with the records of a store, in a transaction. */
export async function transactRecords<T, Result> (store: IdempotencyStore<T>, work: (records: Records) => Promise<Result>): Promise<Result> {
  return await store.transaction(async session => await work(recordsOf(store, session)))
}

/** Inserts a complete record in its own transaction. Returns false if another request has used the key. */
export async function insertRecord<T> (store: IdempotencyStore<T>, record: NewRecord): Promise<boolean> {
  const [isInserted] = await transactRecords(store, async records => await records.insert([record]))
  return isInserted!
}
