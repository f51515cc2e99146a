import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import redis from '@fastify/redis'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { memoryStore } from '../../../lib/signature/memory-store.js'
import { redisStore } from '../../../lib/signature/redis-store.js'
import { Gate } from '../../fixtures/database.js'
import { FakeRedis } from '../../fixtures/redis.js'

/** The two clocks, in seconds, which pass together until one is set. */
function clocks (t: Test) {
  const clocks = { monotonic: 1000, wall: 1_700_000_000 }
  t.intercept(performance, 'now', { value: () => clocks.monotonic * 1000 })
  t.intercept(Date, 'now', { value: () => clocks.wall * 1000 })
  return Object.assign(clocks, { pass: (seconds: number) => { clocks.monotonic += seconds; clocks.wall += seconds } })
}

t.test('memoryStore: a nonce is taken once within its lifetime', async t => {
  const time = clocks(t)
  const store = memoryStore({ max: 2 })
  t.equal(store.description, 'nonces are remembered by this process alone, at most 2 at a time, and are forgotten when it restarts')
  t.equal(store.take('a', 10), true)
  t.equal(store.take('a', 10), false)
  time.pass(5)
  t.equal(store.take('b', 10), true)
  t.equal(store.take('a', 10), false)
  t.equal(store.take('b', 10), false)
  t.throws(() => store.take('c', 10), { message: 'The memory of nonces is full (2)' })
  t.equal(store.take('b', 10), false, 'none is forgotten for it')
  time.pass(4.5)
  t.equal(store.take('a', 10), false)
  time.pass(0.5)
  t.equal(store.take('c', 10), true, 'a is forgotten')
  t.throws(() => store.take('d', 10), /full/)
  time.pass(5)
  t.equal(store.take('a', 10), true, 'b is, too')
  t.equal(store.take('c', 10), false)
})

t.test('memoryStore: a nonce is kept while a clock that was set back has its signature count', async t => {
  const time = clocks(t)
  const store = memoryStore({ max: 3 })
  const start = time.wall
  t.equal(store.take('a', 10, start + 8), true)
  t.equal(store.take('b', 10, start + 3), true)
  time.pass(10)
  time.wall = start
  t.equal(store.take('a', 10, start + 8), false)
  t.equal(store.take('b', 10, start + 3), false)
  t.equal(store.take('c', 10, start + 9), true, 'a new one is taken')
  t.throws(() => store.take('d', 10, start + 9), /full/)
  time.pass(0.5)
  t.throws(() => store.take('d', 10, start + 9), /full/)
  time.pass(2.5)
  t.equal(store.take('d', 10, start + 9), true, 'b is forgotten, once its signature has expired')
  t.equal(store.take('a', 10, start + 8), false)
})

t.test('memoryStore: a nonce that is forgotten is not taken again', async t => {
  const time = clocks(t)
  const store = memoryStore()
  const start = time.wall
  t.equal(store.take('a', 10, start + 9), true)
  time.pass(20)
  t.equal(store.take('b', 10, start + 29), true)
  time.wall = start
  const message = 'The clock was set back: nonces of that time are forgotten'
  t.throws(() => store.take('a', 10, start + 9), { message })
  t.throws(() => store.take('c', 10, start + 9), { message }, 'nor one that could be')
  t.throws(() => store.take('a', 10), { message })
  t.throws(() => store.take('c', 10), { message })
  t.equal(store.take('c', 10, start + 10), true)
  t.equal(store.take('b', 10), false)
  time.wall = start + 9
  t.equal(store.take('d', 10), true)
})

t.test('memoryStore: its bound', async t => {
  t.equal(memoryStore().description, 'nonces are remembered by this process alone, at most 100000 at a time, and are forgotten when it restarts')
  t.equal(memoryStore({}).take('a', 1), true)
  for (const max of [0, -1, 1.5, NaN, Infinity, '5', null]) {
    t.throws(() => memoryStore({ max: max as number }), { name: 'TypeError', message: 'fastify-reason-phrase: max must be a positive integer' })
  }
})

t.test('redisStore: SET NX PX', async t => {
  const calls: unknown[][] = []
  const answers = ['OK', null]
  const client = { set: async (...args: unknown[]) => { calls.push(args); return answers.shift()! } }
  const store = redisStore(client, { prefix: 'p:' })
  t.equal(store.description, undefined)
  t.equal(await store.take('a', 331), true)
  t.equal(await store.take('a', 331), false)
  const [[, one], [, other]] = calls
  t.strictSame(calls, [['p:a', one, 'PX', 331000, 'NX'], ['p:a', other, 'PX', 331000, 'NX']])
  t.not(one, other, 'each call has a value of its own')
  await redisStore(client).take('b', 1)
  t.equal(calls[2][0], 'nonce:b')
  await t.rejects(Promise.resolve(redisStore({ set: async () => { throw new Error('down') } }).take('a', 1)), { message: 'down' })
})

