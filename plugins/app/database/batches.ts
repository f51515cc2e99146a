import { setImmediate } from 'node:timers/promises'

/** The maximum number of items in a batch. */
const MAX_BATCH_SIZE = 100

interface Pending<Item, Result> {
  item: Item
  resolve (result: Result): void
  reject (error: unknown): void
}

/**
 * Returns a function that processes an item in a batch with others, and resolves to its result.
 *
 * Items that arrive while a batch is processed form the next batch. So many requests share one query or commit, and wait for
 * the database only once.
 *
 * @param processBatch returns the results in the order of the items. An error rejects all items of the batch
 */
export function createBatches<Item, Result> (processBatch: (items: Item[]) => Promise<Result[]>): (item: Item) => Promise<Result> {
  const pending: Array<Pending<Item, Result>> = []
  let isRunning = false

  async function processPending (): Promise<void> {
    isRunning = true
    while (pending.length > 0) {
      // SQLite queries are synchronous. Wait for one turn of the event loop, so that more requests arrive before the batch.
      await setImmediate()
      const batch = pending.splice(0, MAX_BATCH_SIZE)
      try {
        const results = await processBatch(batch.map(({ item }) => item))
        batch.forEach(({ resolve }, index) => resolve(results[index]))
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    isRunning = false
  }

  return item => new Promise((resolve, reject) => {
    pending.push({ item, resolve, reject })
    if (!isRunning) processPending()
  })
}
