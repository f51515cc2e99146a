import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Static } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import fp from 'fastify-plugin'
import { CamelCasePlugin, Kysely, Migrator, PostgresDialect, SqliteDialect, sql, type ColumnType, type Dialect, type PostgresPoolClient, type SqliteDatabase, type SqliteStatement } from 'kysely'
import Libsql from 'libsql'
import pg from 'pg'
import { ServiceUnavailable } from '../../lib/service-unavailable.js'
import { migrations } from '../../migrations/index.js'
import type { MessageStatus } from '../../schemas/message.js'
import type { Topic } from '../../schemas/topic.js'

/** The tables, named as the service names things. */
export interface Tables {
  topic: Static<typeof Topic>
  message: MessageTable
  /** The number of the last message that a topic accepted. */
  messageSequence: { topicId: string, last: Count }
}

/** What PostgreSQL returns as text, since it can be more than a number holds exactly, as these never are. */
type Count = ColumnType<number | string, number>

/** Every message that was accepted. */
export interface MessageTable {
  messageId: string
  topicId: string
  mediaType: string
  /** Its bytes: a Buffer of PostgreSQL, an ArrayBuffer of SQLite. */
  body: ColumnType<Buffer | ArrayBuffer, Buffer>
  /** Its place in the order of acceptance in its topic. */
  sequence: Count
  status: Static<typeof MessageStatus>
  /** Its place among the stored messages of its topic, from 1 on. */
  position: ColumnType<number | string | null>
  /** Why it failed. */
  reason: string | null
  createAt: string
}

/** Where the data is. */
export interface DatabaseOptions {
  /** The SQLite file, `data/topics.db` by default. */
  databaseFile?: string
  /** A `postgres://` URL: PostgreSQL instead of SQLite. */
  databaseUrl?: string
}

/** The database of the service. */
export interface Database {
  dialect: 'sqlite' | 'postgresql'
  /** Whether it answers. */
  isUp (): Promise<boolean>
  /** Runs queries; a DatabaseUnavailable when the database is why they fail. */
  run<Result> (work: (db: Kysely<Tables>) => Promise<Result>): Promise<Result>
}

declare module 'fastify' {
  interface FastifyInstance { database: Database }
}

/** The database cannot be used for now: a 503 whose message is fit for clients. */
export class DatabaseUnavailable extends ServiceUnavailable {
  constructor (cause: unknown, message = 'The database is unavailable') {
    super(message, { cause })
  }
}

// SQLSTATEs, SQLite's codes and Node's. Any other is a mistake of ours, and trying again is no help.
const UNAVAILABLE = /^(08...|25006|53...|57P..|58...|SQLITE_(BUSY|CANTOPEN|FULL|IOERR|LOCKED|READONLY)\w*|E(?!RR_)[A-Z_]{4,})$/
// The errors that pg makes itself have no code.
const LOST = /^(Connection terminated|Query read timeout|Client .*not queryable)/

/** Whether a query failed because the database is away, not because it is wrong. */
export function isUnavailable (error: unknown): boolean {
  const { code, message } = error as { code?: string, message?: string }
  return code === undefined ? LOST.test(`${message}`) : UNAVAILABLE.test(code)
}

async function sqlite (file: string): Promise<Dialect> {
  await mkdir(dirname(file), { recursive: true })
  // Waiting for another process to release a lock blocks this one: not for long.
  const database = new Libsql(file, { timeout: 500 })
  database.pragma('journal_mode = WAL')
  return new SqliteDialect({ database: lockedFirst(database) })
}

const NOTHING = { changes: 0, lastInsertRowid: 0 }

/**
 * Has every transaction, and every statement that writes outside of one, take the lock before anything else. A
 * transaction that reads first can find that another process wrote since, and cannot write any more. And a statement
 * that fails for the lock is left in progress by libsql, so that no transaction commits until it is garbage:
 * https://github.com/tursodatabase/libsql-client-ts/issues/352. One of exec() is not.
 */
