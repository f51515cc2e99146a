import t from 'tap'
import { MAX_TIMEOUT_MS, withTimeLimit } from '../../lib/time-limit.js'

const createError = () => new Error('Too late')
// A timer that is not cleared keeps the process alive, which tap reports as a timeout.
const HOUR_MS = 3_600_000

t.test('returns or throws the outcome of a promise that settles in time', async t => {
  t.equal(await withTimeLimit(Promise.resolve(1), HOUR_MS, createError), 1)
  t.equal(await withTimeLimit(2, HOUR_MS, createError), 2)
  await t.rejects(withTimeLimit(Promise.reject(new Error('no')), HOUR_MS, createError), { message: 'no' })
})

t.test('waits for an object with a method then', async t => {
  const late = { then (resolve: (value: number) => void) { setImmediate(resolve, 3) } }
  t.equal(await withTimeLimit(late as PromiseLike<number>, HOUR_MS, createError), 3)
})

t.test('returns a value that is not a promise, and starts no timer', async t => {
  const timers = t.capture(globalThis, 'setTimeout', setTimeout)
  for (const value of [true, null, undefined, 0, '', { then: 'no function' }]) t.equal(await withTimeLimit<unknown>(value, HOUR_MS, createError), value)
  t.equal(timers().length, 0)
})

t.test('throws what a promise rejects with, and what the getter of then throws', async t => {
  for (const nothing of [undefined, null, '']) {
    t.equal(await withTimeLimit(Promise.reject(nothing), MAX_TIMEOUT_MS, createError).then(() => 'resolved', error => error), nothing)
  }
  const failure = new Error('a getter')
  await t.rejects(withTimeLimit({ get then (): never { throw failure } }, HOUR_MS, createError), failure)
})

t.test('throws the error of createError after the limit', async t => {
  await t.rejects(withTimeLimit(new Promise(() => {}), 1, createError), { message: 'Too late' })
})

t.test('ignores an outcome after the limit', async t => {
  let settle = { resolve (_value: number) {}, reject (_error: Error) {} }
  for (const name of ['resolve', 'reject'] as const) {
    const promise = new Promise<number>((resolve, reject) => { settle = { resolve, reject } })
    await t.rejects(withTimeLimit(promise, 1, createError), { message: 'Too late' })
    // An unhandled rejection would fail the test.
    if (name === 'resolve') settle.resolve(1)
    else settle.reject(new Error('no'))
    await new Promise(resolve => setImmediate(resolve))
  }
})
