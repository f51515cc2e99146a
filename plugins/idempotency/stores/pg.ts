import { BEGIN } from '../../../lib/idempotency/dialects/postgresql.js'
import { checkOptionNames } from '../../../lib/invalid-option.js'
import { createRecords } from '../../../lib/idempotency/records.js'
import { ROLLBACK, toNumbered, withLiterals } from '../../../lib/idempotency/statement.js'
import type { Query, Rows, Session, Statement } from '../../../lib/idempotency/store.js'
import { checkTable } from '../../../lib/idempotency/table.js'
import { checkCommit } from './check-commit.js'
import { Guard } from './guard.js'
import { createTable, type SqlStore, type SqlStoreOptions } from './sql-store.js'

/** The part of a client of `pg` that the store uses. */
export interface PgClient {
  query (text: string, values?: any[]): Promise<any>
  on (event: 'error', listener: (error: Error) => void): unknown
  off (event: 'error', listener: (error: Error) => void): unknown
  release (error?: Error): void
}

/** The part of a pool of `pg` that the store uses, for example `app.pg.pool` of `@fastify/postgres`. */
export interface PgPool<T> {
  connect (): Promise<T>
  // A pool of `pg` has this overload too. TypeScript infers the client only if both overloads are here.
  connect (callback: never): Promise<T> | void
  query (text: string, values?: any[]): Promise<any>
  readonly options: { readonly max?: number | undefined }
}

/** The result of a transaction, and the statement that is sent with its COMMIT. */
interface Outcome<Result> {
  readonly result: Result
  readonly last?: Statement | undefined
}

/**
 * Returns a store in a PostgreSQL database, with a pool of `pg`. Handlers get a
 * `PoolClient` in a transaction. Its `query()` throws after the transaction has
 * ended. Handlers must not call its `release()`.
 *
 * @throws {TypeError} if the name of the table would need quotes, or an option is unknown
 */
export function pgStore<T extends PgClient> (pool: PgPool<T>, options: SqlStoreOptions = {}): SqlStore<T> {
  checkOptionNames(options, ['table'], 'pgStore()')
  const { table } = options
  if (table !== undefined) checkTable(table)

  async function run<Result> (first: Statement | undefined, work: (session: Session<T>, rows: Rows) => Promise<Outcome<Result>>): Promise<Result> {
    const client = await pool.connect()
    const guard = new Guard()
    let outcome: Outcome<Result>
    client.on('error', ignoreError)
    try {
      const rows = await begin(client, first)
      outcome = await work(createSession(client, guard), rows)
      guard.end()
      const { last } = outcome
      checkCommit(await client.query(last === undefined ? 'commit' : `${withLiterals(last)}; commit`))
    } catch (error) {
      guard.end()
      release(client, await rollBack(client))
      throw error
    }
    release(client)
    return outcome.result
  }

  const store: SqlStore<T> = {
    dialect: 'postgresql',
    table,
    poolSize: pool.options.max,
    query: createQuery(pool),
    transaction: work => run(undefined, async session => ({ result: await work(session) })),
    transactionWith: run,
    createTable: () => createTable(store),
    insertRecords: (client, records) => createRecords('postgresql', createQuery(client), table).insert(records)
  }
  return store
}

// The queries of a lost connection fail, so its error event adds nothing. Without a listener, the event would end the process.
function ignoreError (): void {}

async function begin (client: PgClient, first: Statement | undefined): Promise<Rows> {
  const results = await client.query(`${withLiterals(BEGIN)}${first === undefined ? '' : `; ${withLiterals(first)}`}`)
  // With two statements, `pg` returns two results. The second one has the rows.
  return first === undefined ? [] : results[1].rows
}

/** Rolls back. Returns an error if the connection is lost: close it, and the server rolls back. */
async function rollBack (client: PgClient): Promise<Error | undefined> {
  return await client.query('rollback').then(() => undefined, (error: Error) => error)
}

function release (client: PgClient, loss?: Error): void {
  client.off('error', ignoreError)
  client.release(loss)
}

function createQuery (client: Pick<PgClient, 'query'>): Query {
  return async statement => {
    const { text, values } = toNumbered(statement)
    const { rows } = await client.query(text, values)
    return rows
  }
}

function createSession<T extends PgClient> (client: T, guard: Guard): Session<T> {
  const query = createQuery(client)
  return {
    // Without the check, the client would run later queries outside of the transaction.
    transaction: Object.create(client, {
      query: {
        value (...parameters: Parameters<PgClient['query']>): unknown {
          guard.check()
          return client.query(...parameters)
        }
      }
    }),
    async query (statement) {
      if (statement === ROLLBACK) guard.end()
      return await query(statement)
    }
  }
}
