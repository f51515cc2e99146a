import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import redis from '@fastify/redis'
import Fastify from 'fastify'
import t from 'tap'
import { redisStore } from '../../../lib/signature/redis-store.js'
import { Gate } from '../../fixtures/database.js'
import { FakeRedis, hasRedis } from '../../fixtures/redis.js'

t.test('sets each nonce with SET NX PX, under the prefix', async t => {
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

t.test('accepts a new nonce whose reply was lost', async t => {
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
  t.equal(await store.take('b', 60), false, 'the store does not accept the value of another call')
  server.loseAnswer('get')
  t.equal(await store.take('b', 60), false)
  server.loseAnswer('set')
  const taken = await Promise.all(Array.from({ length: 20 }, async () => await store.take('c', 60)))
  t.equal(taken.filter(Boolean).length, 1, 'one of 20 calls at the same time is accepted')
})

t.test('fails at once while Redis is down, and queues no command in the client', async t => {
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

t.test('works with a client that connects at its first command', async t => {
  const server = await FakeRedis.start(t)
  const client = await server.client(t, { lazyConnect: true })
  t.equal(client.status, 'wait')
  t.equal(await redisStore(client).take('a', 60), true)
})

t.test('accepts a nonce once, and forgets it after its lifetime, with a real Redis', { skip: !await hasRedis() && 'no Redis answers at 127.0.0.1:6379' }, async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(redis, { host: '127.0.0.1' })
  const prefix = `fastify-reason-phrase:test:${randomUUID()}:`
  const store = redisStore(app.redis, { prefix })
  const taken = await Promise.all(Array.from({ length: 20 }, () => store.take('a', 60)))
  t.equal(taken.filter(Boolean).length, 1, 'one of 20 calls at the same time is accepted')
  t.equal(await store.take('b', 60), true)
  const left = await app.redis.pttl(`${prefix}a`)
  t.ok(left > 0 && left <= 60_000, 'it is forgotten after its lifetime')
  await store.take('c', 0.001)
  while (await app.redis.exists(`${prefix}c`) !== 0);
  t.equal(await store.take('c', 60), true)

  // The gate passes a command on, and loses the reply.
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
  t.equal(await redisStore(client, { prefix }).take('d', 60), true, 'after the reply was lost')
  t.equal(isLost, false)
  t.equal(await redisStore(client, { prefix }).take('d', 60), false)
  await app.redis.del(`${prefix}a`, `${prefix}b`, `${prefix}c`, `${prefix}d`)
})
