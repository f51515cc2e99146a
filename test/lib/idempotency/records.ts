import t from 'tap'
import type { NewRecord } from '../../../lib/idempotency/record.js'
import { claimStatement, readClaim, settleStatement } from '../../../lib/idempotency/dialects/postgresql.js'
import { createRecords } from '../../../lib/idempotency/records.js'
import { statement, toNumbered, toQuestionMarks } from '../../../lib/idempotency/statement.js'
import type { Rows, Statement } from '../../../lib/idempotency/store.js'
import { answer, fingerprint, operationOf, recordsDatabases, rejection, type Connection } from '../../fixtures/idempotency.js'

const count = async ({ run }: Connection) => Number((await run('select count(*) as n from effect'))[0].n)
const closed = (key: string): NewRecord => ({ operation: operationOf(key), fingerprint: undefined, state: 'closed' })
const rejected = (key: string): NewRecord => ({ operation: operationOf(key), fingerprint, state: 'rejected', answer: rejection })
const succeeded = (key: string): NewRecord => ({ operation: operationOf(key), fingerprint, state: 'succeeded', answer })

/** Executes an operation with an effect, up to its commit. */
async function execute (connection: Connection, key: string): Promise<void> {
  const operation = operationOf(key)
  await connection.begin()
  await connection.records.claim(operation, fingerprint)
  await connection.run('insert into effect values (1)')
  await connection.records.settle(operation, answer)
  await connection.records.release(operation)
}

