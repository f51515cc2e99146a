// The example service, on a new database that is removed afterwards.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import Fastify from 'fastify'
import pg from 'pg'
import service from '../../app.ts'
import { serverOptions } from '../../index.ts'
import { KEY } from './signed.js'

const { TEST_DATABASE_URL } = process.env
const TOPIC = { name: 'bench', description: '', mediaType: 'application/json' }

export default {
  SQLite: async () => await start(folder => ({ databaseFile: join(folder, 'topics.db') })),
  ...(TEST_DATABASE_URL && {
    async PostgreSQL () {
      const url = new URL(TEST_DATABASE_URL)
      url.pathname = `bench_${process.pid}`
      await query(`create database bench_${process.pid}`)
      return await start(() => ({ databaseUrl: url.href }), () => query(`drop database bench_${process.pid} with (force)`))
    }
  })
}

async function start (optionsIn, drop = () => {}) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const keysFile = join(folder, 'keys.json')
  writeFileSync(keysFile, JSON.stringify([{ ...KEY, permissions: ['topic:write', 'message:write'] }]))
  const app = Fastify(serverOptions())
  await app.register(service, { keysFile, ...optionsIn(folder) })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { topicId } = await app.topics.create(TOPIC)
  return {
    server: app.server,
    topicId,
    // A message is stored after its 202. That is a part of its cost, not of what is measured next.
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

async function query (statement) {
  const client = new pg.Client(TEST_DATABASE_URL)
  await client.connect()
  await client.query(statement)
  await client.end()
}
