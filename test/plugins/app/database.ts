import { once } from 'node:events'
import { join } from 'node:path'
import Fastify from 'fastify'
import { Kysely, sql } from 'kysely'
import Libsql from 'libsql'
import t, { type Test } from 'tap'
import plugin, { DatabaseUnavailable, isUnavailable, postgresql, type DatabaseOptions, type Tables } from '../../../plugins/app/database.js'
import * as fixtures from '../../fixtures/database.js'

async function service (t: Test, options: DatabaseOptions) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(plugin, options)
  return app
}

const read = (db: Kysely<Tables>) => db.selectFrom('topic').select('name').execute()

const write = (name: string) => (db: Kysely<Tables>) => db.insertInto('topic')
  .values({ topicId: name, name, description: '', mediaType: '', createAt: '', deleteAt: null })
  .execute()

for (const { name, skip, open } of fixtures.databases) {
  t.test(name, { skip }, async t => {
    t.test('is there, up to date, before the service starts', async t => {
      const { database } = await service(t, await open(t))
      t.equal(database.dialect, name.toLowerCase())
      t.same(await database.run(read), [])
      t.equal(await database.isUp(), true)
    })

    t.test('keeps what is in it', async t => {
      const options = await open(t)
      const first = await service(t, options)
      await first.database.run(write('a'))
      await first.close()
      t.equal(await first.database.isUp(), false)

      const second = await service(t, options)
      t.same(await second.database.run(read), [{ name: 'a' }])
    })

    t.test('leaves other errors as they are', async t => {
      const { database } = await service(t, await open(t))
      const wrong = await database.run(db => sql`select wrong`.execute(db)).catch(error => error)
      t.match(wrong, { message: /wrong/ })
      t.notOk(wrong instanceof DatabaseUnavailable)
      await database.run(write('a'))
      t.notOk(await database.run(write('a')).catch(error => error) instanceof DatabaseUnavailable)
      await t.rejects(database.run(async () => { throw new TypeError('A mistake') }), { message: 'A mistake' })
    })
  })
}

t.test('SQLite, locked by another process, is unavailable until it is released', async t => {
  const options = await fixtures.sqlite.open(t)
  const { database } = await service(t, options)
  const other = new Libsql(options.databaseFile!)
  t.teardown(() => other.close())

  other.exec('begin exclusive')
  await t.rejects(database.run(write('a')), { name: 'Error', statusCode: 503, headers: { 'retry-after': '5' }, expose: true })
  t.same(await database.run(read), [], 'it can still be read')
  t.equal(await database.isUp(), true)

  other.exec('rollback')
  await database.run(write('a'))
  t.same(await database.run(read), [{ name: 'a' }])

  // A transaction, too, whatever failed before it.
  other.exec('begin immediate')
  await t.rejects(database.run(db => db.deleteFrom('topic').execute()), { message: 'The database is unavailable' })
  await t.rejects(database.run(db => db.transaction().execute(read)), { message: 'The database is unavailable' })
  other.exec('rollback')
  await database.run(db => db.transaction().execute(write('b')))
  other.exec("insert into topic values ('c', 'c', '', '', '', null)")
  t.same(await database.run(read), [{ name: 'a' }, { name: 'b' }, { name: 'c' }])
})

t.test('PostgreSQL', { skip: fixtures.postgresql.skip }, async t => {
  t.test('is brought up to date once by services that start together', async t => {
    const options = await fixtures.postgresql.open(t)
    const services = await Promise.all(Array.from({ length: 4 }, () => service(t, options)))
    for (const { database } of services) t.same(await database.run(read), [])
  })

  t.test('is unavailable while it is away, and there again when it is back', async t => {
    const { gate, databaseUrl } = await fixtures.Gate.to(t, await fixtures.postgresql.open(t))
    const { database } = await service(t, { databaseUrl })

    for (const round of ['a', 'b']) {
      await gate.close()
      await t.rejects(database.run(write(round)), { statusCode: 503, message: 'The database is unavailable' })
      await t.rejects(database.run(read), { statusCode: 503, message: 'The database is unavailable' })
      t.equal(await database.isUp(), false)

      await gate.open()
      await database.run(write(round))
      t.equal(await database.isUp(), true)
    }
  })

  t.test('is unavailable when it ends a session in the middle of a query', async t => {
    const { database } = await service(t, await fixtures.postgresql.open(t))
    const pid = await database.run(db => sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db))
    // The pool has one connection, so far, and takes it again.
    const asleep = database.run(db => sql`select pg_sleep(600)`.execute(db)).catch(error => error)
    await fixtures.query(`select pg_terminate_backend(${pid.rows[0].pid})`)
    t.match(await asleep, { statusCode: 503, cause: { code: '57P01' } })
    await database.run(write('a'))
  })

  t.test('is unavailable when it vanished without a word', async t => {
    const { gate, databaseUrl } = await fixtures.Gate.to(t, await fixtures.postgresql.open(t))
    const { database } = await service(t, { databaseUrl: `${databaseUrl}?query_timeout=200` })
    gate.mute()
    await t.rejects(database.run(read), { statusCode: 503, cause: { message: 'Query read timeout' } })
    t.same(await database.run(read), [], 'on another connection')
  })
})

