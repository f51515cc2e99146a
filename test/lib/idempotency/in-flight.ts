import fc from 'fast-check'
import t, { type Test } from 'tap'
import { InFlight, type InFlightResult } from '../../../lib/idempotency/in-flight.js'
import { replaceClock, settlePromises } from '../../fixtures/clock.js'

const HOUR_MS = 3_600_000
const id = Buffer.alloc(32, 1)
const later = (): number => performance.now() + HOUR_MS

/** Returns a promise, and functions that settle it. */
function withResolvers<T> (): { promise: Promise<T>, resolve: (value: T) => void, reject: (error: Error) => void } {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((...functions) => { [resolve, reject] = functions })
  return { promise, resolve, reject }
}

const never = async (): Promise<never> => { throw new Error('It was executed') }

t.test('returns the outcome of the first execution for retries', async t => {
  const inFlight = new InFlight<string>()
  const { promise, resolve } = withResolvers<string>()
  const first = inFlight.run(id, later(), () => promise)
  const repetitions = [inFlight.run(id, later(), never), inFlight.run(Buffer.from(id), later(), never)]
  resolve('done')
  t.strictSame(await first, { isFirst: true, outcome: 'done' })
  for (const repetition of repetitions) t.strictSame(await repetition, { isFirst: false, outcome: 'done' })
})

t.test('finds the running execution', async t => {
  const inFlight = new InFlight<string, string>()
  const ends = [withResolvers<string | undefined>(), withResolvers<string | undefined>(), withResolvers<string | undefined>()]
  const find = async (): Promise<string | undefined> => {
    await settlePromises()
    return inFlight.find(Buffer.from(id))
  }
  t.equal(await find(), undefined)
  const results = [
    inFlight.run(id, later(), () => ends[0].promise, 'first'),
    inFlight.run(id, later(), () => ends[1].promise, 'second'),
    inFlight.run(id, later(), () => ends[2].promise)
  ]
  t.equal(await find(), 'first')
  t.equal(inFlight.find(Buffer.alloc(32, 2)), undefined, 'another operation')
  ends[0].resolve(undefined)
  t.equal(await find(), 'second')
  const rejected = t.rejects(results[1], { message: 'rolled back' })
  ends[1].reject(new Error('rolled back'))
  t.equal(await find(), undefined, 'the third execution has no name')
  await rejected
  ends[2].resolve('done')
  t.strictSame(await results[2], { isFirst: true, outcome: 'done' })
  t.equal(await find(), undefined)
})

t.test('executes operations with other ids at the same time', async t => {
  const inFlight = new InFlight<string>()
  const { promise, resolve } = withResolvers<string>()
  // Decoded as UTF-8, the last two ids would be the same text.
  const results = [0x41, 0x80, 0xff].map(byte => inFlight.run(Buffer.alloc(32, byte), later(), () => promise))
  resolve('done')
  for (const result of results) t.strictSame(await result, { isFirst: true, outcome: 'done' })
})

t.test('executes one retry after a rollback, and makes the others wait', async t => {
  for (const end of ['resolve', 'reject'] as const) {
    const inFlight = new InFlight<string>()
    const first = withResolvers<string | undefined>()
    const second = withResolvers<string>()
    let executions = 0
    const execute = async (): Promise<string> => {
      executions++
      return await second.promise
    }
    const rolledBack = inFlight.run(id, later(), () => first.promise)
    const repetitions = [inFlight.run(id, later(), execute), inFlight.run(id, later(), never)]

    if (end === 'resolve') first.resolve(undefined)
    else first.reject(new Error('rolled back'))
    // A request that arrives now waits behind the retries.
    repetitions.push(inFlight.run(id, later(), never))
    if (end === 'resolve') t.strictSame(await rolledBack, { isFirst: true, outcome: undefined })
    else await t.rejects(rolledBack, { message: 'rolled back' })
    await settlePromises()
    t.equal(executions, 1)

    second.resolve('done')
    t.strictSame(await Promise.all(repetitions), [{ isFirst: true, outcome: 'done' }, { isFirst: false, outcome: 'done' }, { isFirst: false, outcome: 'done' }])
  }
})

t.test('treats a function that throws like a function that rejects', async t => {
  const inFlight = new InFlight<string>()
  await t.rejects(inFlight.run(id, later(), () => { throw new Error('at once') }), { message: 'at once' })
  t.strictSame(await inFlight.run(id, later(), async () => 'done'), { isFirst: true, outcome: 'done' })
})

t.test('lets a retry wait until its deadline, and the first execution run without a deadline', async t => {
  const clock = replaceClock(t)
  const inFlight = new InFlight<string>()
  const { promise, resolve } = withResolvers<string>()
  const first = inFlight.run(id, clock.now, () => promise)
  const repetition = inFlight.run(id, clock.now + 10, never)
  t.equal(await inFlight.run(id, clock.now, never), undefined)
  clock.advance(10)
  t.equal(await repetition, undefined)
  resolve('done')
  t.strictSame(await first, { isFirst: true, outcome: 'done' })
})

