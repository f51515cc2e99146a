import t from 'tap'
import { WaitingLine } from '../../../lib/idempotency/waiting-line.js'
import { replaceClock } from '../../fixtures/clock.js'

// A timer that is not cleared keeps the process alive, which tap reports as a timeout.
const HOUR_MS = 3_600_000

t.test('callNext() calls the caller that has waited longest', async t => {
  const line = new WaitingLine<string>()
  t.equal(line.callNext('nobody'), false)
  const calls = [line.wait(performance.now() + HOUR_MS), line.wait(performance.now() + HOUR_MS)]
  t.equal(line.callNext('first'), true)
  t.equal(line.callNext('second'), true)
  t.equal(line.callNext('nobody'), false)
  t.strictSame(await Promise.all(calls), ['first', 'second'])
})

t.test('callAll() calls all callers', async t => {
  const line = new WaitingLine<string>()
  line.callAll('nobody')
  const calls = [line.wait(performance.now() + HOUR_MS), line.wait(performance.now() + HOUR_MS)]
  line.callAll('all')
  t.equal(line.callNext('nobody'), false)
  t.strictSame(await Promise.all(calls), ['all', 'all'])
})

t.test('lets a caller wait until its deadline, and not longer', async t => {
  const clock = replaceClock(t)
  const line = new WaitingLine<string>()
  const late = line.wait(clock.now + 20)
  const early = line.wait(clock.now + 10)
  clock.advance(10)
  t.equal(await early, undefined)
  clock.advance(9)
  t.equal(line.callNext('in time'), true)
  t.equal(await late, 'in time')
  t.equal(line.callNext('nobody'), false)
})

t.test('does not wait for a caller whose deadline has passed', async t => {
  const timers = t.capture(globalThis, 'setTimeout', setTimeout)
  const line = new WaitingLine<string>()
  t.equal(await line.wait(performance.now()), undefined)
  t.equal(await line.wait(performance.now() - HOUR_MS), undefined)
  t.equal(line.callNext('nobody'), false)
  t.equal(timers().length, 0)
})
