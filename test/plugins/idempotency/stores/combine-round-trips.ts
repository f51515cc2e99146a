import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { claimStatement, settleStatement } from '../../../../lib/idempotency/dialects/postgresql.js'
import { toNumbered } from '../../../../lib/idempotency/statement.js'
import { combineRoundTrips } from '../../../../plugins/idempotency/stores/combine-round-trips.js'
import { kyselyStore } from '../../../../plugins/idempotency/stores/kysely.js'
import { openPool, postgresql, query } from '../../../fixtures/database.js'
import { FakePgClient, fakePool } from '../../../fixtures/fake-pg.js'
import { answer, fingerprint, operationOf } from '../../../fixtures/idempotency.js'
import { execute } from '../../../fixtures/idempotent-store.js'
import { tick } from '../../../fixtures/maintenance.js'

const claim = toNumbered(claimStatement(operationOf('a'), fingerprint))
const settle = toNumbered(settleStatement(operationOf('a'), answer))
const rolledBack = { message: /the database has rolled the transaction back/ }

async function connect (...options: ConstructorParameters<typeof FakePgClient>) {
  const client = new FakePgClient(...options)
  const pool = combineRoundTrips(fakePool(client))
  return { client, pool, combined: await pool.connect() }
}

t.test('combineRoundTrips() sends the claim with BEGIN, and the settling with COMMIT', async t => {
  const { client, combined } = await connect({ rows: { 'insert into idempotency': [{ inserted: 1 }] } })
  for (const begin of ['begin', 'start transaction isolation level read committed']) {
    t.match(await combined.query(begin, []), { command: 'BEGIN', rows: [] })
    t.match(await combined.query(claim.text, claim.values), { rows: [{ inserted: 1 }] })
    await combined.query('insert into effect', [])
    t.match(await combined.query(settle.text, settle.values), { rows: [] })
    t.match(await combined.query('commit', []), { command: 'COMMIT', rows: [] })
    t.strictSame(client.queries.splice(0), [
      `${begin}; /* with begin */ insert into idempotency (id, scope, idempotency_key, fingerprint, state, created)`,
      'insert into effect',
      '/* with commit */ with settled as (; commit'
    ])
  }
})

t.test('combineRoundTrips() does not change transactions without an idempotency key', async t => {
  const { client, combined } = await connect()
  for (const end of ['commit', 'rollback']) {
    await combined.query('begin', [])
    await combined.query('select $1', [1])
    await combined.query(end, [])
    t.strictSame(client.queries.splice(0), ['begin', 'select $1', end])
  }
  for (const text of ['select 2', 'begin; insert into effect; commit']) {
    await combined.query(text)
    t.strictSame(client.queries.splice(0), [text])
  }
})

t.test('combineRoundTrips() sends nothing for an empty transaction', async t => {
  const { client, combined } = await connect()
  for (const end of ['commit', 'rollback']) {
    await combined.query('begin', [])
    t.match(await combined.query(end, []), { command: end.toUpperCase(), rows: [] })
  }
  t.strictSame(client.queries, [])
})

t.test('combineRoundTrips() drops the statement that waits for COMMIT after a rollback', async t => {
  const { client, combined } = await connect()
  await combined.query('begin', [])
  await combined.query(claim.text, claim.values)
  await combined.query(settle.text, settle.values)
  await combined.query('rollback', [])
  await combined.query('begin', [])
  await combined.query('select 1', [])
  await combined.query('commit', [])
  t.strictSame(client.queries.slice(1), ['rollback', 'begin', 'select 1', 'commit'])
})

t.test('combineRoundTrips() sends BEGIN before a cursor', async t => {
  const queries: unknown[] = []
  const pool = combineRoundTrips({ connect: async () => ({ query: (query: unknown) => queries.push(query), release () {} }), end: async () => {} })
  const combined = await pool.connect()
  const cursor = { submit () {} }
  await combined.query('begin', [])
  await combined.query(cursor)
  t.strictSame(queries, ['begin', cursor])
})

t.test('combineRoundTrips() releases clients, and keeps one for each connection', async t => {
  const { client, pool, combined } = await connect()
  combined.release()
  // From 0.28.19 on, Kysely says that a connection is lost.
  combined.release(true)
  t.strictSame(client.released, [undefined, true])
  t.equal(await pool.connect(), combined)
  await pool.end()
  t.strictSame(client.queries, ['end'])
})

