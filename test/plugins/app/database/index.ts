import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import Fastify, { type LightMyRequestResponse } from 'fastify'
import { Kysely, sql } from 'kysely'
import Libsql from 'libsql'
import t, { type Test } from 'tap'
import serviceApp from '../../../../app.js'
import { serverOptions } from '../../../../index.js'
import plugin, { DatabaseUnavailable, isUnavailable, postgresql, type DatabaseOptions, type Tables } from '../../../../plugins/app/database/index.js'
import * as fixtures from '../../../fixtures/database.js'
import { isError, keysFile, signed } from '../../../fixtures/service.js'

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

t.test('SQLite on a full disk', async t => {
  const { database } = await service(t, await fixtures.sqlite.open(t))
  const { run } = database
  const room = (pages: number) => run(db => sql`pragma max_page_count = ${sql.lit(pages)}`.execute(db))
  const insert = (name: string, bytes: number) => (db: Kysely<Tables>) => db.insertInto('topic')
    .values({ topicId: name, name, description: 'x'.repeat(bytes), mediaType: '', createAt: '', deleteAt: null })
  const full = { statusCode: 503, headers: { 'retry-after': '5' }, message: 'The database is unavailable', cause: { code: 'SQLITE_FULL' } }

  await run(write('before'))
  await room(1)
  await t.rejects(run(db => insert('a', 50_000)(db).execute()), full, 'a statement')
  await t.rejects(run(db => insert('a', 50_000)(db).returningAll().execute()), full, 'a statement that returns rows')
  await t.rejects(run(db => db.transaction().execute(async db => {
    await write('b')(db)
    await insert('a', 50_000)(db).execute()
  })), full, 'a transaction')
  await t.rejects(run(db => db.transaction().execute(async db => {
    await write('b')(db)
    await insert('a', 50_000)(db).returningAll().execute()
  })), full, 'a transaction that SQLite leaves open')
  await t.rejects(run(db => db.transaction().execute(async db => {
    await write('b')(db)
    await insert('a', 50_000)(db).execute().catch(() => {})
    await write('c')(db)
  })), full, 'a transaction that goes on after the error')
  await t.rejects(run(db => db.transaction().execute(async db => {
    await write('b')(db)
    await insert('a', 50_000)(db).execute().catch(() => {})
  })), full, 'a transaction that is committed after the error')
  await t.rejects(run(db => db.transaction().execute(async db => {
    await insert('a', 50_000)(db).execute().catch(() => {})
    throw new TypeError('A mistake')
  })), { name: 'TypeError', message: 'A mistake' }, 'a transaction that fails for another reason after it')
  t.same(await run(read), [{ name: 'before' }], 'nothing of it stays')
  t.equal(await database.isUp(), true)

  await room(1000)
  await run(db => db.transaction().execute(write('after')))
  await run(write('later'))
  t.same((await run(read)).map(({ name }) => name).sort(), ['after', 'before', 'later'])
})

t.test('SQLite whose files cannot grow is unavailable, and keeps what was committed', async t => {
  const folder = t.testdir()
  const script = join(folder, 'full-disk.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, '..', '..', '..', 'fixtures', 'full-disk.ts')],
    outfile: script,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node'
  })
  const databaseFile = join(folder, 'topics.db')
  const { stdout } = await promisify(execFile)('sh', ['-c', 'ulimit -f 1000; exec "$0" "$@"', process.execPath, script, databaseFile])
  const { names, errors } = JSON.parse(stdout)
  t.ok(names.length > 3)
  for (const error of errors) t.match(error, { statusCode: 503, message: 'The database is unavailable', code: /^SQLITE_(IOERR_WRITE|FULL)$/ })

  const { database } = await service(t, { databaseFile })
  t.same((await database.run(read)).map(({ name }) => name).sort(), names.sort())
})

