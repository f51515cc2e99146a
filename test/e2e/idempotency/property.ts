import fc from 'fast-check'
import t, { type Test } from 'tap'
import { readInteger, readSeed } from '../../../fuzz/settings.js'
import type { NewRecord } from '../../../lib/idempotency/record.js'
import type { IdempotencyStore, Records } from '../../../lib/idempotency/store.js'
import { memoryStore, type MemoryTransaction } from '../../../plugins/idempotency/stores/memory.js'
import { FaultyProxy } from '../../fixtures/faulty-proxy.js'
import { storesUnderTest, type StoreUnderTest } from '../../fixtures/idempotent-process.js'
import { addEffect, createTables, openDatabase, readEffects } from '../../fixtures/idempotent-service.js'
import { interleavings, runInterleaving, type Interleaving, type World } from '../../fixtures/interleaving.js'

// A failure prints its seed. SEED=… repeats the failure, and RUNS=… sets the number of runs.
const runs = readInteger(0, 'RUNS', 15)
const seed = readSeed(1)

/** Returns the property that all interleavings follow the model. */
function createProperty (getWorld: () => World): fc.IAsyncProperty<[Interleaving]> {
  return fc.asyncProperty(interleavings, async interleaving => { await runInterleaving(getWorld(), interleaving) })
}

type MemoryStore = IdempotencyStore<MemoryTransaction>

/** Creates an in-memory store that all processes share. */
function createMemory (distort?: (store: MemoryStore) => MemoryStore): World {
  const effects: string[] = []
  const store = memoryStore()
  return {
    maxInFlight: 3,
    distort,
    connect: async () => ({
      store,
      addEffect (transaction: MemoryTransaction, effect) { transaction.onCommit(() => { effects.push(effect) }) },
      cut () {},
      async close () {}
    }),
    readEffects: async () => effects
  }
}

t.test('processes with a shared memory follow the model', async () => {
  await fc.assert(createProperty(() => createMemory()), { seed, numRuns: 10 * runs, unbiased: true })
})

/** Creates an empty database. */
async function createDatabase (t: Test, { name: store, isFile, open }: StoreUnderTest): Promise<World> {
  const location = await open(t)
  const database = await openDatabase({ store, location })
  t.teardown(() => database.close())
  await createTables(database)
  return {
    // Each process has only one connection to SQLite.
    maxInFlight: isFile ? 1 : 3,
    async connect () {
      const proxy = isFile ? undefined : await FaultyProxy.to(t, location)
      const database = await openDatabase({ store, location: proxy?.url ?? location })
      // Do not wait for the lock: all processes of this test run in one thread, so the wait would block all of them.
      if (isFile) await database.query('pragma busy_timeout = 1')
      return {
        store: database.store,
        addEffect: (transaction, name) => addEffect(database, { name, execution: '' }, transaction),
        cut () { proxy?.cutAll() },
        close: () => database.close()
      }
    },
    readEffects: async () => (await readEffects(database)).map(({ name }) => name)
  }
}

for (const tested of storesUnderTest) {
  t.test(`processes with ${tested.name} follow the model`, { skip: tested.skip }, async t => {
    const database = await createDatabase(t, tested)
    await fc.assert(createProperty(() => database), { seed, numRuns: runs, unbiased: true })
  })
}

/** A fault: commits the effects in a separate transaction, before the record. */
function withLateRecords (store: MemoryStore): MemoryStore {
  return {
    ...store,
    transaction: async work => await store.transaction(async session => {
      const effects: Array<() => void> = []
      const records: Records = Object.create(session.records!, {
        reject: {
          async value (record: NewRecord) {
            effects.length = 0
            return await session.records!.reject(record)
          }
        }
      })
      const result = await work({ ...session, records, transaction: { onCommit (effect) { effects.push(effect) } } })
      await store.transaction(async ({ transaction }) => { for (const effect of effects) transaction.onCommit(effect) })
      return result
    })
  }
}

/** A fault: reports that a key is closed, but rolls back the record. */
function withoutClosing (store: MemoryStore): MemoryStore {
  const rollback = new Error('It is closed')
  return {
    ...store,
    async transaction (work) {
      let result
      try {
        return await store.transaction(async session => {
          let isClosing = false
          const records: Records = Object.create(session.records!, {
            insert: {
              async value (records: NewRecord[]) {
                isClosing ||= records[0]!.state === 'closed'
                return await session.records!.insert(records)
              }
            }
          })
          result = await work({ ...session, records })
          if (isClosing) throw rollback
          return result
        })
      } catch (error) {
        if (error === rollback) return result!
        throw error
      }
    }
  }
}

for (const [fault, distort, message] of [
  ['writes records after the effects are committed', withLateRecords, /has [12] effects/],
  ['writes no record when it closes a key', withoutClosing, /closed/]
] as const) {
  t.test(`finds the fault of a store that ${fault}`, async t => {
    const { failed, errorInstance, numRuns } = await fc.check(createProperty(() => createMemory(distort)), { seed, numRuns: 1000, endOnFailure: true, unbiased: true })
    t.equal(failed, true)
    t.match((errorInstance as Error).message, message)
    t.comment(`found in run ${numRuns}: ${(errorInstance as Error).message.split('\n')[0]}`)
  })
}
