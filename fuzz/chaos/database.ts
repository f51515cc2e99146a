import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Libsql from 'libsql'
import pg from 'pg'
import { Gate, openPostgresql, type Scope } from '../../test/fixtures/database.js'
import { findPort } from './ports.js'

type Row = Record<string, unknown>

/** The connection of a service process to the database. */
export interface Link {
  /** The environment variables of the process. */
  readonly env: Readonly<Record<string, string>>
  /** The gate between the process and the database. Undefined if the database is a file. */
  readonly gate?: Gate | undefined
}

/** The database of a run. */
export interface Database {
  /** One link for each process of the service. */
  readonly links: readonly Link[]
  /** Runs a query directly, not through the service or a gate. */
  query (text: string): Promise<Row[]>
}

/** How long the service waits for the result of a query, in milliseconds. It is shorter than a pause. */
const QUERY_TIMEOUT_MS = 1_500

/** The databases that a run can use. */
export const DATABASES = { postgresql: createPostgresql, sqlite: createSqlite }

export type DatabaseName = keyof typeof DATABASES

/** Creates a PostgreSQL database for two processes. */
async function createPostgresql (scope: Scope): Promise<Database> {
  if (!process.env.TEST_DATABASE_URL) throw new Error('--database postgresql needs the environment variable TEST_DATABASE_URL, the URL of a PostgreSQL database')
  const { databaseUrl } = await openPostgresql(scope)
  async function createLink (): Promise<Link> {
    const { gate, databaseUrl: through } = await Gate.to(scope, { databaseUrl }, await findPort())
    return { env: { DATABASE_URL: `${through}?query_timeout=${QUERY_TIMEOUT_MS}` }, gate }
  }
  return {
    links: [await createLink(), await createLink()],
    async query (text) {
      const client = new pg.Client(databaseUrl)
      await client.connect()
      const { rows } = await client.query(text)
      await client.end()
      return rows
    }
  }
}

/** Creates an SQLite file for one process. */
async function createSqlite (scope: Scope): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), 'chaos-'))
  scope.teardown(() => rm(folder, { recursive: true }))
  const file = join(folder, 'topics.db')
  return {
    links: [{ env: { DATABASE_FILE: file } }],
    async query (text) {
      // A service process that starts locks the file for a moment.
      const database = new Libsql(file, { timeout: 1_000 })
      const rows = database.prepare(text).all() as Row[]
      database.close()
      return rows
    }
  }
}