for (const { name, dialect, skip, open } of recordsDatabases) {
  t.test(name, { skip }, async t => {
    const connect = await open(t)
    const [first, second] = [await connect(), await connect()]

    t.test('claims a new key, settles it, and then returns its record', async t => {
      const operation = operationOf('new')
      await first.begin()
      t.strictSame(await first.records.claim(operation, fingerprint), { type: 'new' })
      await first.records.settle(operation, answer)
      await first.records.release(operation)
      await first.run('commit')

      await second.begin()
      const claim = await second.records.claim(operation, Buffer.alloc(32))
      await second.run('commit')
      const record = await second.records.find(operation)
      t.match(claim, { type: 'settled', record: { operation, fingerprint, state: 'succeeded', answer, createdAt: Number, settledAt: Number } })
      t.strictSame(claim, { type: 'settled', record })
      t.ok(Buffer.isBuffer(record!.answer!.body))
      t.ok(Math.abs(record!.createdAt - Date.now()) < 60_000)
      t.ok(record!.settledAt >= record!.createdAt)
      t.ok(Number.isInteger(record!.createdAt))
      t.equal(await second.records.find(operationOf('none')), undefined)
    })

    t.test('does not wait while another connection executes the key', async t => {
      const operation = operationOf('executing')
      await first.begin()
      await first.records.claim(operation, fingerprint)
      if (dialect === 'sqlite') {
        await t.rejects(second.begin(), { code: 'SQLITE_BUSY' })
      } else {
        await second.begin()
        t.strictSame(await second.records.claim(operation, fingerprint), { type: 'executing' })
        t.strictSame(await second.records.insert([closed('executing'), closed('other')]), [false, true])
        await second.run('rollback')
        const executing = await second.records.findExecuting(operation)
        t.ok(executing)
        if (dialect === 'postgresql') t.ok(Math.abs(executing!.since! - Date.now()) < 60_000)
      }
      t.equal(await second.records.find(operation), undefined)
      await first.records.release(operation)
      await first.run('rollback')
      t.equal(await second.records.findExecuting(operation), undefined)

      // After a rollback, the key is new again.
      await second.begin()
      t.strictSame(await second.records.claim(operation, fingerprint), { type: 'new' })
      await second.records.release(operation)
      await second.run('rollback')
    })

    t.test('executes once if two connections claim the same keys', async t => {
      const connections = [first, second]
      const before = await count(first)
      const race = async (connection: Connection, key: string): Promise<number> => {
        const operation = operationOf(key)
        for (;;) {
          try {
            await connection.begin()
          } catch (error) {
            t.equal((error as { code: string }).code, 'SQLITE_BUSY')
            continue
          }
          const { type } = await connection.records.claim(operation, fingerprint)
          if (type === 'new') {
            await connection.run('insert into effect values (1)')
            await connection.records.settle(operation, answer)
            await connection.records.release(operation)
          }
          await connection.run('commit')
          if (type !== 'executing') return type === 'new' ? 1 : 0
        }
      }
      for (let n = 0; n < 30; n++) {
        const results = await Promise.all(connections.map(connection => race(connection, `race ${n}`)))
        t.equal(results[0] + results[1], 1)
      }
      t.equal(await count(first) - before, 30)
    })

    t.test('undoes the effects of a rejected operation, and records the rejection', async t => {
      const operation = operationOf('rejected')
      const before = await count(first)
      await first.begin()
      await first.records.claim(operation, fingerprint)
      await first.run('insert into effect values (1)')
      t.strictSame(await first.records.reject(rejected('rejected')), { type: 'new' })
      await first.records.release(operation)
      await first.run('commit')
      t.equal(await count(second), before)
      await second.begin()
      t.match(await second.records.claim(operation, fingerprint), { type: 'settled', record: { state: 'rejected', fingerprint, answer: rejection } })
      await second.run('rollback')
    })

    t.test('keeps the record of another transaction that settled the key before the rejection', async t => {
      await execute(first, 'late')
      await first.run('commit')
      await second.begin()
      t.match(await second.records.reject(rejected('late')), { type: 'settled', record: { state: 'succeeded', answer } })
      await second.run('commit')
    })

    t.test('frees the key when the connection of its execution is killed', async t => {
      const before = await count(first)
      const killed = await connect()
      await killed.begin()
      await killed.records.claim(operationOf('killed'), fingerprint)
      await killed.run('insert into effect values (1)')
      await killed.kill()
      for (let isClosed = false; !isClosed;) {
        await first.begin();
        [isClosed] = await first.records.insert([closed('killed')])
        await first.run('commit')
      }
      await t.rejects(killed.run('commit'))
      t.equal(await count(first), before)

      // A request that arrives after the key was closed is not executed.
      await first.begin()
      t.match(await first.records.claim(operationOf('killed'), fingerprint), { type: 'settled', record: { state: 'closed', fingerprint: undefined, answer: undefined } })
      await first.run('commit')
    })

    t.test('never settles a key without a claim, or a second time', async t => {
      await first.begin()
      await t.rejects(first.records.settle(operationOf('unclaimed'), answer))
      await first.run('rollback')
      await execute(first, 'settled twice')
      if (dialect !== 'mysql') await t.rejects(first.records.settle(operationOf('settled twice'), answer))
      await first.run('rollback')
    })

    t.test('inserts complete records, and returns which of them are new', async t => {
      await execute(first, 'known')
      await first.run('commit')
      await first.begin()
      t.strictSame(await first.records.insert([succeeded('batch 1'), succeeded('known'), rejected('batch 2'), succeeded('batch 1'), closed('batch 3')]), [true, false, true, false, true])
      await first.run('commit')
      t.match(await first.records.find(operationOf('batch 1')), { state: 'succeeded', answer, fingerprint })
      t.match(await first.records.find(operationOf('batch 2')), { state: 'rejected', answer: rejection, fingerprint })
      t.match(await first.records.find(operationOf('batch 3')), { state: 'closed', answer: undefined, fingerprint: undefined })
    })

    t.test('distinguishes keys that differ only in case, or in a space at the end', async t => {
      await first.begin()
      t.strictSame(await first.records.insert([closed('a'), closed('A'), closed('a '), closed('a')]), [true, true, true, false])
      await first.run('rollback')
    })

    t.test('records every byte and an empty body', async t => {
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index))
      await first.begin()
      await first.records.insert([
        { ...succeeded('bytes'), answer: { ...answer, body: bytes } },
        { ...succeeded('empty'), answer: { ...answer, body: Buffer.alloc(0) } },
        { ...succeeded('no body'), answer: { ...answer, body: undefined } }
      ])
      await first.run('commit')
      t.strictSame((await first.records.find(operationOf('bytes')))!.answer!.body, bytes)
      t.strictSame((await first.records.find(operationOf('empty')))!.answer!.body, Buffer.alloc(0))
      t.equal((await first.records.find(operationOf('no body')))!.answer!.body, undefined)
    })

    t.test('rejects a record that was committed before it was settled', async t => {
      const operation = operationOf('committed early')
      await first.begin()
      await first.records.claim(operation, fingerprint)
      await first.run('commit')
      await first.records.release(operation)
      await second.begin()
      await t.rejects(second.records.claim(operation, fingerprint), { message: /Do not commit, or roll back, request.transaction in a handler/ })
      await second.run('rollback')
      // Nobody holds the lock of MariaDB.
      t.equal(await first.records.findExecuting(operation), undefined)
      await first.run('delete from idempotency')
    })

    t.test('removes a limited number of old records', async t => {
      const table = 'delete from idempotency'
      await first.run(table)
      await first.records.insert([closed('sweep 1'), closed('sweep 2'), closed('sweep 3')])
      for (const [key, age] of [['sweep 1', 3_000_000], ['sweep 2', 2_000_000]] as const) {
        await first.query(statement`update idempotency set created = created - ${age} where id = ${operationOf(key).id}`)
      }
      await first.begin()
      t.equal(await first.records.sweep(1_000_000, 1), 1)
      await first.run('commit')
      t.equal(await first.records.find(operationOf('sweep 1')), undefined)
      t.equal(await first.records.sweep(1_000_000, 500), 1)
      t.equal(await first.records.sweep(1_000_000, 500), 0)
      t.match(await first.records.find(operationOf('sweep 3')), { state: 'closed' })
    })

    if (dialect === 'sqlite') return
    t.test('does not wait for an execution while it removes records', async t => {
      await first.begin()
      await first.records.claim(operationOf('swept while executing'), fingerprint)
      t.equal(await second.records.sweep(60_000, 500), 0)
      await first.records.settle(operationOf('swept while executing'), answer)
      await first.records.release(operationOf('swept while executing'))
      await first.run('commit')
      t.match(await second.records.find(operationOf('swept while executing')), { state: 'succeeded' })
    })

    t.test('sees a key that was settled after the transaction began', async t => {
      // On PostgreSQL, the transaction has the isolation level read committed.
      await second.run(dialect === 'postgresql' ? 'begin isolation level read committed' : 'start transaction')
      await second.run('select * from effect')
      await execute(first, 'older snapshot')
      await first.run('commit')
      t.match(await second.records.claim(operationOf('older snapshot'), fingerprint), { type: 'settled', record: { state: 'succeeded' } })
      await second.run('rollback')
    })

    if (dialect === 'postgresql') {
      t.test('does not execute a key that was settled after the snapshot of its transaction', async t => {
        const operation = operationOf('repeatable read')
        await second.run('begin isolation level repeatable read')
        await second.run('select * from effect')
        await execute(first, 'repeatable read')
        await first.run('commit')
        t.strictSame(await second.records.claim(operation, fingerprint), { type: 'executing' })
        await second.run('rollback')
      })

      t.test('can reject, but not settle, after an error that the handler has caught', async t => {
        const before = await count(first)
        for (const isRejected of [false, true]) {
          const key = `aborted ${isRejected}`
          await first.begin()
          await first.records.claim(operationOf(key), fingerprint)
          await first.run('insert into effect values (1)')
          await t.rejects(first.run('select 1 / 0'))
          if (isRejected) t.strictSame(await first.records.reject(rejected(key)), { type: 'new' })
          else await t.rejects(first.records.settle(operationOf(key), answer), { code: '25P02' })
          await first.run('commit')
          t.match(await first.records.find(operationOf(key)), isRejected ? { state: 'rejected' } : undefined)
        }
        t.equal(await count(first), before)
      })
      return
    }

    t.test('can reject, but not settle, after a deadlock', async t => {
      const before = await count(first)
      await first.run('create table lockable (n integer primary key)')
      await first.run('insert into lockable values (1), (2)')
      for (const isRejected of [false, true]) {
        const key = `deadlock ${isRejected}`
        await first.begin()
        await first.records.claim(operationOf(key), fingerprint)
        await first.run('select * from lockable where n = 1 for update')
        await second.begin()
        await second.run('select * from lockable where n = 2 for update')
        // The database ends the transaction with fewer changes.
        await second.run('insert into effect values (2), (2), (2), (2), (2)')
        const waiting = second.run('select * from lockable where n = 1 for update')
        await t.rejects(first.run('select * from lockable where n = 2 for update'), { code: 'ER_LOCK_DEADLOCK' })
        await waiting
        await second.run('rollback')
        if (isRejected) t.strictSame(await first.records.reject(rejected(key)), { type: 'new' })
        else await t.rejects(first.records.settle(operationOf(key), answer), { message: 'The idempotency key is no longer claimed: its transaction was rolled back' })
        await first.records.release(operationOf(key))
        await first.run('commit')
        t.match(await first.records.find(operationOf(key)), isRejected ? { state: 'rejected' } : undefined)
      }
      t.equal(await count(first), before)
    })

    t.test('returns a record while another connection reads it', async t => {
      const operation = operationOf('read twice')
      await execute(first, 'read twice')
      await first.run('commit')
      await first.begin()
      // The other connection has the lock, because it has not finished its claim.
      await first.run("create temporary table names as select left(sha2(concat(database(), '.idempotency:', lower(hex(id))), 256), 60) as name from idempotency where idempotency_key = 'read twice'")
      await first.run('select get_lock((select name from names), 0)')
      t.ok(await second.records.findExecuting(operation))
      await second.begin()
      t.match(await second.records.claim(operation, fingerprint), { type: 'settled', record: { state: 'succeeded' } })
      await second.run('commit')
      await first.records.release(operation)
      await first.run('commit')
    })

    t.test('leaves no lock on its connection', async t => {
      await first.begin()
      await t.rejects(first.records.claim(operationOf('too long'.repeat(100)), fingerprint), { code: 'ER_DATA_TOO_LONG' })
      await t.rejects(first.records.insert([closed('too long'.repeat(100))]), { code: 'ER_DATA_TOO_LONG' })
      await first.records.insert([closed('unlocked')])
      await first.records.claim(operationOf('unlocked'), fingerprint)
      await first.run('rollback')
      for (const key of ['too long'.repeat(100), 'unlocked']) t.equal(await second.records.findExecuting(operationOf(key)), undefined)
    })
  })
}

