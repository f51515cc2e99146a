import type { FastifyInstance } from 'fastify'
import { sql } from 'kysely'
import Libsql from 'libsql'
import pg from 'pg'
import t, { type Test } from 'tap'
import { createOperation } from '../../../lib/idempotency/operation.js'
import type { NewRecord } from '../../../plugins/idempotency/index.js'
import { databases, Gate, postgresql, sqlite } from '../../fixtures/database.js'
import { listenForSigned, persist, type Send } from '../../fixtures/keyed-client.js'
import { summarize } from '../../fixtures/keyed-service.js'
import { until } from '../../fixtures/maintenance.js'
import { createService, writeKeysFile } from '../../fixtures/service.js'
import { addTopic, readNames } from '../../fixtures/topics.js'

const operation = createOperation('test', 'a')
const record: NewRecord = { operation, fingerprint: Buffer.alloc(32), state: 'succeeded', answer: { statusCode: 204, headers: {} } }

const UNAVAILABLE = {
  statusCode: 503, reason: 'The idempotency store is unavailable. This request was not executed', body: '', status: undefined, replayed: undefined, retryAfter: '1'
}

const create = (send: Send, key: string | undefined, name = key) => send('POST', '/v2/topic', { key, payload: { name, description: '', mediaType: 'text/plain' } })

const countRecords = async ({ database }: FastifyInstance) =>
  (await database.run(db => db.selectFrom('idempotency').select('scope').execute())).length

/** Locks the table of topics, so that inserts wait. Returns a function that releases the lock. */
async function blockTopics (t: Test, databaseUrl: string): Promise<() => Promise<void>> {
  const client = new pg.Client(databaseUrl)
  // If the test fails, the database is dropped before this client ends, and its connection breaks.
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.end())
  await client.query('begin')
  await client.query('lock table topic in share mode')
  return async () => { await client.query('commit') }
}

/** Waits until this many queries wait for a lock. */
async function untilBlocked ({ database }: FastifyInstance, count: number): Promise<void> {
  await until(async () => {
    const { rows } = await database.run(db => sql`select 1 from pg_locks where not granted and database = (select oid from pg_database where datname = current_database())`.execute(db))
    return rows.length === count
  })
}

for (const { name, skip, open } of databases) {
  t.test(`commits records in a transaction of the service on ${name}`, { skip }, async t => {
    const app = await createService(t, await open(t))
    await app.ready()
    const { database, idempotencyStore } = app
    const accept = (topic: string) => database.run(db => db.transaction().execute(async db => {
      await addTopic(topic)(db)
      return await idempotencyStore.insertRecords(db, [record])
    }))
    t.strictSame(await accept('a'), [true])
    t.strictSame(await accept('b'), [false], 'returns false for a key with a record')
    t.same(await database.run(readNames), [{ name: 'a' }, { name: 'b' }])
    t.match(await database.run(db => db.selectFrom('idempotency').select(['scope', 'idempotencyKey', 'state', 'status']).execute()), [
      { scope: 'test', idempotencyKey: 'a', state: 'succeeded', status: 204 }
    ])

    await t.rejects(database.run(db => db.transaction().execute(async db => {
      await idempotencyStore.insertRecords(db, [{ ...record, operation: createOperation('test', 'b') }])
      throw new Error('Not today')
    })), { message: 'Not today' })
    t.equal((await database.run(db => db.selectFrom('idempotency').select('scope').execute())).length, 1)
  })
}

t.test('sends 503 to new requests with a key while another process has locked SQLite, and still replays', async t => {
  const options = await sqlite.open(t)
  const app = await createService(t, options)
  const send = await listenForSigned(t, app)
  const first = await create(send, 'first')
  const other = new Libsql(options.databaseFile!)
  t.teardown(() => other.close())

  other.exec('begin exclusive')
  t.strictSame(summarize(await create(send, 'a')), UNAVAILABLE)
  t.strictSame(summarize(await create(send, 'first')), { ...summarize(first), replayed: 'true' })
  other.exec('rollback')
  t.match(summarize(await create(send, 'a')), { statusCode: 201, status: 'succeeded', replayed: undefined })
})