t.test('The service on a full disk answers 503, logs the reason and loses nothing', async t => {
  const lines: Array<{ reqId?: string, err?: { message: string, stack: string } }> = []
  const app = Fastify(serverOptions({ pluginTimeout: 120_000, logger: { level: 'warn', stream: { write (line: string) { lines.push(JSON.parse(line)) } } } }))
  t.teardown(() => app.close())
  await app.register(serviceApp, { keysFile: keysFile(t), ...await fixtures.sqlite.open(t) })
  await app.ready()
  const { run } = app.database
  const room = (pages: number) => run(db => sql`pragma max_page_count = ${sql.lit(pages)}`.execute(db))
  const post = (url: string, payload: object) => app.inject(signed({ method: 'POST', url, payload }))

  const { topicId } = (await post('/v2/topic', { name: 'a', description: '', mediaType: 'application/json' })).json()
  await room(60)
  const accepted = new Map<string, number>()
  const refused: LightMyRequestResponse[] = []
  for (let number = 0; refused.length < 3; number++) {
    const response = await post(`/v2/topic/${topicId}/message`, { body: { number, text: 'x'.repeat(10_000) } })
    if (response.statusCode === 202) accepted.set(response.json().messageId, number)
    else refused.push(response)
  }
  t.ok(accepted.size > 3)
  for (const response of refused) {
    isError(t, response, 503, 'The database is unavailable')
    t.equal(response.headers['retry-after'], '5')
  }
  t.equal(lines.filter(({ reqId, err }) => reqId !== undefined && err?.stack.includes('database or disk is full')).length, refused.length)
  t.notMatch(JSON.stringify(lines), /rollback|no transaction/)

  await room(1000)
  const response = await post(`/v2/topic/${topicId}/message`, { body: { number: -1, text: '' } })
  accepted.set(response.json().messageId, -1)
  for (let stored = 0; stored < accepted.size;) {
    await setTimeout(10)
    stored = (await app.inject(signed({ url: `/v2/topic/${topicId}/message` }))).json().items.length
  }
  const { items } = (await app.inject(signed({ url: `/v2/topic/${topicId}/message` }))).json()
  t.strictSame(items.map(({ messageId, body }: { messageId: string, body: { number: number } }) => [messageId, body.number]), [...accepted])
})

t.test('SQLite whose files cannot be written is unavailable', async t => {
  const { database: { run } } = await service(t, await fixtures.sqlite.open(t))
  const cause = { code: 'SQLITE_READONLY' }
  await run(db => sql`pragma query_only = 1`.execute(db))
  await t.rejects(run(write('a')), { statusCode: 503, cause })
  await t.rejects(run(db => db.transaction().execute(write('a'))), { statusCode: 503, cause })
  await run(db => sql`pragma query_only = 0`.execute(db))
  await run(write('a'))
})

