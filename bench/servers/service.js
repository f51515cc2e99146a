// The service of this repository, on a database of its own that is gone after.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import pg from 'pg'
import service from '../../app.ts'
import { serverOptions } from '../../index.ts'
import { sign } from '../../test/fixtures/sign.ts'
import { KEY } from './payloads.js'

export default async ({ database }) => {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const keysFile = join(folder, 'keys.json')
  writeFileSync(keysFile, JSON.stringify([{ ...KEY, permissions: ['topic:read', 'topic:write', 'message:read', 'message:write'] }]))
  const own = database === 'postgres' ? await postgres() : { options: { databaseFile: join(folder, 'topics.db') }, drop () {} }

  const app = Fastify(serverOptions())
  await app.register(service, { keysFile, ...own.options })
  app.addHook('onClose', async () => {
    await own.drop()
    rmSync(folder, { recursive: true })
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const payload = JSON.stringify({ name: 'bench', description: '', mediaType: 'application/json' })
  const created = await app.inject({ method: 'POST', url: '/v2/topic', payload, headers: { 'content-type': 'application/json', ...sign('POST', '/v2/topic', payload, { key: KEY }) } })
  return Object.assign(app.server, { topic: created.json().topicId, end: () => app.close() })
}

async function postgres () {
  const name = `bench_${process.pid}`
  const url = new URL(process.env.TEST_DATABASE_URL)
  const sql = async statement => {
    const client = new pg.Client(url.href)
    await client.connect()
    await client.query(statement)
    await client.end()
  }
  await sql(`create database ${name}`)
  const own = new URL(url)
  own.pathname = name
  return { options: { databaseUrl: own.href }, drop: () => sql(`drop database ${name} with (force)`) }
}
