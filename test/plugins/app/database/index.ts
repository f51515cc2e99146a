import { join } from 'node:path'
import { sql } from 'kysely'
import Libsql from 'libsql'
import t from 'tap'
import { DatabaseUnavailable } from '../../../../plugins/app/database/errors.js'
import type { DatabaseOptions } from '../../../../plugins/app/database/index.js'
import { closedPort, databases, sqlite } from '../../../fixtures/database.js'
import { openDatabase, readNames, addTopic } from '../../../fixtures/topics.js'

for (const { name, skip, open } of databases) {
  t.test(`on ${name}, the database`, { skip }, async t => {
    t.test('is open and has all tables before the service starts', async t => {
      const { database } = await openDatabase(t, await open(t))
      t.equal(database.dialect, name.toLowerCase())
      t.same(await database.run(readNames), [])
      t.equal(await database.isUp(), true)
    })

    t.test('keeps its rows when the service starts again', async t => {
      const options = await open(t)
      const first = await openDatabase(t, options)
      await first.database.run(addTopic('a'))
      await first.close()
      t.equal(await first.database.isUp(), false)

      const second = await openDatabase(t, options)
      t.same(await second.database.run(readNames), [{ name: 'a' }])
    })

    t.test('runs queries in a given transaction', async t => {
      const { database: { run } } = await openDatabase(t, await open(t))
      await t.rejects(run(db => db.transaction().execute(async transaction => {
        await run(addTopic('a'), transaction)
        t.same(await run(readNames, transaction), [{ name: 'a' }])
        throw new Error('Not today')
      })), { message: 'Not today' })
      t.same(await run(readNames), [])

      await run(db => db.transaction().execute(async transaction => {
        const lost = Object.assign(new Error('Connection terminated'), { code: '57P01' })
        await t.rejects(run(async () => { throw lost }, transaction), { name: 'Error', statusCode: 503, message: 'The database is unavailable', cause: lost })
      }))
    })

    t.test('does not change errors that have another cause', async t => {
      const { database } = await openDatabase(t, await open(t))
      const wrong = await database.run(db => sql`select wrong`.execute(db)).catch(error => error)
      t.match(wrong, { message: /wrong/ })
      t.notOk(wrong instanceof DatabaseUnavailable)
      await database.run(addTopic('a'))
      t.notOk(await database.run(addTopic('a')).catch(error => error) instanceof DatabaseUnavailable)
      await t.rejects(database.run(async () => { throw new TypeError('A mistake') }), { message: 'A mistake' })
    })
  })
}

t.test('rejects the start with one line, without the password, if the database cannot be reached', async t => {
  const directory = t.testdir({ 'a-file': 'x'.repeat(4096) })
  const port = await closedPort()

  const cases: Array<[string, DatabaseOptions, RegExp]> = [
    ['no server', { databaseUrl: `postgres://user:secret@127.0.0.1:${port}/topics?application_name=secret` }, /^The database of DATABASE_URL cannot be reached: connect ECONNREFUSED 127\.0\.0\.1:\d+$/],
    ['not a URL', { databaseUrl: 'postgres://user:se/cret@host/topics' }, /^The database of DATABASE_URL cannot be reached: Invalid URL$/],
    ['another database', { databaseUrl: 'mysql://user:secret@host/topics' }, /^The database of DATABASE_URL cannot be reached: its URL does not start with postgres:\/\/$/],
    ['not SQLite', { databaseFile: join(directory, 'a-file') }, /^DATABASE_FILE \(.*a-file\) cannot be used: it is not a database of SQLite$/],
    ['not a folder', { databaseFile: join(directory, 'a-file', 'topics.db') }, /^DATABASE_FILE \(.*topics\.db\) cannot be used: its folder cannot be created: a part of its path is a file, not a folder$/],
    ['a folder', { databaseFile: directory }, /^DATABASE_FILE \(.*\) cannot be used: it is a folder, not a file$/]
  ]
  for (const [title, options, message] of cases) {
    const error = await openDatabase(t, options).catch(error => error)
    t.ok(error instanceof DatabaseUnavailable, title)
    t.match(error.message, message, title)
    t.notMatch(error.message, /secret|cret/, title)
  }
})

t.test('rejects the start if a migration fails', async t => {
  const options = await sqlite.open(t)
  const app = await openDatabase(t, options)
  await app.database.run(async db => {
    await sql`delete from kysely_migration`.execute(db)
    await sql`drop table topic`.execute(db)
  })
  await app.close()

  const other = new Libsql(options.databaseFile!)
  t.teardown(() => other.close())
  other.exec('begin immediate')
  await t.rejects(openDatabase(t, options), { message: /^DATABASE_FILE \(.*\) cannot be used: database is locked$/ })
  other.exec('rollback')
  other.exec('create table topic (other text)')
  await t.rejects(openDatabase(t, options), { message: /^table "?topic"? already exists/ })
})
