import t from 'tap'
import { withTimeLimit } from '../../lib/time-limit.js'

const makeError = () => new Error('Too late')
// A timer of the event loop that is never cleared keeps the process from ending: tap reports that as a timeout.
const HOUR = 3_600_000

t.test('returns or throws what the promise settles to in time', async t => {
  t.equal(await withTimeLimit(Promise.resolve(1), HOUR, makeError), 1)
  t.equal(await withTimeLimit(2, HOUR, makeError), 2)
  await t.rejects(withTimeLimit(Promise.reject(new Error('no')), HOUR, makeError), { message: 'no' })
})

t.test('waits for anything that has a method then', async t => {
  const late = { then (resolve: (value: number) => void) { setImmediate(resolve, 3) } }
  t.equal(await withTimeLimit(late as PromiseLike<number>, HOUR, makeError), 3)
})

t.test('throws after the limit', async t => {
  await t.rejects(withTimeLimit(new Promise(() => {}), 1, makeError), { message: 'Too late' })
})

t.test('ignores what comes after the limit', async t => {
  let settle = { resolve (_value: number) {}, reject (_error: Error) {} }
  for (const name of ['resolve', 'reject'] as const) {
    const promise = new Promise<number>((resolve, reject) => { settle = { resolve, reject } })
    await t.rejects(withTimeLimit(promise, 1, makeError), { message: 'Too late' })
    // An unhandled rejection would fail the test.
    if (name === 'resolve') settle.resolve(1)
    else settle.reject(new Error('no'))
    await new Promise(resolve => setImmediate(resolve))
  }
})
