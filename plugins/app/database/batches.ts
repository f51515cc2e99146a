import { setImmediate } from 'node:timers/promises'

/** The most items of a batch. */
const MAX_BATCH_SIZE = 100

interface Pending<Item, Result> {
  item: Item
  resolve (result: Result): void
  reject (error: unknown): void
}

/**
 * Returns a function that processes an item together with others, and resolves to its result.
 *
 * Items that arrive while a batch is processed go into the next one together. So a query or a commit, and its wait for
 * the database, are shared by many requests.
 *
 * @param processBatch returns the results in the order of the items; its error rejects each of them
 */
export function createBatches<Item, Result> (processBatch: (items: Item[]) => Promise<Result[]>): (item: Item) => Promise<Result> {
  const pending: Array<Pending<Item, Result>> = []
  let isRunning = false

  async function processPending (): Promise<void> {
    isRunning = true
    while (pending.length > 0) {
      // SQLite answers synchronously, so that no other request would be read before the batch.
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
