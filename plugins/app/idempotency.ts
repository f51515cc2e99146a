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
    /** The store of the idempotency records, for handlers that commit the records of several requests in one transaction. */
    idempotencyStore: SqlStore<Transaction<Tables>>
  }
}

// SQLite has a single connection, for which all requests wait, so there is no pool whose size must be checked.
const POOL_SIZES = { sqlite: undefined, postgresql: POOL_SIZE }

/** Lets requests with an `Idempotency-Key` take effect once. Their records are in the same database as their effects. */
export default fp(async function serviceIdempotency (app) {
  const { dialect, kysely } = app.database
  const store = { ...kyselyStore(kysely), poolSize: POOL_SIZES[dialect] }
  app.decorate('idempotencyStore', store)
  await app.register(idempotency, { store, outcomes: '/v2/operation' })
}, {
  name: 'idempotency',
  // keys identifies the callers. docs must be registered first, because it documents only the routes that are added after it.
  dependencies: ['database', 'docs', 'keys']
})
