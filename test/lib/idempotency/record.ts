import t from 'tap'
import { createOperation } from '../../../lib/idempotency/operation.js'
import { judge, type StoredRecord } from '../../../lib/idempotency/record.js'

const fingerprint = Buffer.alloc(32, 1)
const other = Buffer.alloc(32, 2)
const record = (state: StoredRecord['state'], fingerprint: Buffer | undefined): StoredRecord =>
  ({ operation: createOperation('alice', 'a'), fingerprint, state, createdAt: 0, settledAt: 0 })

t.test('replays the response for the same request, whether it succeeded or was rejected', async t => {
  for (const state of ['succeeded', 'rejected'] as const) t.equal(judge(record(state, Buffer.from(fingerprint)), fingerprint), 'replay', state)
})

t.test('refuses another request with the same key', async t => {
  for (const state of ['succeeded', 'rejected'] as const) {
    t.equal(judge(record(state, other), fingerprint), 'mismatch', state)
    t.equal(judge(record(state, undefined), fingerprint), 'mismatch', `${state} without a fingerprint`)
  }
})

t.test('refuses every request with a closed key', async t => {
  for (const stored of [undefined, fingerprint, other]) t.equal(judge(record('closed', stored), fingerprint), 'closed')
})
