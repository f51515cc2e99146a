import t from 'tap'
import { memoryStore, type MemoryTransaction } from '../../../../plugins/idempotency/stores/memory.js'
import { answer, fingerprint, operationOf, rejection } from '../../../fixtures/idempotency.js'
import { execute, recordsOf, testStore } from '../../../fixtures/idempotent-store.js'

function create () {
  let effects = 0
  const addEffect = async (transaction: MemoryTransaction) => { transaction.onCommit(() => { effects++ }) }
  return { store: memoryStore(), addEffect, countEffects: async () => effects }
}

t.test('executes operations like a database', async t => {
  await testStore(t, create())
})

t.test('has a description that warns against its use in production, and cannot run SQL', async t => {
  const { store } = create()
  t.equal(store.description, 'memoryStore() keeps idempotency records in this process only. Use another store in production')
  await t.rejects(store.transaction(({ query }) => query({ parts: [''] as never, values: [] })), { message: 'fastify-reason-phrase: memoryStore() cannot run SQL. Use the records of the session' })
})

t.test('finds an operation while it is executed', async t => {
  const { store } = create()
  const operation = operationOf('a')
  await t.rejects(store.transaction(async session => {
    await recordsOf(store, session).claim(operation, fingerprint)
    await store.transaction(async session => {
      const records = recordsOf(store, session)
      t.ok(Math.abs((await records.findExecuting(operation))!.since! - Date.now()) < 60_000)
      t.equal(await records.findExecuting(operationOf('b')), undefined)
      t.strictSame(await records.claim(operation, fingerprint), { type: 'executing' })
      t.strictSame(await records.insert([{ operation, fingerprint, state: 'closed' }]), [false])
    })
  }), { message: 'fastify-reason-phrase: memoryStore() cannot commit a transaction before its idempotency key is settled' })
  t.equal(await store.transaction(session => recordsOf(store, session).find(operation)), undefined)
})

t.test('finds a record in its own transaction, and in other transactions after the commit', async t => {
  const { store } = create()
  const operation = operationOf('a')
  const findIn = async () => await store.transaction(session => recordsOf(store, session).find(operation))
  await store.transaction(async session => {
    const records = recordsOf(store, session)
    t.equal(await records.find(operation), undefined)
    await records.insert([{ operation, fingerprint: undefined, state: 'closed' }])
    t.match(await records.find(operation), { state: 'closed' })
    t.equal(await findIn(), undefined)
  })
  t.match(await findIn(), { state: 'closed' })
})

t.test('closes keys, and removes old records', async t => {
  const tested = create()
  const { store } = tested
  const closed = await store.transaction(session => recordsOf(store, session).insert(['a', 'b'].map(key => ({ operation: operationOf(key), fingerprint: undefined, state: 'closed' }))))
  t.strictSame(closed, [true, true])
  t.match(await execute(tested, 'a'), { type: 'settled', record: { state: 'closed', createdAt: Number, settledAt: Number } })
  const sweep = async (retentionMs: number, limit: number) => await store.transaction(session => recordsOf(store, session).sweep(retentionMs, limit))
  t.equal(await sweep(60_000, 500), 0)
  t.equal(await sweep(-60_000, 1), 1)
  t.equal(await sweep(-60_000, 500), 1)
})

t.test('throws if a handler uses its transaction after the end', async t => {
  const { store } = create()
  const operation = operationOf('a')
  const ended = { message: 'fastify-reason-phrase: a handler used its transaction after the transaction had ended. Await all queries before you send the response' }
  const transaction = await store.transaction(async session => {
    const records = recordsOf(store, session)
    await records.claim(operation, fingerprint)
    await records.reject({ operation, fingerprint, state: 'rejected', answer: rejection })
    t.throws(() => session.transaction.onCommit(() => {}), ended)
    return session.transaction
  })
  t.throws(() => transaction.onCommit(() => {}), ended)
  await t.rejects(store.transaction(session => recordsOf(store, session).settle(operation, answer)), { message: 'fastify-reason-phrase: memoryStore() can settle an idempotency key only in the transaction that has claimed it' })
})
