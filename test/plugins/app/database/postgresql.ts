import { EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import Fastify from 'fastify'
import { Kysely, sql } from 'kysely'
import t, { type Test } from 'tap'
import { WITH_BEGIN, WITH_COMMIT } from '../../../../lib/idempotency/dialects/postgresql.js'
import { rawStatement } from '../../../../lib/idempotency/statement.js'
import { isUnavailable } from '../../../../plugins/app/database/errors.js'
import { createPostgresqlDialect } from '../../../../plugins/app/database/postgresql.js'
import type { Tables } from '../../../../plugins/app/database/tables.js'
import { kyselyStore } from '../../../../plugins/idempotency/index.js'
import { Gate, postgresql, query, stub, stubDone, stubError } from '../../../fixtures/database.js'
import { openDatabase, readNames, addTopic } from '../../../fixtures/topics.js'

t.test('the database on PostgreSQL', { skip: postgresql.skip }, async t => {
  t.test('runs each migration once if several services start at the same time', async t => {
    const options = await postgresql.open(t)
    const services = await Promise.all(Array.from({ length: 4 }, () => openDatabase(t, options)))
    for (const { database } of services) t.same(await database.run(readNames), [])
  })

  t.test('is unavailable while it is unreachable, and works again after that', async t => {
    const { gate, databaseUrl } = await Gate.to(t, await postgresql.open(t))
    const { database } = await openDatabase(t, { databaseUrl })

    for (const round of ['a', 'b']) {
      await gate.close()
      await t.rejects(database.run(addTopic(round)), { statusCode: 503, message: 'The database is unavailable' })
      await t.rejects(database.run(readNames), { statusCode: 503, message: 'The database is unavailable' })
      t.equal(await database.isUp(), false)

      await gate.open()
      await database.run(addTopic(round))
      t.equal(await database.isUp(), true)
    }
  })

  t.test('is unavailable if the server terminates a session during a query', async t => {
    const { database } = await openDatabase(t, await postgresql.open(t))
    const pid = await database.run(db => sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db))
    // The pool has a single connection so far, so the next query uses it again.
    const asleep = database.run(db => sql`select pg_sleep(600)`.execute(db)).catch(error => error)
    await query(`select pg_terminate_backend(${pid.rows[0].pid})`)
    t.match(await asleep, { statusCode: 503, cause: { code: '57P01' } })
    await database.run(addTopic('a'))
  })

  t.test('is unavailable if the server stops responding, and gets another connection', async t => {
    const { gate, databaseUrl } = await Gate.to(t, await postgresql.open(t))
    // Run the migrations first, because they may take longer than the timeout of the second URL.
    await openDatabase(t, { databaseUrl })
    const { database } = await openDatabase(t, { databaseUrl: `${databaseUrl}?query_timeout=1500` })
    gate.mute()
    await t.rejects(database.run(readNames), { statusCode: 503, cause: { message: 'Query read timeout' } })
    t.same(await database.run(readNames), [], 'runs a query on another connection')
  })

  t.test('is unavailable while a lock or a query times out', async t => {
    const { databaseUrl } = await postgresql.open(t)
    const { database: { run } } = await openDatabase(t, { databaseUrl })
    for (const [setting, code] of [['statement_timeout=1000', '57014'], ['lock_timeout=100', '55P03']]) {
      const limited = await openDatabase(t, { databaseUrl: `${databaseUrl}?options=-c%20${encodeURIComponent(setting)}` })
      await run(db => db.transaction().execute(async db => {
        await sql`lock table topic`.execute(db)
        await t.rejects(limited.database.run(addTopic('a')), { statusCode: 503, headers: { 'retry-after': '5' }, cause: { code } })
        await t.rejects(limited.database.run(db => db.transaction().execute(addTopic('a'))), { statusCode: 503, cause: { code } })
      }))
      await limited.database.run(addTopic(code))
    }
  })

  t.test('is unavailable to one of the transactions of a deadlock', async t => {
    const { database: { run } } = await openDatabase(t, await postgresql.open(t))
    await run(addTopic('a'))
    await run(addTopic('b'))
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

  t.test('reports the error that ended a transaction, not the error of its rollback', async t => {
    const { database: { run } } = await openDatabase(t, await postgresql.open(t))
    const error = await run(db => db.transaction().execute(async db => {
      const { rows: [{ pid }] } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
      const asleep = sql`select pg_sleep(600)`.execute(db)
      await Promise.all([asleep, query(`select pg_terminate_backend(${pid})`)])
    })).catch(error => error)
    t.match(error, { statusCode: 503, cause: { code: '57P01' } })
  })
})

t.test('a connection to PostgreSQL', async t => {
  const connect = async (t: Test, url: string, warned: (error: Error) => void = error => t.fail(error)) => {
    const log = Object.assign(Fastify().log, { warn: warned })
    const db = new Kysely<Tables>({ dialect: await createPostgresqlDialect(url, log) })
    t.teardown(() => db.destroy())
    return db
  }

  t.test('is closed if it does not respond', async t => {
    let closed: Promise<unknown> | undefined
    const url = await stub(t, socket => { closed = once(socket, 'close') })
    await t.rejects(readNames(await connect(t, `${url}?query_timeout=100`)), { message: 'Query read timeout' })
    await closed
  })

  t.test('rejects the query if it breaks during a query, and does not end the process', async t => {
    const url = await stub(t, socket => socket.destroy())
    const error = await readNames(await connect(t, url)).catch(error => error)
    t.ok(isUnavailable(error), error.message)
  })

  t.test('is used again after an error, and can break while it is idle', async t => {
    const sockets = new Set<{ destroy (): void }>()
    const url = await stub(t, socket => {
      sockets.add(socket)
      socket.write(stubError('42P01', 'relation "topic" does not exist'))
    })
    const log = new EventEmitter()
    const warned = once(log, 'warn')
    const db = await connect(t, url, error => log.emit('warn', error))
    await t.rejects(readNames(db), { code: '42P01' })
    await t.rejects(readNames(db), { code: '42P01' })
    for (const socket of sockets) socket.destroy()
    const [error] = await warned
    t.ok(isUnavailable(error))
    t.equal(sockets.size, 1)
  })

  t.test('takes the statements of the idempotency plugin with BEGIN and with COMMIT', async t => {
    const queries: string[] = []
    const url = await stub(t, (socket, text) => {
      queries.push(text)
      const commands = text.split('; ').map(statement => statement === 'commit' ? 'COMMIT' : 'SELECT 0')
      socket.write(Buffer.concat(commands.map((command, index) => stubDone(command).subarray(0, index < commands.length - 1 ? -6 : undefined))))
    })
    await kyselyStore(await connect(t, url)).transaction(async ({ transaction, query }) => {
      await query(rawStatement(`${WITH_BEGIN} claim`))
      await readNames(transaction)
      await query(rawStatement(`${WITH_COMMIT} settle`))
    })
    t.strictSame(queries, [
      `start transaction isolation level read committed; ${WITH_BEGIN} claim`,
      'select "name" from "topic"',
      `${WITH_COMMIT} settle; commit`
    ])
  })

  t.test('is closed if it is lost in a transaction, and reports only the first error', async t => {
    const queries: string[] = []
    let closed: Promise<unknown> | undefined
    const url = await stub(t, (socket, text) => {
      queries.push(text)
      closed ??= once(socket, 'close')
      if (text === 'begin') socket.write(stubDone('BEGIN'))
    })
    const db = await connect(t, `${url}?query_timeout=100`)
    await t.rejects(db.transaction().execute(readNames), { message: 'Query read timeout' })
    await closed
    t.strictSame(queries, ['begin', 'select "name" from "topic"'])
  })

  t.test('reports the first error if it is lost between two queries of a transaction', async t => {
    let closed: Promise<unknown> | undefined
    const url = await stub(t, (socket, text) => {
      if (text === 'begin') return socket.write(stubDone('BEGIN'))
      closed = once(socket, 'close')
      socket.write(stubDone('SELECT 0'))
      socket.end(stubError('25P03', 'terminating connection due to idle-in-transaction timeout'))
    })
    await t.rejects((await connect(t, url)).transaction().execute(async db => {
      t.same(await readNames(db), [])
      await closed
      return await readNames(db)
    }), { code: '25P03' })
  })

  t.test('reports the first error if it is lost while it is opened', async t => {
    const sockets: Socket[] = []
    const gate = new Gate(socket => {
      sockets.push(socket)
      // AuthenticationOk, ReadyForQuery, and an error that arrives with them.
      socket.once('data', () => socket.end(Buffer.concat([
        Buffer.from('R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I', 'latin1'),
        stubError('57P01', 'terminating connection due to administrator command')
      ])))
    })
    const port = await gate.open()
    t.teardown(() => gate.close())
    const db = await connect(t, `postgres://user:secret@127.0.0.1:${port}/topics`)
    await t.rejects(readNames(db), { code: '57P01' })
    await t.rejects(db.transaction().execute(readNames), { code: '57P01' })
    t.equal(sockets.length, 2)
  })

  t.test('is closed if a rollback fails, and reports the error before the rollback', async t => {
    let closed: Promise<unknown> | undefined
    for (const answer of [(socket: Socket) => socket.destroy(), (socket: Socket) => socket.write(stubError('XX000', 'no rollback'))]) {
      const url = await stub(t, (socket, text) => {
        closed = once(socket, 'close')
        if (text === 'begin') socket.write(stubDone('BEGIN'))
        else if (text === 'rollback') answer(socket)
        else socket.write(stubError('42P01', 'relation "topic" does not exist'))
      })
      await t.rejects((await connect(t, url)).transaction().execute(readNames), { code: '42P01' })
      await closed
    }
  })

  t.test('is used again after an error that does not concern the connection', async t => {
    for (const code of ['57014', '55P03', '40P01', '40001', '53100']) {
      const sockets = new Set<Socket>()
      const url = await stub(t, (socket, text) => {
        sockets.add(socket)
        socket.write(/^(begin|rollback)$/.test(text) ? stubDone(text.toUpperCase()) : stubError(code, 'not now'))
      })
      const db = await connect(t, url)
      await t.rejects(db.transaction().execute(readNames), { code })
      const error = await readNames(db).catch(error => error)
      t.equal(error.code, code)
      t.ok(isUnavailable(error))
      t.equal(sockets.size, 1)
    }
  })
})
