import { join } from 'node:path'
import { sql } from 'kysely'
import Libsql from 'libsql'
import t from 'tap'
import { explainOpenError } from '../../../../plugins/app/database/sqlite.js'
import { sqlite } from '../../../fixtures/database.js'
import { insertTopic, openDatabase, readNames, addTopic } from '../../../fixtures/topics.js'

t.test('rejects writes while another process has locked the file, and reads it', async t => {
  const options = await sqlite.open(t)
  const { database } = await openDatabase(t, options)
  const other = new Libsql(options.databaseFile!)
  t.teardown(() => other.close())

  other.exec('begin exclusive')
  await t.rejects(database.run(addTopic('a')), { name: 'Error', statusCode: 503, headers: { 'retry-after': '5' }, expose: true })
  t.same(await database.run(readNames), [], 'reads succeed')
  t.equal(await database.isUp(), true)

  other.exec('rollback')
  await database.run(addTopic('a'))
  t.same(await database.run(readNames), [{ name: 'a' }])

  // A transaction can commit, although an earlier statement has failed because of the lock.
  other.exec('begin immediate')
  await t.rejects(database.run(db => db.deleteFrom('topic').execute()), { message: 'The database is unavailable' })
  await t.rejects(database.run(db => db.transaction().execute(readNames)), { message: 'The database is unavailable' })
  other.exec('rollback')
  await database.run(db => db.transaction().execute(addTopic('b')))
  other.exec("insert into topic values ('c', 'c', '', '', '', null)")
  t.same(await database.run(readNames), [{ name: 'a' }, { name: 'b' }, { name: 'c' }])
})

t.test('rejects writes and transactions with 503 on a full disk, and stores nothing of them', async t => {
  const { database } = await openDatabase(t, await sqlite.open(t))
  const { run } = database
  const room = (pages: number) => run(db => sql`pragma max_page_count = ${sql.lit(pages)}`.execute(db))
  const large = 'x'.repeat(50_000)
  const full = { statusCode: 503, headers: { 'retry-after': '5' }, message: 'The database is unavailable', cause: { code: 'SQLITE_FULL' } }

  await run(addTopic('before'))
  await room(1)
  await t.rejects(run(addTopic('a', large)), full, 'a statement')
  await t.rejects(run(db => insertTopic('a', large)(db).returningAll().execute()), full, 'a statement that returns rows')
  await t.rejects(run(db => db.transaction().execute(async db => {
    await addTopic('b')(db)
    await addTopic('a', large)(db)
  })), full, 'a transaction')
  await t.rejects(run(db => db.transaction().execute(async db => {
    await addTopic('b')(db)
    await insertTopic('a', large)(db).returningAll().execute()
  })), full, 'a transaction that SQLite leaves open')
  await t.rejects(run(db => db.transaction().execute(async db => {
    await addTopic('b')(db)
    await addTopic('a', large)(db).catch(() => {})
    await addTopic('c')(db)
  })), full, 'a transaction that goes on after the error')
  await t.rejects(run(db => db.transaction().execute(async db => {
    await addTopic('b')(db)
    await addTopic('a', large)(db).catch(() => {})
  })), full, 'a transaction that is committed after the error')
  await t.rejects(run(db => db.transaction().execute(async db => {
    await addTopic('a', large)(db).catch(() => {})
    throw new TypeError('A mistake')
  })), { name: 'TypeError', message: 'A mistake' }, 'a transaction that fails for another reason after it')
  t.same(await run(readNames), [{ name: 'before' }], 'nothing of the failed writes is stored')
  t.equal(await database.isUp(), true)

  await room(1000)
  await run(db => db.transaction().execute(addTopic('after')))
  await run(addTopic('later'))
  t.same((await run(readNames)).map(({ name }) => name).sort(), ['after', 'before', 'later'])
})

t.test('runs a statement again after it has failed, and after another process has added a column', async t => {
  const options = await sqlite.open(t)
  const { database: { run } } = await openDatabase(t, options)
  const other = new Libsql(options.databaseFile!)
  t.teardown(() => other.close())

  await run(addTopic('a'))
  await t.rejects(run(addTopic('a')), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
  await run(addTopic('b'))
  t.equal((await run(db => db.selectFrom('topic').selectAll().execute())).length, 2)
  other.exec('alter table topic add column extra text')
  t.match(await run(db => db.selectFrom('topic').selectAll().execute()), [{ name: 'a', extra: null }, { name: 'b', extra: null }])
})

t.test('runs statements again, even if they are more than the cache keeps', async t => {
  const { database: { run } } = await openDatabase(t, await sqlite.open(t))
  for (let round = 0; round < 2; round++) {
    for (let number = 0; number < 150; number++) {
      t.same((await run(db => sql`select ${sql.lit(number)} as number`.execute(db))).rows, [{ number }])
    }
  }
})

t.test('rejects writes if the file is read-only', async t => {
  const { database: { run } } = await openDatabase(t, await sqlite.open(t))
  const cause = { code: 'SQLITE_READONLY' }
  await run(db => sql`pragma query_only = 1`.execute(db))
  await t.rejects(run(addTopic('a')), { statusCode: 503, cause })
  await t.rejects(run(db => db.transaction().execute(addTopic('a'))), { statusCode: 503, cause })
  await run(db => sql`pragma query_only = 0`.execute(db))
  await run(addTopic('a'))
})

t.test('continues a transaction after an error that concerns only one statement', async t => {
  const { database: { run } } = await openDatabase(t, await sqlite.open(t))
  await run(db => db.transaction().execute(async db => {
    await addTopic('a')(db)
    await t.rejects(addTopic('a')(db), { code: 'SQLITE_CONSTRAINT_UNIQUE' })
    await addTopic('b')(db)
  }))
  t.same(await run(readNames), [{ name: 'a' }, { name: 'b' }])
})

t.test('close() rolls an open transaction back, and releases its lock', async t => {
  const options = await sqlite.open(t)
  const app = await openDatabase(t, options)
  await t.rejects(app.database.run(db => db.transaction().execute(async db => {
    await addTopic('a')(db)
    await app.close()
    await addTopic('b')(db)
  })), { message: 'The database connection is not open' })

  const { database: next } = await openDatabase(t, options)
  await next.run(addTopic('c'))
  t.same(await next.run(readNames), [{ name: 'c' }])
})

t.test('explains why a file cannot be opened', async t => {
  const folder = t.testdir({ 'a.db': '' })
  const refusal = new Error('ConnectionFailed("Unable to open connection to local database: 14")')
  t.equal(await explainOpenError(folder, refusal), 'it is a folder, not a file')
  t.equal(await explainOpenError(join(folder, 'none', 'a.db'), refusal), 'there is no such file')
  t.equal(await explainOpenError(join(folder, 'a.db'), refusal), 'SQLite cannot open it')
  t.equal(await explainOpenError(join(folder, 'b.db'), refusal), 'SQLite cannot open it')
  t.equal(await explainOpenError(folder, new Error('database is locked')), 'database is locked')
})