t.test('A connection to PostgreSQL', async t => {
  const connect = (t: Test, url: string, warned: (error: Error) => void = error => t.fail(error)) => {
    const log = Object.assign(Fastify().log, { warn: warned })
    const db = new Kysely<Tables>({ dialect: postgresql(url, log) })
    t.teardown(() => db.destroy())
    return db
  }

  t.test('that does not answer is closed', async t => {
    let closed: Promise<unknown> | undefined
    const url = await fixtures.stub(t, socket => { closed = once(socket, 'close') })
    await t.rejects(read(connect(t, `${url}?query_timeout=100`)), { message: 'Query read timeout' })
    await closed
  })

  t.test('that is cut in the middle of a query ends the query, not the process', async t => {
    const url = await fixtures.stub(t, socket => socket.destroy())
    const error = await read(connect(t, url)).catch(error => error)
    t.ok(isUnavailable(error), error.message)
  })

  t.test('that answers with an error is used again, and may be cut when idle', async t => {
    const sockets = new Set<{ destroy (): void }>()
    const url = await fixtures.stub(t, socket => {
      sockets.add(socket)
      socket.write(fixtures.stubError('42P01', 'relation "topic" does not exist'))
    })
    const warned = new Promise<Error>(resolve => {
      const db = connect(t, url, resolve)
      t.rejects(read(db), { code: '42P01' })
        .then(() => t.rejects(read(db), { code: '42P01' }))
        .then(() => sockets.forEach(socket => socket.destroy()))
    })
    t.ok(isUnavailable(await warned))
    t.equal(sockets.size, 1)
  })
})

t.test('A service whose database cannot be reached does not start, and says why in a line', async t => {
  const directory = t.testdir({ 'a-file': 'x'.repeat(4096) })
  const port = await fixtures.closedPort()

  const cases: Array<[string, DatabaseOptions, RegExp]> = [
    ['no server', { databaseUrl: `postgres://user:secret@127.0.0.1:${port}/topics?application_name=secret` }, /^The database \(PostgreSQL\) cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:\d+$/],
    ['not a URL', { databaseUrl: 'postgres://user:se/cret@host/topics' }, /^The database \(PostgreSQL\) cannot be reached: Invalid URL$/],
    ['another database', { databaseUrl: 'mysql://user:secret@host/topics' }, /^The database \(PostgreSQL\) cannot be reached: its URL does not start with postgres:\/\/$/],
    ['not SQLite', { databaseFile: join(directory, 'a-file') }, /^The database \(.*a-file\) cannot be reached: file is not a database$/],
    ['not a folder', { databaseFile: join(directory, 'a-file', 'topics.db') }, /^The database \(.*topics\.db\) cannot be reached: E(EXIST|NOTDIR): .*$/],
    ['a folder', { databaseFile: directory }, /^The database \(.*\) cannot be reached: .*$/]
  ]
  for (const [title, options, message] of cases) {
    const error = await service(t, options).catch(error => error)
    t.ok(error instanceof DatabaseUnavailable, title)
    t.match(error.message, message, title)
    t.notMatch(error.message, /secret|cret/, title)
  }
})

t.test('A service whose tables cannot be brought up to date does not start', async t => {
  const options = await fixtures.sqlite.open(t)
  const app = await service(t, options)
  await app.database.run(async db => {
    await sql`delete from kysely_migration`.execute(db)
    await sql`drop table topic`.execute(db)
  })
  await app.close()

  const other = new Libsql(options.databaseFile!)
  t.teardown(() => other.close())
  other.exec('begin immediate')
  await t.rejects(service(t, options), { message: /^The database \(.*\) cannot be reached: database is locked$/ })
  other.exec('rollback')
  other.exec('create table topic (other text)')
  await t.rejects(service(t, options), { message: /^table "?topic"? already exists/ })
})

t.test('What is unavailable, and what is wrong', async t => {
  const error = (code: string | undefined, message = '') => Object.assign(new Error(message), { code })
  for (const code of [
    'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH',
    '08006', '25006', '53300', '57P01', '57P03', '58030',
    'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_FULL', 'SQLITE_IOERR_READ', 'SQLITE_READONLY_DBMOVED', 'SQLITE_CANTOPEN'
  ]) t.ok(isUnavailable(error(code)), code)
  for (const message of [
    'Connection terminated', 'Connection terminated unexpectedly', 'Query read timeout',
    'Client has encountered a connection error and is not queryable', 'Client was closed and is not queryable'
  ]) t.ok(isUnavailable(error(undefined, message)), message)

  for (const code of ['23505', '42P01', '22021', '57014', 'SQLITE_ERROR', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_MISUSE', 'ERR_INVALID_ARG_TYPE']) {
    t.notOk(isUnavailable(error(code)), code)
  }
  t.notOk(isUnavailable(new TypeError('x is not a function')))
  t.notOk(isUnavailable('a string'))
})