/** Returns a query function that returns these results in order, or throws them, and the texts of its statements. */
function script (...results: Array<Rows | Error>) {
  const texts: string[] = []
  return {
    texts,
    async query (statement: Statement): Promise<Rows> {
      texts.push(toQuestionMarks(statement).text)
      const result = results.shift() ?? new Error('No statement is left')
      if (result instanceof Error) throw result
      return result
    }
  }
}

const row = { fingerprint, state: 'succeeded', status: '201', reason: null, headers: '{}', body: new Uint8Array([1, 255]), created: '5', settled: 7n }
const record = { operation: operationOf('a'), fingerprint, state: 'succeeded', answer: { statusCode: 201, reason: undefined, headers: {}, body: Buffer.from([1, 255]) }, createdAt: 5, settledAt: 7 }
const duplicate = Object.assign(new Error('Duplicate entry'), { errno: 1062 })
const operation = operationOf('a')

t.test('sends the statements of PostgreSQL, without a server', async t => {
  const records = (...results: Array<Rows | Error>) => createRecords('postgresql', script(...results).query)
  t.strictSame(await records([{ inserted: 1 }]).claim(operation, fingerprint), { type: 'new' })
  t.strictSame(await records([], []).claim(operation, fingerprint), { type: 'executing' })
  t.strictSame(await records([], [row]).claim(operation, fingerprint), { type: 'settled', record })
  const conflict = Object.assign(new Error('could not serialize access'), { code: '40001' })
  for (const error of [conflict, new Error('wrapped', { cause: conflict })]) t.strictSame(await records(error).claim(operation, fingerprint), { type: 'executing' })
  await t.rejects(records(new Error('Lost')).claim(operation, fingerprint), { message: 'Lost' })
  t.strictSame(await records([row]).find(operation), record)
  t.strictSame(await records([{ id: operation.id }]).insert([closed('a'), closed('a')]), [true, false])
  t.strictSame(await records([], [], [{ id: operation.id }]).reject(rejected('a')), { type: 'new' })
  t.equal(await records([], []).sweep(1, 1), 0)
  t.strictSame(await records([]).findExecuting(operation), undefined)
  t.strictSame(await records([{ since: null }]).findExecuting(operation), { since: undefined })
  t.strictSame(await records([{ since: '5.25' }]).findExecuting(operation), { since: 5 })
  await records([{ settled: 1 }]).settle(operation, answer)
  await records().release(operation)
})