t.test('redisStore: an answer that is lost', async t => {
  const server = await FakeRedis.start(t)
  const client = await server.client(t)
  const store = redisStore(client)
  t.equal(await store.take('a', 60), true)
  t.equal(await store.take('a', 60), false)
  server.loseAnswer('set')
  t.equal(await store.take('b', 60), true, 'ioredis sends the command again, and the store recognizes its own value')
  t.equal(server.commands.filter(([name, key]) => name === 'set' && key === 'nonce:b').length, 2)
  t.equal(await store.take('b', 60), false)
  server.loseAnswer('set')
  t.equal(await store.take('b', 60), false, 'and no other')
  server.loseAnswer('get')
  t.equal(await store.take('b', 60), false)
  server.loseAnswer('set')
  const taken = await Promise.all(Array.from({ length: 20 }, async () => await store.take('c', 60)))
  t.equal(taken.filter(Boolean).length, 1, 'of many at once, one')
})

t.test('redisStore: while Redis is down, it fails at once, and nothing waits in the client', async t => {
  const server = await FakeRedis.start(t)
  const client = await server.client(t)
  const store = redisStore(client)
  t.equal(await store.take('a', 60), true)
  const closed = once(client, 'close')
  await server.stop()
  await closed
  for (let i = 0; i < 100; i++) await t.rejects(Promise.resolve(store.take(`down ${i}`, 60)), { message: /^The Redis client is not ready: its status is \w+$/ })
  t.equal((client as unknown as { offlineQueue: { length: number } }).offlineQueue.length, 0)
  const ready = once(client, 'ready')
  await server.open()
  await ready
  t.equal(await store.take('a', 60), false)
  t.equal(await store.take('b', 60), true)
  t.notOk(server.commands.some(([, key]) => key?.startsWith('nonce:down')))
  const ended = once(client, 'end')
  client.disconnect()
  await ended
  await t.rejects(Promise.resolve(store.take('c', 60)), { message: /not ready/ })
})

t.test('redisStore: a client that connects when it is first used', async t => {
  const server = await FakeRedis.start(t)
  const client = await server.client(t, { lazyConnect: true })
  t.equal(client.status, 'wait')
  t.equal(await redisStore(client).take('a', 60), true)
})

const hasRedis = await new Promise<boolean>(resolve => {
  const socket = net.connect(6379, '127.0.0.1', () => { socket.end('PING\r\n') })
  socket.on('data', data => { resolve(data.toString().startsWith('+PONG')) })
  socket.on('error', () => { resolve(false) })
  socket.on('close', () => { resolve(false) })
})

t.test('redisStore, on a Redis', { skip: !hasRedis && 'no Redis answers at 127.0.0.1:6379' }, async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(redis, { host: '127.0.0.1' })
  const prefix = `fastify-reason-phrase:test:${randomUUID()}:`
  const store = redisStore(app.redis, { prefix })
  const taken = await Promise.all(Array.from({ length: 20 }, () => store.take('a', 60)))
  t.equal(taken.filter(Boolean).length, 1, 'of many at once, one')
  t.equal(await store.take('b', 60), true)
  const left = await app.redis.pttl(`${prefix}a`)
  t.ok(left > 0 && left <= 60_000, 'it is forgotten after its lifetime')
  await store.take('c', 0.001)
  while (await app.redis.exists(`${prefix}c`) !== 0);
  t.equal(await store.take('c', 60), true)

  // A gate that executes a command and loses its answer.
  let isLost = false
  const gate = new Gate(socket => {
    const upstream = net.connect(6379, '127.0.0.1').on('error', () => {})
    socket.pipe(upstream).on('data', data => { if (isLost) socket.destroy(); else socket.write(data) })
    socket.on('close', () => { isLost = false; upstream.destroy() })
  })
  const client = app.redis.duplicate({ port: await gate.open() })
  client.on('error', () => {})
  t.teardown(async () => { client.disconnect(); await gate.close() })
  await once(client, 'ready')
  isLost = true
  t.equal(await redisStore(client, { prefix }).take('d', 60), true, 'after its answer was lost')
  t.equal(isLost, false)
  t.equal(await redisStore(client, { prefix }).take('d', 60), false)
  await app.redis.del(`${prefix}a`, `${prefix}b`, `${prefix}c`, `${prefix}d`)
})
