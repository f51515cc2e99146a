import { setTimeout } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { CamelCasePlugin, Kysely, sql, type RawBuilder, type Transaction } from 'kysely'
import { migrate } from '../../../migrations/migrate.js'
import { createCompile, type Compile } from './compile.js'
import { DatabaseUnavailable, isSqliteLocked, isUnavailable } from './errors.js'
import { createPostgresqlDialect } from './postgresql.js'
import { createSqliteDialect, explainOpenError } from './sqlite.js'
import type { Tables } from './tables.js'

/** The options of the plugin. */
export interface DatabaseOptions {
  /** The SQLite file. Default: `data/topics.db`. */
  databaseFile?: string
  /** A `postgres://` URL. With it, the database is PostgreSQL instead of SQLite. */
  databaseUrl?: string
}

/** The decorator `app.database`. */
export interface Database {
  dialect: 'sqlite' | 'postgresql'
  /** The instance of Kysely, for libraries that run queries themselves. Other code uses `run()`. */
  kysely: Kysely<Tables>
  /** Returns whether the database responds to a query. */
  isUp (): Promise<boolean>
  /**
   * Runs queries.
   *
   * @param transaction the transaction in which the queries run. Without a transaction, each query commits by itself
   * @throws {DatabaseUnavailable} if a query fails because the database is unavailable
   */
  run<Result> (queries: (db: Kysely<Tables>) => Promise<Result>, transaction?: Transaction<Tables>): Promise<Result>
  /** Compiles a query once, instead of at each run. */
  compile: Compile
  /**
   * Returns a table with the elements of a JSON array in the column `value`. So one parameter passes any number of rows, and the
   * text of the query is always the same.
   */
  elementsOf (json: RawBuilder<string>): RawBuilder<unknown>
}

declare module 'fastify' {
  interface FastifyInstance { database: Database }
}

// How long the start waits if another process has locked the SQLite file.
const START_TIMEOUT_MS = 5_000
const MAX_RETRY_DELAY_MS = 50

async function retryWhileLocked<Result> (open: () => Promise<Result>): Promise<Result> {
  const end = Date.now() + START_TIMEOUT_MS
  for (;;) {
    try {
      return await open()
    } catch (error) {
      if (!isSqliteLocked(error) || Date.now() >= end) throw error
      await setTimeout(MAX_RETRY_DELAY_MS * Math.random())
    }
  }
}

// Without a schema, Kysely would use a migration table of any schema as its own.
const SCHEMA_QUERIES = {
  sqlite: 'select null as schema',
  postgresql: 'select current_schema() as schema'
}

const ELEMENT_FUNCTIONS = { sqlite: 'json_each', postgresql: 'json_array_elements' }

/** Opens the database, runs its migrations, and decorates the app with it. */
export default fp<DatabaseOptions>(async function database (app, { databaseFile = 'data/topics.db', databaseUrl }) {
  const dialect = databaseUrl ? 'postgresql' : 'sqlite'

  async function createUnreachableError (cause: any): Promise<DatabaseUnavailable> {
    if (!databaseUrl) return new DatabaseUnavailable(cause, `DATABASE_FILE (${databaseFile}) cannot be used: ${await explainOpenError(databaseFile, cause)}`)
    // For a host with several addresses, the error has no message, but contains an error for each address.
    const reasons = [cause.errors ?? cause].flat().map(({ message }) => message).join(', ')
    return new DatabaseUnavailable(cause, `The database of DATABASE_URL cannot be reached: ${reasons}`)
  }

  let isReached = false

  async function open (): Promise<Kysely<Tables>> {
    const db = new Kysely<Tables>({
      dialect: await (databaseUrl ? createPostgresqlDialect(databaseUrl, app.log) : createSqliteDialect(databaseFile)),
      plugins: [new CamelCasePlugin()]
    })
    try {
      const { rows } = await sql.raw<{ schema: string | null }>(SCHEMA_QUERIES[dialect]).execute(db)
      isReached = true
      await migrate(db, { dialect, schema: rows[0].schema ?? undefined })
      return db
    } catch (error) {
      await db.destroy()
      throw error
    }
  }

  const db = await retryWhileLocked(open).catch(async error => {
    const isConnectionError = error instanceof DatabaseUnavailable
    // Until the first query succeeds, each error comes from the configuration or the connection.
    if (isReached && !isConnectionError && !isUnavailable(error)) throw error
    throw await createUnreachableError(isConnectionError ? error.cause : error)
  })
  app.addHook('onClose', () => db.destroy())

  const run: Database['run'] = async (queries, transaction) => {
    try {
      return await queries(transaction ?? db)
    } catch (error) {
      throw isUnavailable(error) ? new DatabaseUnavailable(error) : error
    }
  }

  app.decorate('database', {
    dialect,
    kysely: db,
    run,
    compile: createCompile(db),
    elementsOf: json => sql`${sql.raw(ELEMENT_FUNCTIONS[dialect])}(${json})`,
    async isUp () {
      try {
        await run(db => sql`select 1`.execute(db))
        return true
      } catch (error) {
        app.log.warn(error)
        return false
      }
    }
  })
}, { name: 'database' })
