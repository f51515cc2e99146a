import t, { type Test } from 'tap'
import { memoryStore } from '../../../lib/signature/memory-store.js'

/** Replaces both clocks, in seconds. They advance together until a test sets one of them. */
function setClocks (t: Test) {
  const clocks = { monotonic: 1000, wall: 1_700_000_000 }
  t.intercept(performance, 'now', { value: () => clocks.monotonic * 1000 })
  t.intercept(Date, 'now', { value: () => clocks.wall * 1000 })
  return Object.assign(clocks, { pass: (seconds: number) => { clocks.monotonic += seconds; clocks.wall += seconds } })
}

t.test('accepts a nonce once within its lifetime', async t => {
  const time = setClocks(t)
  const store = memoryStore({ max: 2 })
  t.equal(store.description, 'nonces are remembered by this process alone, at most 2 at a time, and are forgotten when it restarts')
  t.equal(store.take('a', 10), true)
  t.equal(store.take('a', 10), false)
  time.pass(5)
  t.equal(store.take('b', 10), true)
  t.equal(store.take('a', 10), false)
  t.equal(store.take('b', 10), false)
  t.throws(() => store.take('c', 10), { message: 'The memory of nonces is full (2): increase max, or use redisStore()' })
  t.equal(store.take('b', 10), false, 'a full store forgets no nonce')
  time.pass(4.5)
  t.equal(store.take('a', 10), false)
  time.pass(0.5)
  t.equal(store.take('c', 10), true, 'a is forgotten')
  t.throws(() => store.take('d', 10), /full/)
  time.pass(5)
  t.equal(store.take('a', 10), true, 'b is forgotten, too')
  t.equal(store.take('c', 10), false)
})

t.test('remembers a nonce until its signature expires, even if the clock is set back', async t => {
  const time = setClocks(t)
  const store = memoryStore({ max: 3 })
  const start = time.wall
  t.equal(store.take('a', 10, start + 8), true)
  t.equal(store.take('b', 10, start + 3), true)
  time.pass(10)
  time.wall = start
  t.equal(store.take('a', 10, start + 8), false)
  t.equal(store.take('b', 10, start + 3), false)
  t.equal(store.take('c', 10, start + 9), true, 'a new nonce is accepted')
  t.throws(() => store.take('d', 10, start + 9), /full/)
  time.pass(0.5)
  t.throws(() => store.take('d', 10, start + 9), /full/)
  time.pass(2.5)
  t.equal(store.take('d', 10, start + 9), true, 'b is forgotten, once its signature has expired')
  t.equal(store.take('a', 10, start + 8), false)
})

t.test('throws for nonces of a time that it has forgotten after the clock was set back', async t => {
  const time = setClocks(t)
  const store = memoryStore()
  const start = time.wall
  t.equal(store.take('a', 10, start + 9), true)
  time.pass(20)
  t.equal(store.take('b', 10, start + 29), true)
  time.wall = start
  const message = 'The clock was set back: nonces of that time are forgotten'
  t.throws(() => store.take('a', 10, start + 9), { message })
  t.throws(() => store.take('c', 10, start + 9), { message }, 'a new nonce of that time is rejected, too')
  t.throws(() => store.take('a', 10), { message })
  t.throws(() => store.take('c', 10), { message })
  t.equal(store.take('c', 10, start + 10), true)
  t.equal(store.take('b', 10), false)
  time.wall = start + 9
  t.equal(store.take('d', 10), true)
})

t.test('requires max to be a positive integer', async t => {
  t.equal(memoryStore().description, 'nonces are remembered by this process alone, at most 100000 at a time, and are forgotten when it restarts')
  t.equal(memoryStore({}).take('a', 1), true)
  for (const max of [0, -1, 1.5, NaN, Infinity, '5', null]) {
    t.throws(() => memoryStore({ max: max as number }), { name: 'TypeError', message: /^fastify-reason-phrase: option max of memoryStore\(\) must be a positive integer, not / })
  }
})
