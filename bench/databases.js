// Creates databases for the servers of the benchmark.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

const { TEST_DATABASE_URL } = process.env

/** Whether there is a PostgreSQL server. Without one, only SQLite is measured. */
export const hasPostgresql = Boolean(TEST_DATABASE_URL)

/** Returns a database in a new folder as options of the service, and a function that removes it. */
export async function createSqlite () {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  return { options: { databaseFile: join(folder, 'bench.db') }, drop: () => rmSync(folder, { recursive: true }) }
}

/** Creates a database on the server. Returns it as options of the service, and a function that removes it. */
export async function createPostgresql () {
  const name = `bench_${process.pid}`
  const url = new URL(TEST_DATABASE_URL)
  url.pathname = name
  await query(`create database ${name}`)
  return { options: { databaseUrl: url.href }, drop: () => query(`drop database ${name} with (force)`) }
}

async function query (statement) {
  const client = new pg.Client(TEST_DATABASE_URL)
  await client.connect()
  await client.query(statement)
  await client.end()
}
