import fp from 'fastify-plugin'
import type { Transaction } from 'kysely'
import idempotency, { kyselyStore, type SqlStore } from '../idempotency/index.js'
import { POOL_SIZE } from './database/postgresql.js'
import type { Tables } from './database/tables.js'

declare module '../idempotency/index.js' {
  interface Register { transaction: Transaction<Tables> }
}

declare module 'fastify' {
  interface FastifyInstance {
    /** The store of the idempotency records, for handlers that commit the records of many requests together. */
    idempotencyStore: SqlStore<Transaction<Tables>>
  }
}

// SQLite has one connection, and requests with a key wait for it like all others.
const POOL_SIZES = { sqlite: undefined, postgresql: POOL_SIZE }

/** Lets requests with an `Idempotency-Key` take effect once. The database of their effects has the records, too. */
export default fp(async function serviceIdempotency (app) {
  const { dialect, kysely } = app.database
  const store = { ...kyselyStore(kysely), poolSize: POOL_SIZES[dialect] }
  app.decorate('idempotencyStore', store)
  await app.register(idempotency, { store, outcomes: '/v2/operation' })
}, {
  name: 'idempotency',
  // The callers are told apart by the keys, and the documentation sees only routes that are registered after it.
  dependencies: ['database', 'docs', 'keys']
})