t.test('combineRoundTrips() closes a connection in an unknown state', async t => {
  const timeout = new Error('Query read timeout')
  // Only errors from the server have a severity.
  const failure = Object.assign(new Error('duplicate key'), { severity: 'ERROR' })
  for (const { errors, queries, released } of [
    // A rollback would wait for the lost query.
    { errors: { 'insert into effect': timeout }, queries: ['begin', 'insert into effect'], released: timeout },
    { errors: { 'insert into effect': failure }, queries: ['begin', 'insert into effect', 'rollback'], released: undefined },
    { errors: { 'insert into effect': failure, rollback: timeout }, queries: ['begin', 'insert into effect', 'rollback'], released: timeout },
    { errors: { begin: timeout }, queries: ['begin'], released: timeout }
  ] as const) {
    const { client, combined } = await connect({ errors })
    await combined.query('begin', [])
    await t.rejects(combined.query('insert into effect', []), Object.values(errors)[0])
    t.match(await combined.query('rollback', []), { command: 'ROLLBACK' })
    if (released !== undefined) await t.rejects(combined.query('select 1', []), released)
    combined.release()
    t.strictSame(client.queries, queries)
    t.strictSame(client.released, [released])
  }
})

t.test('combineRoundTrips() ignores the error event of a lost connection', async t => {
  const { client, pool } = await connect()
  await pool.connect()
  t.equal(client.listeners.size, 1)
  for (const listener of client.listeners) listener(new Error('Connection terminated'))

  // The pool of a service can have clients of its own.
  const { query, release } = client
  t.type((await combineRoundTrips({ connect: async () => ({ query, release }), end: async () => {} }).connect()).query, 'function')
})

t.test('combineRoundTrips() on PostgreSQL', { skip: postgresql.skip }, async t => {
  const pool = await openPool(t)
  const texts: string[] = []
  pool.on('connect', client => {
    const query = client.query.bind(client) as (text: string, values?: unknown[]) => unknown
    client.query = ((text: string, values?: unknown[]) => {
      texts.push(text)
      return query(text, values)
    }) as typeof client.query
  })
  const db = new Kysely<{ effect: { n: number } }>({ dialect: new PostgresDialect({ pool: combineRoundTrips(pool) }) })
  t.teardown(() => db.destroy())
  const store = kyselyStore(db)
  await store.createTable()
  await sql`create table effect (n integer)`.execute(db)
  const countEffects = async () => (await db.selectFrom('effect').selectAll().execute()).length
  const tested = { store, addEffect: (transaction: typeof db) => transaction.insertInto('effect').values({ n: 1 }).execute(), countEffects }

  t.test('needs three round trips for an operation with one effect', async t => {
    texts.length = 0
    t.strictSame(await execute(tested, 'once'), { type: 'new' })
    t.equal(texts.length, 3)
    t.match(await execute(tested, 'once'), { type: 'settled', record: { answer } })
  })

  t.test('needs five round trips for a rejection', async t => {
    texts.length = 0
    t.strictSame(await execute(tested, 'rejected', 'rejects'), { type: 'new' })
    t.equal(texts.length, 5)
  })

  t.test('does not commit without the record', async t => {
    const before = await countEffects()
    await t.rejects(db.transaction().execute(async transaction => {
      await tested.addEffect(transaction)
      await sql.raw('/* with commit */ select 1 / 0').execute(transaction)
    }), { code: '22012' })
    t.equal(await countEffects(), before)
  })

  t.test('rejects if the server has rolled the transaction back', async t => {
    const before = await countEffects()
    await t.rejects(db.transaction().execute(async transaction => {
      await tested.addEffect(transaction)
      await t.rejects(sql`select 1 / 0`.execute(transaction))
    }), rolledBack)
    t.equal(await countEffects(), before)
  })

  t.test('rejects if the connection is terminated while nothing is sent', async t => {
    const before = await countEffects()
    const plainPool = new pg.Pool(pool.options)
    plainPool.on('error', () => {})
    const plainDb = new Kysely<{ effect: { n: number } }>({ dialect: new PostgresDialect({ pool: combineRoundTrips(plainPool) }) })
    t.teardown(() => plainDb.destroy())
    await t.rejects(plainDb.transaction().execute(async transaction => {
      await tested.addEffect(transaction)
      const { rows: [{ pid }] } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction)
      await query(`select pg_terminate_backend(${pid})`)
      await tick(50)
    }))
    t.equal(await countEffects(), before)
    await plainDb.transaction().execute(tested.addEffect)
    t.equal(await countEffects(), before + 1)
  })
})
