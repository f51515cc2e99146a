import type { Operation } from '../../lib/idempotency/operation.js'
import type { Claim, NewRecord, StoredRecord } from '../../lib/idempotency/record.js'
import type { IdempotencyStore, Records } from '../../lib/idempotency/store.js'

/**
 * Claims an operation in a transaction, and executes it there. The record of its answer is committed with its effects. A
 * rejection is recorded without them.
 *
 * @param execute executes the operation, and returns the record. It throws to roll back
 * @returns `new` if the operation was executed and recorded
 * @throws what the store throws, or what `execute` throws
 */
export async function executeOnce<T> (store: IdempotencyStore<T>, operation: Operation, fingerprint: Buffer, execute: (transaction: T) => Promise<NewRecord>): Promise<Claim> {
  return await store.transaction(async session => {
    const records = session.records!
    const claim = await records.claim(operation, fingerprint)
    if (claim.type !== 'new') return claim
    let result: Claim
    try {
      result = await record(records, await execute(session.transaction))
    } catch (error) {
      // A transaction that fails here is rolled back all the same.
      await records.release(operation).catch(() => {})
      throw error
    }
    await records.release(operation)
    return result
  })
}

async function record (records: Records, record: NewRecord): Promise<Claim> {
  if (record.state === 'rejected') return await records.reject(record)
  await records.settle(record.operation, record.answer!)
  return { type: 'new' }
}

/** Returns the record of an operation; undefined if there is none. */
export async function findRecord<T> (store: IdempotencyStore<T>, operation: Operation): Promise<StoredRecord | undefined> {
  return await store.transaction(async session => await session.records!.find(operation))
}