t.test('SQLite keeps a transaction open after an error of one statement', async t => {
  const { database: { run } } = await service(t, await fixtures.sqlite.open(t))
  await run(db => db.transaction().execute(async db => {
    await write('a')(db)
    await t.rejects(write('a')(db), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
    await write('b')(db)
  }))
  t.same(await run(read), [{ name: 'a' }, { name: 'b' }])
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

  t.test('is unavailable while a lock or a query takes too long', async t => {
    const { databaseUrl } = await fixtures.postgresql.open(t)
    const { database: { run } } = await service(t, { databaseUrl })
    for (const [setting, code] of [['statement_timeout=200', '57014'], ['lock_timeout=100', '55P03']]) {
      const limited = await service(t, { databaseUrl: `${databaseUrl}?options=-c%20${encodeURIComponent(setting)}` })
      await run(db => db.transaction().execute(async db => {
        await sql`lock table topic`.execute(db)
        await t.rejects(limited.database.run(write('a')), { statusCode: 503, headers: { 'retry-after': '5' }, cause: { code } })
        await t.rejects(limited.database.run(db => db.transaction().execute(write('a'))), { statusCode: 503, cause: { code } })
      }))
      await limited.database.run(write(code))
    }
  })

  t.test('is unavailable after a deadlock', async t => {
    const { database: { run } } = await service(t, await fixtures.postgresql.open(t))
    await run(write('a'))
    await run(write('b'))
    const update = (first: string, second: string, locked: () => Promise<unknown>) => run(db => db.transaction().execute(async db => {
      await db.updateTable('topic').set({ description: first }).where('name', '=', first).execute()
      await locked()
      await db.updateTable('topic').set({ description: first }).where('name', '=', second).execute()
    }))
    let release = () => {}
    const both = new Promise<void>(resolve => { release = resolve })
    let locks = 0
    const locked = () => {
      if (++locks === 2) release()
      return both
    }
    const results = await Promise.allSettled([update('a', 'b', locked), update('b', 'a', locked)])
    t.match(results.filter(({ status }) => status === 'rejected'), [{ reason: { statusCode: 503, cause: { code: '40P01' } } }])
  })

  t.test('says first what ended a transaction', async t => {
    const { database: { run } } = await service(t, await fixtures.postgresql.open(t))
    const error = await run(db => db.transaction().execute(async db => {
      const { rows: [{ pid }] } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
      const asleep = sql`select pg_sleep(600)`.execute(db)
      await Promise.all([asleep, fixtures.query(`select pg_terminate_backend(${pid})`)])
    })).catch(error => error)
    t.match(error, { statusCode: 503, cause: { code: '57P01' } })
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

  t.test('that is lost in a transaction is closed, and tells only why', async t => {
    const queries: string[] = []
    let closed: Promise<unknown> | undefined
    const url = await fixtures.stub(t, (socket, text) => {
      queries.push(text)
      closed ??= once(socket, 'close')
      if (text === 'begin') socket.write(fixtures.stubDone('BEGIN'))
    })
    const db = connect(t, `${url}?query_timeout=100`)
    await t.rejects(db.transaction().execute(read), { message: 'Query read timeout' })
    await closed
    t.strictSame(queries, ['begin', 'select "name" from "topic"'])
  })

  t.test('that is lost between two queries of a transaction tells why', async t => {
    let closed: Promise<unknown> | undefined
    const url = await fixtures.stub(t, socket => {
      closed = once(socket, 'close')
      socket.write(fixtures.stubDone('BEGIN'))
      socket.end(fixtures.stubError('25P03', 'terminating connection due to idle-in-transaction timeout'))
    })
    await t.rejects(connect(t, url).transaction().execute(async db => {
      await closed
      return await read(db)
    }), { code: '25P03' })
  })

  t.test('that is lost as it is opened tells why', async t => {
    const sockets: Socket[] = []
    const gate = new fixtures.Gate(socket => {
      sockets.push(socket)
      // AuthenticationOk, ReadyForQuery, and an error that arrives with them.
      socket.once('data', () => socket.end(Buffer.concat([
        Buffer.from('R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I', 'latin1'),
        fixtures.stubError('57P01', 'terminating connection due to administrator command')
      ])))
    })
    const port = await gate.open()
    t.teardown(() => gate.close())
    const db = connect(t, `postgres://user:secret@127.0.0.1:${port}/topics`)
    await t.rejects(read(db), { code: '57P01' })
    await t.rejects(db.transaction().execute(read), { code: '57P01' })
    t.equal(sockets.length, 2)
  })

  t.test('whose rollback fails is closed, and tells only why it was rolled back', async t => {
    let closed: Promise<unknown> | undefined
    for (const answer of [(socket: Socket) => socket.destroy(), (socket: Socket) => socket.write(fixtures.stubError('XX000', 'no rollback'))]) {
      const url = await fixtures.stub(t, (socket, text) => {
        closed = once(socket, 'close')
        if (text === 'begin') socket.write(fixtures.stubDone('BEGIN'))
        else if (text === 'rollback') answer(socket)
        else socket.write(fixtures.stubError('42P01', 'relation "topic" does not exist'))
      })
      await t.rejects(connect(t, url).transaction().execute(read), { code: '42P01' })
      await closed
    }
  })

  t.test('is used again after an error that is no fault of it', async t => {
    for (const code of ['57014', '55P03', '40P01', '40001', '53100']) {
      const sockets = new Set<Socket>()
      const url = await fixtures.stub(t, (socket, text) => {
        sockets.add(socket)
        socket.write(/^(begin|rollback)$/.test(text) ? fixtures.stubDone(text.toUpperCase()) : fixtures.stubError(code, 'not now'))
      })
      const db = connect(t, url)
      await t.rejects(db.transaction().execute(read), { code })
      const error = await read(db).catch(error => error)
      t.equal(error.code, code)
      t.ok(isUnavailable(error))
      t.equal(sockets.size, 1)
    }
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
    '08006', '25006', '25P03', '25P04', '40001', '40003', '40P01', '53100', '53200', '53300', '55P03', '57014', '57P01', '57P03', '58030',
    'SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_FULL', 'SQLITE_IOERR', 'SQLITE_IOERR_WRITE', 'SQLITE_LOCKED_SHAREDCACHE',
    'SQLITE_NOMEM', 'SQLITE_PROTOCOL', 'SQLITE_READONLY_DBMOVED', 'SQLITE_CANTOPEN'
  ]) t.ok(isUnavailable(error(code)), code)
  // SQLITE_READONLY_DIRECTORY, for which libsql has no name.
  t.ok(isUnavailable(Object.assign(error('UNKNOWN_SQLITE_ERROR_1544'), { rawCode: 1544 })))
  for (const message of [
    'Connection terminated', 'Connection terminated unexpectedly', 'Query read timeout',
    'Client has encountered a connection error and is not queryable', 'Client was closed and is not queryable'
  ]) t.ok(isUnavailable(error(undefined, message)), message)

  for (const code of ['23505', '25P02', '40002', '42P01', '22021', '54001', 'XX000', 'XX001', 'SQLITE_ERROR', 'SQLITE_CORRUPT', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_MISUSE', 'ERR_INVALID_ARG_TYPE']) {
    t.notOk(isUnavailable(error(code)), code)
  }
  t.notOk(isUnavailable(Object.assign(error('UNKNOWN_SQLITE_ERROR_779'), { rawCode: 779 })), 'SQLITE_CORRUPT_INDEX')
  t.notOk(isUnavailable(new TypeError('x is not a function')))
  t.notOk(isUnavailable('a string'))
})