function lockedFirst (database: InstanceType<typeof Libsql>): SqliteDatabase {
  const locked = (work: () => any) => database.inTransaction ? work() : database.transaction(work).immediate()
  const begin = () => {
    database.exec('begin immediate')
    return NOTHING
  }

  return {
    close: () => database.close(),
    prepare (text) {
      const statement = database.prepare(text) as unknown as SqliteStatement
      if (text === 'begin') return Object.assign(statement, { run: begin })
      if (!/^(insert|update|delete)\b/i.test(text)) return statement
      const all = statement.all.bind(statement)
      const run = statement.run.bind(statement)
      return Object.assign(statement, {
        all: (parameters: unknown[]) => locked(() => all(parameters)),
        run: (parameters: unknown[]) => locked(() => run(parameters))
      })
    }
  }
}

/** PostgreSQL through a pool that gets over the loss of its connections. */
export function postgresql (url: string, log: FastifyBaseLogger): Dialect {
  if (!/^postgres(ql)?:/.test(url)) throw new Error('its URL does not start with postgres://')
  // Without limits, a server that vanished without a word would hold requests for ever. The URL can set others.
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: 3_000, query_timeout: 5_000, keepAlive: true })
  // A connection that breaks is an error event as well, and one that nobody listens to ends the process.
  pool.on('error', error => log.warn(error, 'Lost an idle database connection'))
  pool.on('connect', client => client.on('error', () => {}))

  return new PostgresDialect({
    pool: {
      async connect () {
        const client = await pool.connect().catch(cause => { throw new DatabaseUnavailable(cause) })
        let lost = false
        const query = (text: string, values: unknown[]) => client.query(text, values).catch(error => {
          lost ||= isUnavailable(error)
          throw error
        })
        return {
          query: query as unknown as PostgresPoolClient['query'],
          // A connection that did not answer must not be given to the next request.
          release: () => client.release(lost)
        }
      },
      end: () => pool.end()
    }
  })
}

// Kysely takes a migration table in any schema for its own, unless it is told which schema to look in.
const SCHEMA = {
  sqlite: 'select null as schema',
  postgresql: 'select current_schema() as schema'
}

/** Decorates the service with its database, reached and up to date before the service starts. */
export default fp<DatabaseOptions>(async function database (app, { databaseFile = 'data/topics.db', databaseUrl }) {
  const dialect = databaseUrl ? 'postgresql' : 'sqlite'

  function unreachable (cause: any): DatabaseUnavailable {
    // A host with several addresses fails with an error for each, and no message of its own.
    const reasons = [cause.errors ?? cause].flat().map(({ message }) => message).join(', ')
    return new DatabaseUnavailable(cause, `The database (${databaseUrl ? 'PostgreSQL' : databaseFile}) cannot be reached: ${reasons}`)
  }

  async function open () {
    const db = new Kysely<Tables>({
      dialect: databaseUrl ? postgresql(databaseUrl, app.log) : await sqlite(databaseFile),
      plugins: [new CamelCasePlugin()]
    })
    app.addHook('onClose', () => db.destroy())
    const { rows } = await sql.raw<{ schema: string | null }>(SCHEMA[dialect]).execute(db)
    return { db, migrationTableSchema: rows[0].schema ?? undefined }
  }

  // Whatever is wrong by now, a wrong password as much as a wrong file, is in the way of reaching it.
  const { db, migrationTableSchema } = await open().catch(error => {
    throw unreachable(error instanceof DatabaseUnavailable ? error.cause : error)
  })

  const run: Database['run'] = async work => {
    try {
      return await work(db)
    } catch (error) {
      throw isUnavailable(error) ? new DatabaseUnavailable(error) : error
    }
  }

  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations }, migrationTableSchema })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw isUnavailable(error) ? unreachable(error) : error

  app.decorate('database', {
    dialect,
    run,
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