t.test('returns the statements of PostgreSQL that are sent with BEGIN and COMMIT', async t => {
  const { query, texts } = script([])
  t.match(toNumbered(claimStatement(operation, fingerprint)).text, /^\/\* with begin \*\/ insert into idempotency /)
  t.match(toNumbered(settleStatement(operation, answer)).text, /^\/\* with commit \*\/ with settled as \(\nupdate idempotency /)
  t.match(toNumbered(claimStatement(operation, fingerprint, 'app.keys')).text, 'insert into app.keys ')
  t.match(toNumbered(settleStatement(operation, answer, 'app.keys')).text, 'update app.keys ')
  t.strictSame(await readClaim(operation, [{ inserted: 1 }], query), { type: 'new' })
  t.strictSame(await readClaim(operation, [], query), { type: 'executing' })
  t.match(texts[0], 'from idempotency where')
})

t.test('sends the statements of MySQL, without a server', async t => {
  const records = (...results: Array<Rows | Error>) => createRecords('mysql', script(...results).query, 'keys_of_app')
  const taken = [{ taken: 1 }]
  t.strictSame(await records([{ taken: 0 }], []).claim(operation, fingerprint), { type: 'executing' })
  t.strictSame(await records([{ taken: 0 }], [row]).claim(operation, fingerprint), { type: 'settled', record })
  t.strictSame(await records(taken, []).claim(operation, fingerprint), { type: 'new' })
  t.strictSame(await records(taken, duplicate, [row], []).claim(operation, fingerprint), { type: 'settled', record })
  // Another transaction has removed the row of the conflict.
  t.strictSame(await records(taken, duplicate, [], []).claim(operation, fingerprint), { type: 'executing' })
  t.strictSame(await records(taken, new Error('wrapped', { cause: duplicate }), [row], []).claim(operation, fingerprint), { type: 'settled', record })
  await t.rejects(records(taken, new Error('Lost'), []).claim(operation, fingerprint), { message: 'Lost' })
  t.strictSame(await records([{ taken: '0' }], taken, [], []).insert([closed('a'), closed('b')]), [false, true])
  t.strictSame(await records([], [], []).reject(rejected('a')), { type: 'new' })
  t.strictSame(await records([], [], duplicate, [row]).reject(rejected('a')), { type: 'settled', record })
  await records([], [{ settled: '1' }]).settle(operation, answer)
  await t.rejects(records([], [{ settled: 0 }]).settle(operation, answer), { message: 'The idempotency key is no longer claimed: its transaction was rolled back' })
  t.strictSame(await records([{ holder: null }]).findExecuting(operation), undefined)
  t.strictSame(await records([{ holder: 5 }]).findExecuting(operation), {})
  t.equal(await records([], [{ removed: '3' }]).sweep(1, 500), 3)
  t.strictSame(await records([row]).find(operation), record)
})