t.test('ignores the key on routes without config.idempotency, and on routes that are not implemented', async t => {
  const app = await createService(t, await sqlite.open(t))
  app.post('/later', { schema: { response: { 204: { type: 'null' } } }, config: { idempotency: 'optional' } }, app.notImplemented)
  const send = await listenForSigned(t, app)
  const ignored = { status: undefined, replayed: undefined }
  for (const key of ['a', 'a', '"malformed']) {
    for (const path of ['/health', '/docs/json', '/v2/topic', '/v2/maintenance']) t.match(summarize(await send('GET', path, { key })), { statusCode: 200, ...ignored }, path)
    t.match(summarize(await send('POST', '/later', { key, payload: {} })), { statusCode: 501, reason: 'POST /later is not implemented yet', ...ignored })
  }
  t.equal(await countRecords(app), 0)
})

t.test('on PostgreSQL', { skip: postgresql.skip }, async t => {
  t.test('sends 503 to requests with a key while the database is unreachable, and recovers', async t => {
    const { gate, databaseUrl } = await Gate.to(t, await postgresql.open(t))
    const app = await createService(t, { databaseUrl })
    const send = await listenForSigned(t, app)
    const first = await create(send, 'first')

    await gate.close()
    for (const key of ['a', 'first']) t.strictSame(summarize(await create(send, key)), UNAVAILABLE)
    await gate.open()
    t.match(summarize(await create(send, 'a')), { statusCode: 201, status: 'succeeded', replayed: undefined })
    t.strictSame(summarize(await create(send, 'first')), { ...summarize(first), replayed: 'true' })
  })

  t.test('rolls back a request whose database connection is lost, and executes the retry', async t => {
    const options = await postgresql.open(t)
    const { gate, databaseUrl } = await Gate.to(t, options)
    const app = await createService(t, { databaseUrl })
    const send = await listenForSigned(t, app)
    const release = await blockTopics(t, options.databaseUrl!)
    const lost = create(send, 'a')
    await untilBlocked(app, 1)
    await gate.close()
    t.match(summarize(await lost), { statusCode: 503, reason: 'The database is unavailable', status: undefined, retryAfter: '5' })

    await gate.open()
    await release()
    t.match(summarize(await create(send, 'a')), { statusCode: 201, status: 'succeeded', replayed: undefined })
    t.same(await app.database.run(readNames), [{ name: 'a' }])
  })

  t.test('leaves database connections to requests without a key', async t => {
    const options = await postgresql.open(t)
    const app = await createService(t, options)
    const send = await listenForSigned(t, app)
    const release = await blockTopics(t, options.databaseUrl!)
    const keyed = Array.from({ length: 20 }, (_, number) => persist(() => create(send, `${number}`)))
    await untilBlocked(app, 5)
    t.equal((await send('GET', '/v2/topic')).statusCode, 200)
    t.match(JSON.parse((await send('GET', '/health')).body), { status: 'ok' })
    await release()
    for (const response of await Promise.all(keyed)) t.match(summarize(response), { statusCode: 201, status: 'succeeded' })
  })

  t.test('executes an operation once on two instances of the service', async t => {
    const options = { ...await postgresql.open(t), keysFile: writeKeysFile(t) }
    const services = [await createService(t, options), await createService(t, options)]
    const senders = [await listenForSigned(t, services[0]), await listenForSigned(t, services[1])]
    const responses = (await Promise.all(Array.from({ length: 50 }, (_, number) => create(senders[number % 2], 'a')))).map(summarize)
    const succeeded = responses.filter(({ statusCode }) => statusCode < 400)
    t.equal(succeeded.filter(({ replayed }) => replayed === undefined).length, 1)
    t.equal(new Set(succeeded.map(({ statusCode, body }) => `${statusCode} ${body}`)).size, 1)
    for (const refused of responses.filter(({ statusCode }) => statusCode >= 400)) t.match(refused, { statusCode: 503, status: 'executing', retryAfter: '1' })
    for (const send of senders) t.match(summarize(await create(send, 'a')), { statusCode: 201, body: succeeded[0].body, replayed: 'true' })
    t.same(await services[0].database.run(readNames), [{ name: 'a' }])
    t.equal(await countRecords(services[1]), 1)
  })
})
