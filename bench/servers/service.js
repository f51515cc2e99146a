// The example service, and the simplest service that writes the same rows. Each has a new database, which is removed
// afterwards.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Fastify from 'fastify'
import Libsql from 'libsql'
import pg from 'pg'
import service from '../../app.ts'
import { serverOptions } from '../../index.ts'
import { createPostgresql, createSqlite, hasPostgresql } from '../databases.js'
import { KEY } from './signed.js'

export const SQLITE = 'SQLite'
export const POSTGRESQL = 'PostgreSQL'
export const SQLITE_BY_HAND = 'SQLite, by hand'
export const POSTGRESQL_BY_HAND = 'PostgreSQL, by hand'
export const BY_HAND = [SQLITE_BY_HAND, POSTGRESQL_BY_HAND]

const TOPIC = { name: 'bench', description: '', mediaType: 'application/json' }

export default {
  [SQLITE]: () => start(createSqlite),
  [SQLITE_BY_HAND]: () => startByHand(createSqlite, openSqlite),
  ...(hasPostgresql && {
    [POSTGRESQL]: () => start(createPostgresql),
    [POSTGRESQL_BY_HAND]: () => startByHand(createPostgresql, openPostgresql)
  })
}

async function start (createDatabase) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const keysFile = join(folder, 'keys.json')
  writeFileSync(keysFile, JSON.stringify([{ ...KEY, permissions: ['topic:write', 'message:write'] }]))
  const { options, drop } = await createDatabase()
  const app = Fastify(serverOptions())
  await app.register(service, { keysFile, ...options })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { topicId } = await app.topics.create(TOPIC)
  return {
    server: app.server,
    topicId,
    // The service stores a message after its 202. This waits, so that the work counts as a part of that request.
    async settle () {
      const firstWaiting = () => app.database.run(db =>
        db.selectFrom('message').select('messageId').where('status', '=', 'accepted').executeTakeFirst())
      while (await firstWaiting() !== undefined) await setTimeout(10)
    },
    async close () {
      await app.close()
      await drop()
      rmSync(folder, { recursive: true })
    }
  }
}

const TABLES = [
  'create table topic (topic_id text primary key, name text not null unique, description text not null, media_type text not null, create_at text not null)',
  'create table message (message_id text primary key, topic_id text not null, body text not null, create_at text not null)'
]
const INSERT_TOPIC = 'insert into topic values ($1, $2, $3, $4, $5)'
const INSERT_MESSAGE = 'insert into message values ($1, $2, $3, $4)'

/** Starts a service that runs one prepared statement for each request, without signatures, a message order and a worker. */
async function startByHand (createDatabase, openDatabase) {
  const { options, drop } = await createDatabase()
  const { insertTopic, insertMessage, close } = await openDatabase(options)
  const app = Fastify()
  app.post('/v2/topic', async ({ body: { name, description, mediaType } }, reply) => {
    const topic = { topicId: randomUUID(), name, description, mediaType, createAt: new Date().toISOString() }
    await insertTopic(Object.values(topic))
    return reply.code(201).send(topic)
  })
  app.post('/v2/topic/:topicId/message', async ({ params: { topicId }, body: { body } }, reply) => {
    const messageId = randomUUID()
    await insertMessage([messageId, topicId, JSON.stringify(body), new Date().toISOString()])
    return reply.code(202).send({ messageId, status: 'accepted' })
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return {
    server: app.server,
    topicId: randomUUID(),
    async close () {
      await app.close()
      await close()
      await drop()
    }
  }
}

async function openSqlite ({ databaseFile }) {
  const database = new Libsql(databaseFile)
  // The example service also uses this mode. The default of `synchronous` is FULL.
  database.exec('pragma journal_mode = wal')
  for (const table of TABLES) database.exec(table)
  const [insertTopic, insertMessage] = [INSERT_TOPIC, INSERT_MESSAGE].map(text => database.prepare(text.replace(/\$\d/g, '?')))
  return {
    insertTopic: values => insertTopic.run(values),
    insertMessage: values => insertMessage.run(values),
    close: () => database.close()
  }
}

async function openPostgresql ({ databaseUrl }) {
  const pool = new pg.Pool({ connectionString: databaseUrl })
  for (const table of TABLES) await pool.query(table)
  return {
    insertTopic: values => pool.query({ name: 'topic', text: INSERT_TOPIC, values }),
    insertMessage: values => pool.query({ name: 'message', text: INSERT_MESSAGE, values }),
    close: () => pool.end()
  }
}
