import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createFingerprint, createOperation } from '../../../lib/idempotency/operation.js'
import type { NewRecord } from '../../../lib/idempotency/record.js'
import { statement } from '../../../lib/idempotency/statement.js'
import type { IdempotencyStore, Rows, Statement } from '../../../lib/idempotency/store.js'
import { executeOnce, findRecord } from '../../../plugins/idempotency/transaction.js'

const operation = createOperation('caller', randomUUID())
const fingerprint = createFingerprint('POST', '/', Buffer.alloc(32))
const success: NewRecord = { operation, fingerprint, state: 'succeeded', answer: { statusCode: 200, headers: {} } }
const rejection: NewRecord = { operation, fingerprint, state: 'rejected', answer: { statusCode: 404, reason: 'There is none', headers: {} } }
const row = { fingerprint, state: 'succeeded', status: 200, reason: null, headers: '{}', body: null, created: 1, settled: 2 }

/** Creates a store that returns these rows, and logs the first word of each statement. */
function createStore (rows: Rows[], more: Partial<IdempotencyStore<string>> = {}): { store: IdempotencyStore<string>, log: string[] } {
  const log: string[] = []
  const query = async (statement: Statement): Promise<Rows> => {
    log.push(wordOf(statement))
    return rows.shift() ?? []
  }
  const store: IdempotencyStore<string> = {
    dialect: 'postgresql',
    transaction: async work => {
      log.push('begin')
      return await work({ transaction: 'transaction', query })
    },
    ...more
  }
  return { store, log }
}

function wordOf ({ parts: [text] }: Statement): string {
  return /^(?:\/\*[^*]*\*\/ )?(\w+)/.exec(text!)![1]!
}

function combining (rows: Rows[], queried: Rows[]): { store: IdempotencyStore<string>, log: string[] } {
  const { store, log } = createStore(queried)
  return {
    log,
    store: {
      ...store,
      async transactionWith (first, work) {
        log.push(`begin; ${wordOf(first)}`)
        const { result, last } = await store.transaction(async session => await work(session, rows.shift()!))
        log.push(`${last === undefined ? '' : `${wordOf(last)}; `}commit`)
        return result
      }
    }
  }
}

t.test('claims and settles with the statements of the dialect', async t => {
  const { store, log } = createStore([[{ inserted: 1 }]])
  t.strictSame(await executeOnce(store, operation, fingerprint, async transaction => {
    t.equal(transaction, 'transaction')
    return success
  }), { type: 'new' })
  t.strictSame(log, ['begin', 'insert', 'with'])
  const { store: other } = createStore([[], [row]])
  t.match(await executeOnce(other, operation, fingerprint, async () => t.fail() as never), { type: 'settled', record: { state: 'succeeded' } })
})

t.test('sends its statements with BEGIN and COMMIT if the store has transactionWith()', async t => {
  const { store, log } = combining([[{ inserted: 1 }], [], [], [{ inserted: 1 }]], [])
  t.strictSame(await executeOnce(store, operation, fingerprint, async () => success), { type: 'new' })
  t.strictSame(log.splice(0), ['begin; insert', 'begin', 'with; commit'])
  t.strictSame(await executeOnce(store, operation, fingerprint, async () => t.fail() as never), { type: 'executing' })
  t.strictSame(log.splice(0), ['begin; insert', 'begin', 'select', 'commit'])

  const settled = combining([[]], [[row]])
  t.match(await executeOnce(settled.store, operation, fingerprint, async () => t.fail() as never), { type: 'settled', record: { state: 'succeeded' } })

  const rejected = combining([[{ inserted: 1 }]], [[], [], [{ id: operation.id }]])
  t.strictSame(await executeOnce(rejected.store, operation, fingerprint, async () => rejection), { type: 'new' })
  t.strictSame(rejected.log, ['begin; insert', 'begin', 'rollback', 'begin', 'insert', 'commit'])
})

t.test('reads a record without a transaction if the store has query()', async t => {
  const { store, log } = createStore([[row], []])
  t.match(await findRecord(store, operation), { state: 'succeeded', operation })
  t.equal(await findRecord(store, operation), undefined)
  t.strictSame(log, ['begin', 'select', 'begin', 'select'])
  const { store: querying } = createStore([], { query: async () => [row], transaction: async () => t.fail() as never })
  t.match(await findRecord(querying, operation), { state: 'succeeded' })
  t.equal(wordOf(statement`select 1`), 'select')
})
