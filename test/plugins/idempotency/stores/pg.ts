import type { PoolClient } from 'pg'
import t, { type Test } from 'tap'
import { pgStore } from '../../../../plugins/idempotency/stores/pg.js'
import { claimStatement, settleStatement } from '../../../../lib/idempotency/dialects/postgresql.js'
import { openPool, postgresql, query } from '../../../fixtures/database.js'
import { FakePgClient, fakePool } from '../../../fixtures/fake-pg.js'
import { answer, fingerprint, operationOf, rejection } from '../../../fixtures/idempotency.js'
import { execute, executeCombined, recordsOf, testStore } from '../../../fixtures/idempotent-store.js'

const ended = { message: 'fastify-reason-phrase: a handler used its transaction after the transaction had ended. Await all queries before you send the response' }
const rolledBack = { message: /the database has rolled the transaction back/ }
const operation = operationOf('a')

function createFake (...options: ConstructorParameters<typeof FakePgClient>) {
  const client = new FakePgClient(...options)
  const store = pgStore(fakePool(client, 10))
  return { client, store, addEffect: (client: FakePgClient) => client.query('insert into effect'), countEffects: async () => 0 }
}

t.test('pgStore() without a server', async t => {
  t.test('transaction() sends each statement separately', async t => {
    const tested = createFake({ rows: { 'insert into idempotency': [{ inserted: 1 }] } })
    const { client, store } = tested
    t.equal(store.poolSize, 10)
    t.strictSame(await execute(tested, 'a'), { type: 'new' })
    t.strictSame(client.queries, [
      'begin isolation level read committed',
      '/* with begin */ insert into idempotency (id, scope, idempotency_key, fingerprint, state, created)',
      'insert into effect',
      '/* with commit */ with settled as (',
      'commit'
    ])
    t.strictSame(client.released, [undefined])
    t.equal(client.listeners.size, 0)
  })

  t.test('sends the claim with BEGIN, and settles with COMMIT', async t => {
    const tested = createFake({ rows: { 'insert into idempotency': [{ inserted: 1 }] } })
    t.strictSame(await executeCombined(tested, 'a'), { type: 'new' })
    t.strictSame(tested.client.queries, [
      'begin isolation level read committed; /* with begin */ insert into idempotency (id, scope, idempotency_key, fingerprint, state, created)',
      'insert into effect',
      '/* with commit */ with settled as (; commit'
    ])
    t.strictSame(tested.client.released, [undefined])
  })

  t.test('commits a transaction without a last statement', async t => {
    const tested = createFake()
    t.strictSame(await executeCombined(tested, 'a'), { type: 'executing' })
    t.equal(tested.client.queries.at(-1), 'commit')
  })

  t.test('ignores the error event of a lost connection, and closes the connection', async t => {
    const lost = new Error('Connection terminated')
    const tested = createFake({ rows: { 'insert into idempotency': [{ inserted: 1 }] }, errors: { 'insert into effect': lost, rollback: lost } })
    await t.rejects(execute({
      ...tested,
      async addEffect (client) {
        for (const listener of tested.client.listeners) listener(lost)
        await client.query('insert into effect')
      }
    }, 'a'), lost)
    t.strictSame(tested.client.released, [lost])
    t.equal(tested.client.listeners.size, 0)
  })

  t.test('rejects the queries of a handler after the end of its transaction, but not other queries of the client', async t => {
    const { client, store } = createFake({ rows: { 'insert into idempotency': [{ id: operation.id }] } })
    const handle = await store.transaction(async session => {
      t.ok(session.transaction instanceof FakePgClient)
      t.equal(session.transaction.listeners, client.listeners)
      await session.transaction.query('insert into effect')
      await recordsOf(store, session).reject({ operation, fingerprint, state: 'rejected', answer: rejection })
      t.throws(() => session.transaction.query('insert into effect'), ended)
      return session.transaction
    })
    t.throws(() => handle.query('insert into effect'), ended)
    await client.query('select 1')
    t.strictSame(client.queries.slice(1, 4), ['insert into effect', 'rollback', 'begin isolation level read committed'])
  })

  t.test('creates the table under a lock, and runs statements without a transaction', async t => {
    const { client, store } = createFake({ rows: { 'insert into idempotency': [{ id: operation.id }] } })
    await store.createTable()
    t.strictSame(client.queries.slice(1), [
      'select pg_advisory_xact_lock($1::bigint)',
      'create table if not exists idempotency (',
      'create index if not exists idempotency_created on idempotency (created)',
      'commit'
    ])
    t.strictSame(await store.insertRecords(client, [{ operation, fingerprint, state: 'succeeded', answer }]), [true])
    t.strictSame(await store.query!({ parts: ['select 1'] as never, values: [] }), [])
    t.throws(() => pgStore(fakePool(client), { tableName: 'a' } as object), { message: /unknown option "tableName" of pgStore\(\)\. The only option is table/ })
    t.throws(() => pgStore(fakePool(client), { table: 'no table' }), { message: /table must be the name of a table/ })
  })
})

async function create (t: Test) {
  const pool = await openPool(t)
  t.teardown(() => pool.end())
  const store = pgStore(pool)
  await Promise.all([store.createTable(), store.createTable(), store.createTable()])
  await pool.query('create table effect (n integer)')
  const addEffect = async (client: PoolClient) => await client.query('insert into effect values ($1)', [1])
  const countEffects = async () => Number((await pool.query('select count(*) as n from effect')).rows[0].n)
  return { pool, store, addEffect, countEffects }
}

t.test('pgStore() on PostgreSQL', { skip: postgresql.skip }, async t => {
  t.test('works with separate statements', async t => {
    await testStore(t, await create(t))
  })

  t.test('works with combined round trips', async t => {
    const tested = await create(t)
    await testStore(t, tested, executeCombined)

    t.test('does not commit if the key is not claimed', async t => {
      const before = await tested.countEffects()
      const { transactionWith } = tested.store
      await t.rejects(transactionWith!(claimStatement(operation, fingerprint), async ({ transaction }) => {
        await tested.addEffect(transaction)
        return { result: 1, last: settleStatement(operationOf('unclaimed'), answer) }
      }), { code: '22P02', message: /The idempotency key is no longer claimed. Rows: 0/ })
      t.equal(await tested.countEffects(), before)
    })
  })

  t.test('rejects if the server has rolled the transaction back', async t => {
    const { store, addEffect, countEffects } = await create(t)
    await t.rejects(store.transaction(async ({ transaction }) => {
      await addEffect(transaction)
      await t.rejects(transaction.query('select 1 / 0'))
    }), rolledBack)
    t.equal(await countEffects(), 0)
  })

  t.test('rejects if the connection is terminated, and gets another one', async t => {
    const tested = await create(t)
    await t.rejects(execute({
      ...tested,
      async addEffect (client) {
        const { rows: [{ pid }] } = await client.query('select pg_backend_pid() as pid')
        await query(`select pg_terminate_backend(${pid})`)
        await tested.addEffect(client)
      }
    }, 'terminated'))
    let claim
    do claim = await execute(tested, 'terminated'); while (claim.type === 'executing')
    t.strictSame(claim, { type: 'new' })
    t.equal(await tested.countEffects(), 1)
  })

  t.test('runs no query of a handler after the end of its transaction', async t => {
    const { store, addEffect, countEffects } = await create(t)
    const client = await store.transaction(async ({ transaction }) => transaction)
    await t.rejects(addEffect(client), ended)
    t.equal(await countEffects(), 0)
  })
})