type Command =
  | { type: 'run', operation: number, wait: number }
  | { type: 'end', operation: number, as: 'outcome' | 'rollback' | 'error' }
  | { type: 'advance', milliseconds: number }

/** A call of `run()`, with the result that the model expects and the result that is seen. */
interface Call {
  readonly deadline: number
  expected: string
  seen: string
  /** The end of the execution, once it has begun. */
  end?: ReturnType<typeof withResolvers<string | undefined>> | undefined
}

/** Returns the maps in which one of the keys is set until the test has ended. */
function recordMaps (t: Test, keys: unknown[]): Set<Map<unknown, unknown>> {
  const maps = new Set<Map<unknown, unknown>>()
  const { set } = Map.prototype
  // t.intercept() would record the stack of each call.
  Map.prototype.set = function (key, value) { // eslint-disable-line no-extend-native
    if (keys.includes(key)) maps.add(this)
    return set.call(this, key, value)
  }
  t.teardown(() => { Map.prototype.set = set }) // eslint-disable-line no-extend-native
  return maps
}

t.test('has the same results as a model in random interleavings', async t => {
  const clock = replaceClock(t)
  const maps = recordMaps(t, [0, 1, 2].map(operation => String.fromCharCode(operation).repeat(32)))
  const operation = fc.nat(2)
  const command: fc.Arbitrary<Command> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ type: fc.constant('run' as const), operation, wait: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('end' as const), operation, as: fc.constantFrom('outcome', 'rollback', 'error') }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('advance' as const), milliseconds: fc.integer({ min: 1, max: 3 }) }) }
  )
  let contended = 0
  await fc.assert(fc.asyncProperty(fc.array(command, { maxLength: 40 }), fc.boolean(), async (commands, isSettledEachTime) => {
    const inFlight = new InFlight<string>()
    const calls: Call[] = []
    // The model has, for each operation, the call that executes, and the calls that wait in their order.
    const executing: Array<Call | undefined> = []
    const waiting: Call[][] = [[], [], []]

    const run = (operation: number, wait: number): void => {
      const call: Call = { deadline: clock.now + wait, expected: 'executing', seen: 'waiting' }
      calls.push(call)
      if (executing[operation] === undefined) {
        executing[operation] = call
      } else if (wait === 0) {
        call.expected = 'late'
      } else {
        call.expected = 'waiting'
        waiting[operation].push(call)
      }
      inFlight.run(Buffer.alloc(32, operation), call.deadline, async () => {
        call.seen = 'executing'
        call.end = withResolvers()
        return await call.end.promise
      }).then(
        (result: InFlightResult<string> | undefined) => { call.seen = result === undefined ? 'late' : `${result.isFirst ? 'executed' : 'repeated'}: ${result.outcome}` },
        (error: Error) => { call.seen = error.message }
      )
    }

    const end = (operation: number, as: 'outcome' | 'rollback' | 'error'): void => {
      const call = executing[operation]
      if (call?.end === undefined) return
      const outcome = String(calls.indexOf(call))
      if (as === 'outcome') {
        call.expected = `executed: ${outcome}`
        for (const repetition of waiting[operation]) repetition.expected = `repeated: ${outcome}`
        waiting[operation] = []
        executing[operation] = undefined
        call.end.resolve(outcome)
      } else {
        call.expected = as === 'error' ? 'thrown' : 'executed: undefined'
        const next = waiting[operation].shift()
        if (next !== undefined) {
          contended++
          next.expected = 'executing'
        }
        executing[operation] = next
        if (as === 'error') call.end.reject(new Error('thrown'))
        else call.end.resolve(undefined)
      }
    }

    const check = async (): Promise<void> => {
      await settlePromises()
      const seen = calls.map(({ seen }) => seen)
      const expected = calls.map(({ expected }) => expected)
      if (seen.join() !== expected.join()) throw new Error(`seen ${seen.join()}, expected ${expected.join()}`)
    }

    for (const command of commands) {
      if (command.type === 'run') run(command.operation, command.wait)
      else if (command.type === 'end') end(command.operation, command.as)
      else {
        clock.advance(command.milliseconds)
        for (const [operation, line] of waiting.entries()) {
          for (const call of line) if (call.deadline <= clock.now) call.expected = 'late'
          waiting[operation] = line.filter(({ deadline }) => deadline > clock.now)
        }
      }
      // Without this, several commands run before the promises of the first command have settled.
      if (isSettledEachTime || command.type !== 'run') await check()
    }
    for (const operation of executing.keys()) {
      while (executing[operation] !== undefined) {
        await check()
        end(operation, 'rollback')
      }
    }
    await check()
    for (const map of maps) if (map.size > 0) throw new Error('The map has an operation that has ended')
    maps.clear()
  }), { numRuns: 500 })
  t.ok(contended > 100, `a repetition executed after a rollback ${contended} times`)
})
