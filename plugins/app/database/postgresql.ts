import type { FastifyBaseLogger } from 'fastify'
import { PostgresDialect, type Dialect } from 'kysely'
import type { PoolClient } from 'pg'
import { combineRoundTrips } from '../../idempotency/index.js'
import { DatabaseUnavailable, isConnectionLost } from './errors.js'

const CONNECT_TIMEOUT_MS = 3_000
const QUERY_TIMEOUT_MS = 5_000

/** The maximum number of connections. More than `maxInFlight` of the idempotency plugin, so that requests without a key get some. */
export const POOL_SIZE = 10

/** Returns the Kysely dialect for PostgreSQL, with a pool that replaces lost connections. */
export async function createPostgresqlDialect (url: string, log: FastifyBaseLogger): Promise<Dialect> {
  if (!/^postgres(ql)?:/.test(url)) throw new Error('its URL does not start with postgres://')
  // A service on SQLite starts faster without this driver.
  const { default: pg } = await import('pg')
  // Without timeouts, requests would wait forever for a server that disappeared without closing its connections. Parameters in
  // the URL override these timeouts.
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, query_timeout: QUERY_TIMEOUT_MS, max: POOL_SIZE, keepAlive: true })
  // A broken connection emits an error event, which would end the process without a listener.
  pool.on('error', error => log.warn(error, 'Lost an idle database connection'))
  // The first error of each lost connection. The error can arrive between two queries, or while the connection is opened.
  const losses = new WeakMap<PoolClient, unknown>()
  const markLost = (client: PoolClient, error: unknown) => {
    if (!losses.has(client)) losses.set(client, error)
  }
  pool.on('connect', client => client.on('error', error => markLost(client, error)))

  function createClient (client: PoolClient) {
    return {
      async query (text: string, values: unknown[]) {
        try {
          // On a lost connection, another query would fail with an error that hides the first one, or only after a timeout.
          if (losses.has(client)) throw losses.get(client)
          return await client.query(text, values)
        } catch (error) {
          const isRollback = text === 'rollback'
          if (isRollback || isConnectionLost(error)) markLost(client, error)
          // Report no error of a rollback: it would hide the first error, and the server rolls back when the connection closes.
          if (isRollback) return { command: 'ROLLBACK', rowCount: null, rows: [] }
          throw error
        }
      },
      release: () => client.release(losses.has(client))
    }
  }

  // Kysely and combineRoundTrips() keep the state of a connection by its client, so each connection has one client.
  const clients = new WeakMap<PoolClient, ReturnType<typeof createClient>>()

  return new PostgresDialect({
    pool: combineRoundTrips({
      async connect () {
        const client = await pool.connect().catch(cause => { throw new DatabaseUnavailable(cause) })
        const known = clients.get(client) ?? createClient(client)
        clients.set(client, known)
        return known
      },
      end: () => pool.end()
    })
  })
}
