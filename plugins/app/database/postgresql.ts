import type { FastifyBaseLogger } from 'fastify'
import { PostgresDialect, type Dialect } from 'kysely'
import type { PoolClient } from 'pg'
import { combineRoundTrips } from '../../idempotency/index.js'
import { DatabaseUnavailable, isConnectionLost } from './errors.js'

const CONNECT_TIMEOUT_MS = 3_000
const QUERY_TIMEOUT_MS = 5_000

/** The most connections of a process. It is more than `maxInFlight` of the idempotency plugin, so that requests with a key leave some to others. */
export const POOL_SIZE = 10

/** Returns the dialect of Kysely for PostgreSQL, with a pool that replaces the connections that it loses. */
export async function createPostgresqlDialect (url: string, log: FastifyBaseLogger): Promise<Dialect> {
  if (!/^postgres(ql)?:/.test(url)) throw new Error('its URL does not start with postgres://')
  // A service on SQLite starts faster without this driver.
  const { default: pg } = await import('pg')
  // Without timeouts, requests would wait for ever for a server that vanished without closing its connections. The
  // parameters of the URL override them.
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, query_timeout: QUERY_TIMEOUT_MS, max: POOL_SIZE, keepAlive: true })
  // A connection that breaks emits an error event, which ends the process if nobody listens.
  pool.on('error', error => log.warn(error, 'Lost an idle database connection'))
  // The first error of each lost connection. It can come between two queries, and while the connection is opened.
  const losses = new WeakMap<PoolClient, unknown>()
  const markLost = (client: PoolClient, error: unknown) => {
    if (!losses.has(client)) losses.set(client, error)
  }
  pool.on('connect', client => client.on('error', error => markLost(client, error)))

  function createClient (client: PoolClient) {
    return {
      async query (text: string, values: unknown[]) {
        try {
          // The next query would fail as well, with an error that hides this one, or after a timeout of its own.
          if (losses.has(client)) throw losses.get(client)
          return await client.query(text, values)
        } catch (error) {
          const isRollback = text === 'rollback'
          if (isRollback || isConnectionLost(error)) markLost(client, error)
          // The server rolls back when the connection is closed, and the error of a rollback would hide its reason.
          if (isRollback) return { command: 'ROLLBACK', rowCount: null, rows: [] }
          throw error
        }
      },
      release: () => client.release(losses.has(client))
    }
  }

  // Kysely and combineRoundTrips() keep what they know of a connection by its client.
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
