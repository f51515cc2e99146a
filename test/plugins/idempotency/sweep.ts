import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { NewRecord } from '../../../lib/idempotency/record.js'
import { statement } from '../../../lib/idempotency/statement.js'
import type { IdempotencyStore, Records, Session } from '../../../lib/idempotency/store.js'
import reasonPhrase, { serverOptions } from '../../../index.js'
import idempotency, { memoryStore } from '../../../plugins/idempotency/index.js'
import { Sweeper } from '../../../plugins/idempotency/sweep.js'
import { replaceClock, settlePromises, type Clock } from '../../fixtures/clock.js'
import { fingerprint, operationOf } from '../../fixtures/idempotency.js'
import { recordsOf } from '../../fixtures/idempotent-store.js'
import { storesUnderTest } from '../../fixtures/idempotent-process.js'
import { createTables, openDatabase } from '../../fixtures/idempotent-service.js'
import { logTo } from '../../fixtures/log.js'
import { tick, until } from '../../fixtures/maintenance.js'

const RETENTION = 1000
const MARGIN_MS = 3_600_000
const AGE_MS = RETENTION * 1000 + MARGIN_MS
const MIN_INTERVAL_MS = 45_000
const MAX_INTERVAL_MS = 75_000
const BATCH_SIZE = 500

/** A store in which the test decides when a sweep ends, and how many records it removes. */
class SweptStore implements IdempotencyStore<any> {
  readonly dialect = 'postgresql'
  /** The parameters of the sweeps. */
  readonly sweeps: Array<[ageMs: number, limit: number]> = []
  sweep = async (): Promise<number> => 0

  async transaction<R> (work: Parameters<IdempotencyStore<any>['transaction']>[0]): Promise<R> {
    const records: Partial<Records> = {
      sweep: async (ageMs, limit) => {
        this.sweeps.push([ageMs, limit])
        return await this.sweep()
      }
    }
    return await work({ transaction: undefined, query: async () => [], records: records as Records }) as R
  }
}

/** Starts a service with a fake clock, which calls its timers. */
async function start (t: Test, store: IdempotencyStore<any>, onClose = (): void => {}): Promise<{ app: FastifyInstance, clock: Clock, lines: any[] }> {
  const lines: any[] = []
  const app = Fastify(serverOptions({ logger: logTo(lines) })) as unknown as FastifyInstance
  const clock = replaceClock(t)
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(idempotency, { store, scope: () => 'caller', retention: RETENTION })
  app.addHook('onClose', async () => { onClose() })
  await app.ready()
  return { app, clock, lines }
}

t.test('sweeps about once a minute, with a margin of one hour', async t => {
  const store = new SweptStore()
  const { clock } = await start(t, store)
  const delays = new Set<number>()
  for (let n = 1; n <= 20; n++) {
    let delay = 0
    for (; store.sweeps.length < n; delay += 1000) {
      clock.advance(1000)
      await settlePromises()
    }
    t.ok(delay >= MIN_INTERVAL_MS && delay <= MAX_INTERVAL_MS, `${delay} ms`)
    delays.add(delay)
  }
  t.ok(delays.size > 1, 'the interval varies')
  t.strictSame(store.sweeps[0], [AGE_MS, BATCH_SIZE])
})

t.test('pauses between full batches, and ends the sweep after a batch that is not full', async t => {
  const store = new SweptStore()
  const { clock } = await start(t, store)
  const results = [BATCH_SIZE, BATCH_SIZE, BATCH_SIZE - 1]
  store.sweep = async () => results.shift()!
  clock.advance(MAX_INTERVAL_MS)
  for (const count of [1, 2, 3]) {
    await settlePromises()
    t.equal(store.sweeps.length, count)
    clock.advance(99)
    await settlePromises()
    t.equal(store.sweeps.length, count, 'starts no batch during the pause')
    clock.advance(1)
  }
  clock.advance(MIN_INTERVAL_MS - 200)
  await settlePromises()
  t.equal(store.sweeps.length, 3)
})

t.test('logs an error of the store, and sweeps again after the interval', async t => {
  const store = new SweptStore()
  const { clock, lines } = await start(t, store)
  store.sweep = async () => { throw new Error('The database is down') }
  for (const count of [1, 2]) {
    clock.advance(MAX_INTERVAL_MS)
    await settlePromises()
    t.equal(store.sweeps.length, count)
  }
  store.sweep = async () => 0
  clock.advance(MAX_INTERVAL_MS)
  await settlePromises()
  t.equal(store.sweeps.length, 3)
  t.match(lines.filter(({ level }) => level > 30), Array(2).fill({
    level: 40, msg: 'fastify-reason-phrase: removing old idempotency records failed. The next sweep tries again', err: { message: 'The database is down' }
  }))
  t.equal(lines.filter(({ level }) => level > 30).length, 2)
})

t.test('stops when the service closes', async t => {
  const store = new SweptStore()
  const { app, clock } = await start(t, store)
  await app.close()
  clock.advance(MAX_INTERVAL_MS)
  await settlePromises()
  t.strictSame(store.sweeps, [])
})

