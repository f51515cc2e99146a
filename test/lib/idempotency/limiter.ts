import fc from 'fast-check'
import t from 'tap'
import { Limiter } from '../../../lib/idempotency/limiter.js'
import { replaceClock, settlePromises } from '../../fixtures/clock.js'

const later = (): number => performance.now() + 3_600_000

t.test('returns what the function resolves to, and throws what it rejects with', async t => {
  const limiter = new Limiter(1)
  // Each call must give its place back, even if it throws.
  t.equal(await limiter.run(later(), async () => 1), 1)
  await t.rejects(limiter.run(later(), async () => { throw new Error('rejected') }), { message: 'rejected' })
  await t.rejects(limiter.run(later(), () => { throw new Error('thrown') }), { message: 'thrown' })
  t.equal(await limiter.run(performance.now(), async () => 2), 2, 'a free place needs no time')
})

t.test('makes a call wait for a place until its deadline, and never calls it later', async t => {
  const clock = replaceClock(t)
  const limiter = new Limiter(1)
  let end!: () => void
  const running = limiter.run(clock.now, async () => { await new Promise<void>(resolve => { end = resolve }) })
  let calls = 0
  const count = async (): Promise<number> => ++calls
  t.equal(await limiter.run(clock.now, count), undefined)
  const late = limiter.run(clock.now + 10, count)
  const inTime = limiter.run(clock.now + 20, count)
  clock.advance(10)
  t.equal(await late, undefined)
  clock.advance(9)
  end()
  t.equal(await inTime, 1)
  await running
  t.equal(calls, 1)
})

type Command = { type: 'run', wait: number } | { type: 'end', index: number, rejects: boolean } | { type: 'advance', milliseconds: number }

t.test('runs as many calls as the limit allows, in their order, in random interleavings', async t => {
  const clock = replaceClock(t)
  const command: fc.Arbitrary<Command> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant('run' as const), wait: fc.nat(6) }) },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('end' as const), index: fc.nat(2), rejects: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('advance' as const), milliseconds: fc.integer({ min: 1, max: 3 }) }) }
  )
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(command, { maxLength: 40 }), async (max, commands) => {
    const limiter = new Limiter(max)
    const states: string[] = []
    const ends: Array<(error?: Error) => void> = []
    // The model has the calls that run, and the calls that wait in their order.
    const expected: string[] = []
    let running: number[] = []
    let waiting: Array<{ call: number, deadline: number }> = []

    const run = (wait: number): void => {
      const call = states.push('waiting') - 1
      if (running.length < max) running.push(call)
      else if (wait > 0) waiting.push({ call, deadline: clock.now + wait })
      expected.push(running.includes(call) ? 'running' : wait > 0 ? 'waiting' : 'late')
      limiter.run(clock.now + wait, async () => {
        states[call] = 'running'
        return await new Promise<string>((resolve, reject) => {
          ends[call] = error => { if (error === undefined) resolve('resolved'); else reject(error) }
        })
      }).then((result = 'late') => { states[call] = result }, (error: Error) => { states[call] = error.message })
    }
    const end = (call: number, rejects: boolean): void => {
      expected[call] = rejects ? 'rejected' : 'resolved'
      running = running.filter(other => other !== call)
      const next = waiting.shift()
      if (next !== undefined) {
        expected[next.call] = 'running'
        running.push(next.call)
      }
      ends[call](rejects ? new Error('rejected') : undefined)
    }
    const check = async (): Promise<void> => {
      await settlePromises()
      if (states.join() !== expected.join()) throw new Error(`seen ${states.join()}, expected ${expected.join()}`)
    }

    for (const command of commands) {
      if (command.type === 'run') run(command.wait)
      else if (command.type === 'advance') {
        clock.advance(command.milliseconds)
        for (const { call, deadline } of waiting) if (deadline <= clock.now) expected[call] = 'late'
        waiting = waiting.filter(({ deadline }) => deadline > clock.now)
      } else if (command.index < running.length) end(running[command.index], command.rejects)
      await check()
    }
    while (running.length > 0) {
      end(running[0], false)
      await check()
    }
    // All places are free again, and there are not more places than before.
    for (let call = 0; call <= max; call++) run(1)
    await check()
    clock.advance(1)
    expected[expected.length - 1] = 'late'
    await check()
  }))
})
