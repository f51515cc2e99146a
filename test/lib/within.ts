import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { LONGEST_TIMEOUT, within } from '../../lib/within.js'

const late = (): Error => new Error('late')

t.test('returns an answer that is no promise, without a timer', async t => {
  const timers = t.capture(globalThis, 'setTimeout', setTimeout)
  for (const answer of [true, null, undefined, 0, '', { then: 'no function' }]) t.equal(await within(5, answer, late), answer)
  t.equal(timers().length, 0)
})

t.test('waits for a promise, and for what has a then()', async t => {
  t.equal(await within(LONGEST_TIMEOUT, Promise.resolve(1), late), 1)
  const thenable: PromiseLike<number> = { then: resolve => Promise.resolve(resolve!(2)) as never }
  t.equal(await within(LONGEST_TIMEOUT, thenable, late), 2)
  await t.rejects(within(LONGEST_TIMEOUT, Promise.reject(new Error('down')), late), { message: 'down' })
  for (const nothing of [undefined, null, '']) {
    t.equal(await within(LONGEST_TIMEOUT, Promise.reject(nothing), late).then(() => 'resolved', error => error), nothing)
  }
  const failure = new Error('a getter')
  await t.rejects(within(5, { get then (): never { throw failure } }, late), failure)
})

t.test('throws when the time is over, and ignores what comes later', async t => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => { unhandled.push(error) }
  process.on('unhandledRejection', note)
  t.teardown(() => { process.off('unhandledRejection', note) })
  await t.rejects(within(1, new Promise(() => {}), late), { message: 'late' })
  await t.rejects(within(1, sleep(10, 'answer'), late), { message: 'late' })
  await t.rejects(within(1, sleep(10).then(() => { throw new Error('too late') }), late), { message: 'late' })
  await sleep(20)
  t.strictSame(unhandled, [])
})
