import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Static } from '@sinclair/typebox'
import type { FastifyBaseLogger } from 'fastify'
import fp from 'fastify-plugin'
import { CamelCasePlugin, Kysely, PostgresDialect, SqliteDialect, sql, type ColumnType, type Dialect, type PostgresPoolClient, type SqliteDatabase, type SqliteStatement } from 'kysely'
import Libsql from 'libsql'
import pg from 'pg'
import { ServiceUnavailable } from '../../../lib/service-unavailable.js'
import { migrate } from '../../../migrations/migrate.js'
import type { MessageStatus } from '../../../schemas/message.js'
import type { Topic } from '../../../schemas/topic.js'

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

// SQLSTATEs and codes of Node after which a connection must not be used again.
const CONNECTION = /^(08...|25006|25P0[34]|57P..|58...|E(?!RR_)[A-Z_]{4,})$/
// The errors that pg makes itself have no code.
const CONNECTION_MESSAGE = /^(Connection terminated|Query read timeout|Client .*not queryable)/
// SQLSTATEs of a conflict with others, of what took too long, and of what is used up: the same query can succeed later.
const ATTEMPT = /^(40(001|003|P01)|53...|55P03|57014)$/
const SQLITE = /^SQLITE_(BUSY|CANTOPEN|FULL|IOERR|LOCKED|NOMEM|PROTOCOL|READONLY)(_\w+)?$/
// The same as numbers, since libsql has no names for some codes that extend them, such as that of a read-only folder.
const SQLITE_NUMBERS = new Set([5, 14, 13, 10, 6, 7, 15, 8])

function isLost ({ code, message }: { code?: string, message?: string }): boolean {
  return code === undefined ? CONNECTION_MESSAGE.test(`${message}`) : CONNECTION.test(code)
}

/** Whether a query failed because the database is away or busy, so that trying again can help. Other errors are mistakes of ours. */
export function isUnavailable (error: unknown): boolean {
  const { code, rawCode } = error as { code?: string, rawCode?: number }
  return isLost(error as Error) || ATTEMPT.test(`${code}`) || SQLITE.test(`${code}`) || SQLITE_NUMBERS.has(Number(rawCode) & 0xFF)
}

// How long a start waits for other processes that have the file of SQLite locked, in milliseconds.
const START_LIMIT = 5_000

/** Does what may find a file of SQLite locked, again and again for a while. */
async function patiently<Result> (work: () => Promise<Result>): Promise<Result> {
  const end = Date.now() + START_LIMIT
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!/^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(`${(error as { code?: string }).code}`) || Date.now() >= end) throw error
      await setTimeout(50 * Math.random())
    }
  }
}

async function sqlite (file: string): Promise<Dialect> {
  await mkdir(dirname(file), { recursive: true })
  // Waiting for another process to release a lock blocks this one: not for long.
  const database = new Libsql(file, { timeout: 500 })
  try {
    database.exec('pragma journal_mode = wal')
  } catch (error) {
    database.close()
    throw error
  }
  return new SqliteDialect({ database: lockedFirst(database) })
}

/**
 * Has every transaction, and every statement that writes outside of one, take the lock before anything else. A
 * transaction that reads first can find that another process wrote since, and cannot write any more. And a statement
 * that fails for the lock is left in progress by libsql, so that no transaction commits until it is garbage:
 * https://github.com/tursodatabase/libsql-client-ts/issues/352. One of exec() is not.
 *
 * SQLite rolls a transaction back by itself after some errors, such as that of a full disk. Then every later statement
 * of the transaction, and its commit, fail with that error, and its rollback has nothing left to do.
 */
function lockedFirst (database: InstanceType<typeof Libsql>): SqliteDatabase {
  let isOpen = false
  // The last error of the transaction: when SQLite has rolled back, the reason for it.
  let failure: unknown

  const commands: Record<string, () => void> = {
    begin () {
      database.exec('begin immediate')
      isOpen = true
      failure = new Error('SQLite has rolled back the transaction')
    },
    commit () {
      inside(() => database.exec('commit'))
      isOpen = false
    },
    rollback () {
      isOpen = false
      if (database.inTransaction) database.exec('rollback')
    }
  }

  function inside<Result> (work: () => Result): Result {
    // SQLite would take a statement for a transaction of its own, and keep what it writes.
    if (isOpen && !database.inTransaction) throw failure
    try {
      return work()
    } catch (error) {
      failure = error
      throw error
    }
  }

  function alone<Result> (work: () => Result): Result {
    commands.begin()
    try {
      const result = work()
      commands.commit()
      return result
    } catch (error) {
      commands.rollback()
      throw error
    }
  }

  return {
    close: () => database.close(),
    prepare (text) {
      const statement = database.prepare(text) as unknown as SqliteStatement
      const command = commands[text]
      if (command !== undefined) {
        return Object.assign(statement, {
          run () {
            command()
            return { changes: 0, lastInsertRowid: 0 }
          }
        })
      }
      const isWrite = /^(insert|update|delete)\b/i.test(text)
      const locked = <Result>(work: () => Result) => isWrite && !isOpen && !database.inTransaction ? alone(work) : inside(work)
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
  // The error after which a connection must not be used again. It can come between two queries, and as one is opened.
  const losses = new WeakMap<pg.PoolClient, unknown>()
  const lose = (client: pg.PoolClient, error: unknown) => {
    if (!losses.has(client)) losses.set(client, error)
  }
  pool.on('connect', client => client.on('error', error => lose(client, error)))

  return new PostgresDialect({
    pool: {
      async connect () {
        const client = await pool.connect().catch(cause => { throw new DatabaseUnavailable(cause) })

        async function query (text: string, values: unknown[]) {
          try {
            // The next query would fail as well, with an error that hides this one, or after a timeout of its own.
            if (losses.has(client)) throw losses.get(client)
            return await client.query(text, values)
          } catch (error) {
            const isRollback = text === 'rollback'
            if (isRollback || isLost(error as Error)) lose(client, error)
            // To close the connection rolls back, too, and the error of a rollback would hide the reason for it.
            if (isRollback) return { command: 'ROLLBACK', rowCount: null, rows: [] }
            throw error
          }
        }

        return {
          query: query as unknown as PostgresPoolClient['query'],
          release: () => client.release(losses.has(client))
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

  let isReached = false

  async function open (): Promise<Kysely<Tables>> {
    const db = new Kysely<Tables>({
      dialect: databaseUrl ? postgresql(databaseUrl, app.log) : await sqlite(databaseFile),
      plugins: [new CamelCasePlugin()]
    })
    try {
      const { rows } = await sql.raw<{ schema: string | null }>(SCHEMA[dialect]).execute(db)
      isReached = true
      await migrate(db, { dialect, schema: rows[0].schema ?? undefined })
      return db
    } catch (error) {
      await db.destroy()
      throw error
    }
  }

  const db = await patiently(open).catch(error => {
    const isConnection = error instanceof DatabaseUnavailable
    // Before it is reached, every error is in the way of that, a wrong password as much as a wrong file.
    if (isReached && !isConnection && !isUnavailable(error)) throw error
    throw unreachable(isConnection ? error.cause : error)
  })
  app.addHook('onClose', () => db.destroy())

  const run: Database['run'] = async work => {
    try {
      return await work(db)
    } catch (error) {
      throw isUnavailable(error) ? new DatabaseUnavailable(error) : error
    }
  }

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