for (const end of ['is full', 'fails'] as const) {
  t.test(`waits for the last batch before the service closes its database connections, if the batch ${end}`, async t => {
    const store = new SweptStore()
    const events: string[] = []
    const { app, clock } = await start(t, store, () => { events.push('end of the connections') })
    let finish = (): void => {}
    store.sweep = async () => {
      await new Promise<void>(resolve => { finish = resolve })
      if (end === 'fails') throw new Error('The database is down')
      return BATCH_SIZE
    }
    clock.advance(MAX_INTERVAL_MS)
    const closing = app.close()
    await settlePromises()
    events.push('end of the batch')
    finish()
    await closing
    t.strictSame(events, ['end of the batch', 'end of the connections'])
    clock.advance(MAX_INTERVAL_MS)
    await settlePromises()
    t.equal(store.sweeps.length, 1)
  })
}

t.test('does not keep the process running', async t => {
  const countTimers = (): number => process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(idempotency, { store: new SweptStore(), scope: () => 'caller' })
  const before = countTimers()
  await app.ready()
  t.equal(countTimers(), before)
})

/** Starts a service that sweeps every few milliseconds. It has real timers, because the database drivers need them. */
async function startSweeping (t: Test, store: IdempotencyStore<any>): Promise<void> {
  const app = Fastify() as unknown as FastifyInstance
  t.teardown(() => app.close())
  new Sweeper(app, store, RETENTION, { interval: 10, pause: 1 }).addHooks()
  await app.ready()
}

/** A store, and a function that makes the records that `work` adds older. */
interface AgedStore<T> {
  readonly store: IdempotencyStore<T>
  makeOlder (session: Session<T>, ageMs: number, work: () => Promise<unknown>): Promise<void>
}

const closed = (key: string): NewRecord => ({ operation: operationOf(key), fingerprint: undefined, state: 'closed' })
const succeeded = (key: string): NewRecord => ({ operation: operationOf(key), fingerprint, state: 'succeeded', answer: { statusCode: 200, headers: {} } })

/** Tests the sweeping of the records of a store. */
async function testSweep<T> (t: Test, { store, makeOlder }: AgedStore<T>): Promise<void> {
  const has = async (key: string): Promise<boolean> => await store.transaction(async session => await recordsOf(store, session).find(operationOf(key)) !== undefined)
  const insert = async (records: NewRecord[], ageMs: number): Promise<void> => {
    await store.transaction(async session => {
      await makeOlder(session, ageMs, async () => await recordsOf(store, session).insert(records))
    })
  }

  t.test('removes all old records, in batches', async t => {
    await insert([closed('oldest'), succeeded('succeeded')], 2 * AGE_MS)
    await insert(Array.from({ length: 2 * BATCH_SIZE }, (_, index) => closed(`old ${index}`)), AGE_MS + 60_000)
    await insert([closed('in the margin')], AGE_MS - 60_000)
    await insert([closed('new')], 0)
    const countOld = async (): Promise<number> => {
      let count = 0
      for (let index = 0; index < 2 * BATCH_SIZE; index += BATCH_SIZE / 10) if (await has(`old ${index}`)) count++
      return count
    }

    t.equal(await countOld(), 20)
    await startSweeping(t, store)
    await until(async () => await countOld() === 0)
    t.strictSame([await has('oldest'), await has('succeeded')], [false, false])
    t.strictSame([await has('in the margin'), await has('new')], [true, true])
  })

  t.test('never removes the record of an operation that is being executed', async t => {
    const operation = operationOf('executing')
    let sweeps = 0
    await store.transaction(async session => {
      const records = recordsOf(store, session)
      await makeOlder(session, 2 * AGE_MS, async () => await records.claim(operation, fingerprint))
      await startSweeping(t, {
        ...store,
        async transaction (work) {
          sweeps++
          return await store.transaction(work)
        }
      })
      // On SQLite and MariaDB, the sweep waits for the end of this transaction.
      await until(() => sweeps > 0)
      await tick(50)
      // One of these calls throws if the sweep has removed the record.
      await records.settle(operation, { statusCode: 200, headers: {} })
      await records.release(operation)
    })
    // After the execution, the record can be removed like any other.
    await until(async () => !await has('executing'))
  })
}

t.test('sweeps memoryStore()', async t => {
  await testSweep(t, {
    store: memoryStore(),
    async makeOlder (_session, ageMs, work) {
      const { now } = Date
      Date.now = () => now() - ageMs
      await work()
      Date.now = now
    }
  })
})

for (const { name, skip, open } of storesUnderTest) {
  t.test(`sweeps the ${name}`, { skip }, async t => {
    const database = await openDatabase({ store: name, location: await open(t) })
    t.teardown(() => database.close())
    await createTables(database)
    await testSweep(t, {
      store: database.store,
      async makeOlder ({ query }, ageMs, work) {
        await query(statement`update idempotency set created = -created`)
        await work()
        await query(statement`update idempotency set created = case when created < 0 then -created else created - ${ageMs} end`)
      }
    })
  })
}
