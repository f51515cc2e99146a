// A service that inserts an order in a transaction, on each database: without keys, with this plugin, and with another
// library that keeps the responses in Redis. Another service has two routes without a database, for requests without a key.
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { Idempotency } from '@node-idempotency/core'
import { RedisStorageAdapter } from '@node-idempotency/storage-adapter-redis'
import Fastify from 'fastify'
import { Kysely, PostgresDialect, SqliteDialect } from 'kysely'
import Libsql from 'libsql'
import pg from 'pg'
import reasonPhrase, { serverOptions } from '../../dist/index.js'
import idempotency, { combineRoundTrips, kyselyStore, memoryStore, pgStore } from '../../dist/plugins/idempotency/index.js'
import { createPostgresql, createSqlite, hasPostgresql } from '../databases.js'
import { SMALL } from './plain.js'

export const DATABASES = ['SQLite with Kysely', 'PostgreSQL with Kysely', 'PostgreSQL with `pg`']
export const NO_DATABASE = 'this plugin, no database'

export const plainName = database => `${database}, plain transaction`
export const keyedName = database => `${database}, this plugin`
export const redisName = database => `${database}, \`@node-idempotency/core\` on Redis, hooks by hand`

const TABLE = 'create table orders (id text primary key, product text not null, quantity integer not null)'

/** How many transactions each server has at the same time. */
const TRANSACTIONS = 10
// Long, so that a slow moment of the machine does not end the benchmark.
const WAIT_MS = 10_000
const scope = () => 'bench'

const REDIS_PORT = 6379
const CACHE_TTL_MS = 600_000

const openers = {
  [DATABASES[0]]: openSqlite,
  ...(hasPostgresql && {
    [DATABASES[1]]: openKyselyPostgresql,
    [DATABASES[2]]: openPg
  })
}
const hasRedis = await findRedis()

export default {
  ...Object.fromEntries(Object.entries(openers).flatMap(([name, open]) => [
    [plainName(name), () => start(open)],
    [keyedName(name), () => start(open, { isKeyed: true })],
    ...(hasRedis ? [[redisName(name), () => start(open, { addHooks: addRedisHooks })]] : [])
  ])),
  [NO_DATABASE]: startWithoutDatabase
}

async function start (open, { isKeyed = false, addHooks = () => {} } = {}) {
  const { store, insert, transact, close } = await open(isKeyed)
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  if (isKeyed) {
    await store.createTable()
    await app.register(idempotency, { store, scope, maxInFlight: TRANSACTIONS, wait: WAIT_MS })
  }
  await addHooks(app)
  app.post('/order', { config: isKeyed ? { idempotency: 'optional' } : {} }, async ({ body: { product, quantity }, transaction }, reply) => {
    const order = { id: randomUUID(), product, quantity }
    if (transaction === undefined) await transact(transaction => insert(transaction, order))
    else await insert(transaction, order)
    return reply.code(201).send(order)
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    server: app.server,
    async close () {
      await app.close()
      await close()
    }
  }
}

async function startWithoutDatabase () {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  await app.register(idempotency, { store: memoryStore(), scope })
  app.post('/optional', { config: { idempotency: 'optional' } }, async () => SMALL)
  app.post('/without', async () => SMALL)
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { server: app.server }
}

async function openSqlite () {
  const { options: { databaseFile }, drop } = await createSqlite()
  const database = new Libsql(databaseFile)
  database.exec('pragma journal_mode = wal')
  database.exec(TABLE)
  return openKysely(new SqliteDialect({ database }), drop)
}

async function openKyselyPostgresql (isKeyed) {
  const { pool, drop } = await createPool(isKeyed)
  return openKysely(new PostgresDialect({ pool: isKeyed ? combineRoundTrips(pool) : pool }), drop)
}

function openKysely (dialect, drop) {
  const db = new Kysely({ dialect })
  return {
    store: kyselyStore(db),
    insert: (transaction, order) => transaction.insertInto('orders').values(order).execute(),
    transact: work => db.transaction().execute(work),
    async close () {
      await db.destroy()
      await drop()
    }
  }
}

async function openPg (isKeyed) {
  const { pool, drop } = await createPool(isKeyed)
  return {
    store: pgStore(pool),
    insert: (client, { id, product, quantity }) => client.query('insert into orders (id, product, quantity) values ($1, $2, $3)', [id, product, quantity]),
    // A rollback is not needed, because the benchmark ends after an error.
    async transact (work) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await work(client)
        await client.query('commit')
      } finally {
        client.release()
      }
    },
    async close () {
      await pool.end()
      await drop()
    }
  }
}

async function createPool (isKeyed) {
  const { options: { databaseUrl }, drop } = await createPostgresql()
  // A pool must have more connections than `maxInFlight`.
  const pool = new pg.Pool({ connectionString: databaseUrl, max: isKeyed ? TRANSACTIONS + 1 : TRANSACTIONS })
  // The server can terminate connections that are still being closed when the database is dropped.
  pool.on('error', () => {})
  await pool.query(TABLE)
  return { pool, drop }
}

/**
 * Adds the same hooks as `@node-idempotency/fastify`, which supports only Fastify 4. They store the key in Redis before the
 * handler, and the response after it.
 */
async function addRedisHooks (app) {
  const storage = new RedisStorageAdapter({ url: `redis://127.0.0.1:${REDIS_PORT}` })
  await storage.connect()
  app.addHook('onClose', () => storage.disconnect())
  const keys = new Idempotency(storage, { cacheKeyPrefix: `bench-${process.pid}`, cacheTTLMS: CACHE_TTL_MS })
  const describe = ({ headers, body, url, method }) => ({ headers, body, path: url, method })

  app.addHook('preHandler', async (request, reply) => {
    const recorded = await keys.onRequest(describe(request))
    if (recorded === undefined) return
    const { body, error, additional } = recorded
    return reply.code(additional.statusCode).headers({ 'content-type': additional['Content-Type'], 'idempotent-replayed': 'true' }).send(body ?? error)
  })
  app.addHook('onSend', async (request, reply, payload) => {
    const { statusCode } = reply
    const additional = { statusCode, 'Content-Type': reply.getHeader('content-type') }
    await keys.onResponse(describe(request), { additional, ...(statusCode < 400 ? { body: payload } : { error: payload }) })
  })
}

/** Returns whether a Redis server listens on the default port. Without one, the other library is not measured. */
async function findRedis () {
  return await new Promise(resolve => {
    const socket = connect(REDIS_PORT, '127.0.0.1')
    socket.on('connect', () => {
      resolve(true)
      socket.destroy()
    })
    socket.on('error', () => resolve(false))
  })
}
