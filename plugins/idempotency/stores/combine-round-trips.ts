import { WITH_BEGIN, WITH_COMMIT } from '../../../lib/idempotency/dialects/postgresql.js'
import { toLiterals } from '../../../lib/idempotency/statement.js'
import { checkCommit } from './check-commit.js'

/** The part of a client of `pg` that Kysely uses. */
export interface KyselyPgClient {
  query (query: any, values?: any): any
  on? (event: 'error', listener: (error: Error) => void): unknown
  release (error?: Error | boolean): void
}

/** The part of a pool of `pg` that Kysely uses. */
export interface KyselyPgPool<C> {
  connect (): Promise<C>
  end (): Promise<void>
}

/**
 * Returns a pool for the `PostgresDialect` of Kysely. With this pool, a request
 * with an idempotency key needs no more round trips than a plain transaction:
 * the claim is sent with BEGIN, and the record is settled with COMMIT. Only two
 * failures are handled differently:
 *
 * - A COMMIT throws if PostgreSQL rolls back instead, because a statement failed.
 * - A connection in an unknown state, for example after `query_timeout`, is
 *   closed. Kysely would use it again, maybe in the same transaction.
 *
 * ```js
 * new Kysely({ dialect: new PostgresDialect({ pool: combineRoundTrips(pool) }) })
 * ```
 */
export function combineRoundTrips<C extends KyselyPgClient> (pool: KyselyPgPool<C>): KyselyPgPool<KyselyPgClient> {
  // Kysely keeps the state of a connection by its client, so each connection has one client.
  const clients = new WeakMap<C, KyselyPgClient>()

  return {
    async connect () {
      const client = await pool.connect()
      let combined = clients.get(client)
      if (combined === undefined) {
        client.on?.('error', ignoreError)
        clients.set(client, combined = createClient(client))
      }
      return combined
    },
    end: () => pool.end()
  }
}

// The queries of a lost connection fail, so its error event adds nothing. Without a listener, the event would end the process.
function ignoreError (): void {}

function createClient (client: KyselyPgClient): KyselyPgClient {
  // The BEGIN that waits for the first statement, and the statement that waits for COMMIT.
  let begin: string | undefined
  let last: string | undefined
  // The error that left the connection in an unknown state.
  let loss: Error | undefined

  async function send (query: unknown, values?: readonly unknown[]): Promise<any> {
    // Another query would wait for the lost one.
    if (loss !== undefined) throw loss
    try {
      return await client.query(query, values)
    } catch (error) {
      // An error from the server has a severity, and leaves the connection in a known state.
      if ((error as { severity?: unknown }).severity === undefined) loss = error as Error
      throw error
    }
  }

  async function query (query: unknown, values: readonly unknown[] = []): Promise<unknown> {
    // A cursor or a query object is sent unchanged.
    const text = typeof query === 'string' ? query : ''
    if (/^(begin|start transaction)\b[^;]*$/.test(text)) {
      begin = text
      return createResult('BEGIN')
    }
    if (text.startsWith(WITH_COMMIT)) {
      last = toLiterals({ text, values })
      return createResult('SELECT')
    }
    if (text === 'commit') return await commit()
    if (text === 'rollback') return await rollback()
    if (begin === undefined) return await send(query, values)

    const first = begin
    begin = undefined
    if (text.startsWith(WITH_BEGIN)) return (await send(`${first}; ${toLiterals({ text, values })}`))[1]
    await send(first)
    return await send(query, values)
  }

  async function commit (): Promise<unknown> {
    if (begin !== undefined) {
      begin = undefined
      return createResult('COMMIT')
    }
    const text = last === undefined ? 'commit' : `${last}; commit`
    last = undefined
    const result = await send(text)
    checkCommit(result)
    return createResult('COMMIT')
  }

  async function rollback (): Promise<unknown> {
    const hasBegun = begin === undefined
    begin = last = undefined
    // Ignore an error of the rollback: it would hide the first error, and the server rolls back when the connection closes.
    if (hasBegun && loss === undefined) await send('rollback').catch((error: Error) => { loss = error })
    return createResult('ROLLBACK')
  }

  return { query, release: error => client.release(loss ?? error) }
}

function createResult (command: string): { command: string, rowCount: number, rows: object[] } {
  return { command, rowCount: 0, rows: [] }
}
