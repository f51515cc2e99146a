import { CamelCasePlugin, Kysely, PostgresDialect, sql, type Dialect, type Transaction } from 'kysely'
import t, { type Test } from 'tap'
import { createBatches } from '../../../plugins/app/database/batches.js'
import { createSqliteDialect } from '../../../plugins/app/database/sqlite.js'
import { combineRoundTrips, kyselyStore, type NewRecord, type SqlStore } from '../../../plugins/idempotency/index.js'
import { openPool, postgresql } from '../../fixtures/database.js'
import { createService, listenForKeys, summarize } from '../../fixtures/keyed-service.js'
import { valuesOf } from '../../fixtures/wire.js'

interface Tables { effectOfKey: { value: string } }
interface Effect { value: string, record: NewRecord | undefined }

const config = { idempotency: 'optional', transaction: 'shared' } as const

/** Creates a service that commits the effects of several requests in one transaction. */
async function createBatchingService (t: Test, dialect: Dialect) {
  const db = new Kysely<Tables>({ dialect, plugins: [new CamelCasePlugin()] })
  const store = kyselyStore(db)
  await store.createTable()
  await db.schema.createTable('effectOfKey').ifNotExists().addColumn('value', 'text').execute()
  /** The number of effects of each transaction. */
  const batches: number[] = []
  const commit = createBatches(async (effects: Effect[]): Promise<boolean[]> => {
    batches.push(effects.length)
    return await db.transaction().execute(async db => await commitAll(db, store, effects))
  })
  const { app } = await createService(t, { options: { store: store as never, wait: 10_000 } })
  app.addHook('onClose', () => db.destroy())
  app.post('/:value', { config }, async (request, reply: any) => {
    const { value } = request.params as { value: string }
    if (value.startsWith('none')) return reply.notFound('There is none')
    await request.commitWith(async record => await commit({ value, record }))
    return reply.created({ value, random: Math.random() }, `/${value}/${Math.random()}`)
  })
  const send = await listenForKeys(t, app)
  return {
    send: async (value: string, key: string | undefined) => await send(key, { path: `/${value}` }),
    values: async () => (await db.selectFrom('effectOfKey').select('value').orderBy('value').execute()).map(({ value }) => value),
    countRecords: async () => Number((await sql<{ count: number }>`select count(*) as count from idempotency`.execute(db)).rows[0]!.count),
    inject: async (value: string, key: string) => await app.inject({ method: 'POST', url: `/${value}`, payload: {}, headers: { 'idempotency-key': key } }),
    batches
  }
}

async function commitAll (db: Transaction<Tables>, store: SqlStore<Transaction<Tables>>, effects: Effect[]): Promise<boolean[]> {
  const records = effects.flatMap(({ record }) => record ?? [])
  const inserted = records.length === 0 ? [] : await store.insertRecords(db, records)
  const results = effects.map(({ record }) => record === undefined || inserted.shift()!)
  const values = effects.filter((_, index) => results[index]).map(({ value }) => ({ value }))
  if (values.length > 0) await db.insertInto('effectOfKey').values(values).execute()
  return results
}

const databases = [
  {
    name: 'SQLite',
    skip: false,
    async open (t: Test) {
      const file = `${t.testdir()}/records.db`
      return async () => await createSqliteDialect(file)
    }
  },
  {
    name: 'PostgreSQL',
    skip: postgresql.skip,
    async open (t: Test) {
      const pool = await openPool(t)
      // Both instances use the pool, and none ends it.
      t.teardown(() => pool.end())
      return async () => new PostgresDialect({ pool: combineRoundTrips({ connect: () => pool.connect(), end: async () => {} }) })
    }
  }
]

for (const { name, skip, open } of databases) {
  t.test(`kyselyStore() on ${name}, with a shared transaction`, { skip }, async t => {
    const createDialect = await open(t)
    const services = [await createBatchingService(t, await createDialect()), await createBatchingService(t, await createDialect())]
    const [first, second] = services as [typeof services[0], typeof services[0]]

    t.test('commits once for retries on two instances, and sends the same bytes', async t => {
      const keys = Array.from({ length: 50 }, (_, i) => String(100 + i))
      const responses = await Promise.all([0, 1, 2, 3].flatMap(round => keys.map(async (key, i) => {
        const response = await services[(round + i) % 2]!.send(key, key)
        return [key, `${response.statusCode} ${response.body} ${valuesOf(response, 'location').join()}`] as const
      })))
      const answers = new Set(responses.map(([, answer]) => answer))
      t.equal(answers.size, 50)
      for (const answer of answers) t.match(answer, /^201 /)
      t.strictSame(await first.values(), keys)
      t.equal(await first.countRecords(), 50)
    })

    t.test('records a rejection, and replays it on the other instance', async t => {
      for (const [{ send }, replayed] of [[first, undefined], [second, 'true'], [first, 'true']] as const) {
        t.match(summarize(await send('none', 'rejected')), { statusCode: 404, reason: 'There is none', status: 'rejected', replayed })
      }
      t.match(summarize(await second.send('other', 'rejected')), { statusCode: 422, status: 'mismatch' })
      t.equal(await first.countRecords(), 51)
    })

    t.test('commits several keys in one transaction, and replays a key that is already settled', async t => {
      first.batches.length = 0
      const keys = ['200', '201', '202', '100']
      const responses = await Promise.all(keys.map(async key => await first.inject(key, key)))
      t.strictSame(first.batches, [3], 'needs no transaction for a settled key')
      t.strictSame(responses.map(({ headers }) => headers['idempotent-replayed']), [undefined, undefined, undefined, 'true'])
      const others = await Promise.all(['200', '203'].map(async key => await second.inject(key, key)))
      t.strictSame([second.batches.at(-1), ...others.map(({ headers }) => headers['idempotent-replayed'])], [2, 'true', undefined])
      t.equal(others[0]!.body, responses[0]!.body)
      t.equal((await first.values()).length, 54)
    })

    t.test('commits requests without a key', async t => {
      for (const { send } of services) t.match(summarize(await send('unkeyed', undefined)), { statusCode: 201, status: undefined })
      t.strictSame((await first.values()).slice(54), ['unkeyed', 'unkeyed'])
    })
  })
}
