import { randomUUID } from 'node:crypto'
import net from 'node:net'
import redis from '@fastify/redis'
import Fastify from 'fastify'
import t from 'tap'
import { memoryStore, redisStore } from '../../lib/replay-store.js'

t.test('memoryStore: a nonce is taken once within its lifetime', async t => {
  let now = 1000
  t.intercept(performance, 'now', { value: () => now })
  const store = memoryStore({ max: 2 })
  t.equal(store.description, 'nonces are remembered by this process alone, at most 2 at a time')
  t.equal(store.take('a', 10), true)
  t.equal(store.take('a', 10), false)
  now += 5000
  t.equal(store.take('b', 10), true)
  t.equal(store.take('a', 10), false)
  t.equal(store.take('b', 10), false)
  t.throws(() => store.take('c', 10), { message: 'The memory of nonces is full (2)' })
  t.equal(store.take('b', 10), false, 'none is forgotten for it')
  now += 4999
  t.equal(store.take('a', 10), false)
  now += 1
  t.equal(store.take('c', 10), true, 'a is forgotten')
  t.throws(() => store.take('d', 10), /full/)
  now += 5000
  t.equal(store.take('a', 10), true, 'b is, too')
  t.equal(store.take('c', 10), false)
  t.ok(now)
})

t.test('memoryStore: its bound', async t => {
  t.equal(memoryStore().description, 'nonces are remembered by this process alone, at most 100000 at a time')
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
  t.strictSame(calls, [['p:a', '1', 'PX', 331000, 'NX'], ['p:a', '1', 'PX', 331000, 'NX']])
  await redisStore(client).take('b', 1)
  t.equal(calls[2][0], 'nonce:b')
  await t.rejects(Promise.resolve(redisStore({ set: async () => { throw new Error('down') } }).take('a', 1)), { message: 'down' })
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
  await app.redis.del(`${prefix}a`, `${prefix}b`, `${prefix}c`)
})
