import { copyFileSync, existsSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { CamelCasePlugin, Kysely, Migrator, SqliteDialect, type SqliteDatabase } from 'kysely'
import Libsql from 'libsql'
import t from 'tap'
import { migrations } from '../../migrations/index.js'
import { edit, files, names, readFile, upToDate } from '../fixtures/migrations.js'

for (const [title, prepare, topics] of files) {
  t.test(`completes the migrations after a process was killed before any statement on ${title}`, async t => {
    const folder = t.testdir()
    const file = join(folder, 'data', 'topics.db')
    await prepare(file)

    // A killed process leaves the files in their current state, so copy them before each statement.
    const copies: string[] = []
    function copy () {
      const to = join(folder, String(copies.length), 'topics.db')
      mkdirSync(dirname(to))
      for (const end of ['', '-wal', '-journal']) if (existsSync(file + end)) copyFileSync(file + end, to + end)
      copies.push(to)
    }
    const prototype = Libsql.prototype as unknown as Record<string, (...args: unknown[]) => unknown>
    const originals = { prepare: prototype.prepare, exec: prototype.exec }
    for (const [name, original] of Object.entries(originals)) {
      prototype[name] = function (...args) {
        copy()
        return original.apply(this, args)
      }
    }
    try {
      await readFile(file)
    } finally {
      Object.assign(prototype, originals)
    }
    t.ok(copies.length > 10)
    for (const copied of copies) t.strictSame(await readFile(copied).catch(error => error.message), upToDate(topics), copied.slice(folder.length))
  })
}

t.test('a migration that was interrupted without a transaction', async t => {
  const statements: string[] = []
  const db = new Kysely({
    dialect: new SqliteDialect({ database: new Libsql(':memory:') as unknown as SqliteDatabase }),
    plugins: [new CamelCasePlugin()],
    log: ({ query: { sql, parameters } }) => {
      if (/^(create|insert)/.test(sql)) statements.push(parameters.reduce<string>((text, value) => text.replace('?', `'${value}'`), sql))
    }
  })
  await new Migrator({ db, provider: { getMigrations: async () => migrations } }).migrateToLatest()
  await db.destroy()
  const folder = t.testdir()
  const cut = (name: string, last: RegExp) => {
    const file = join(folder, name)
    edit(file, ...statements.slice(0, statements.findIndex(statement => last.test(statement)) + 1))
    return file
  }
  const tables = (file: string) => {
    const plain = new Libsql(file)
    const rows = plain.prepare("select name from sqlite_master where type = 'table' order by name").all() as Array<{ name: string }>
    plain.close()
    return rows.map(({ name }) => name)
  }

  t.test('is run again', async t => {
    t.ok(statements.length > 10)
    for (let length = 0; length <= statements.length; length++) {
      const file = join(folder, `${length}.db`)
      edit(file, ...statements.slice(0, length))
      t.strictSame(await readFile(file).catch(error => error.message), upToDate([]), statements[length - 1])
    }
  })

  t.test('is run again, and tables of earlier migrations keep their data', async t => {
    const file = cut('upgrade.db', /^create table "maintenance"/)
    edit(file, "insert into topic values ('a', 'kept', '', '', '', null)")
    t.strictSame(await readFile(file), upToDate(['kept']))
  })

  t.test('fails if its table has rows', async t => {
    const file = cut('rows.db', /^create table "message"/)
    edit(file, "insert into message values ('a', 'a', '', '', 1, 'stored', 1, null, '')")
    const before = tables(file)
    await t.rejects(readFile(file), { message: /^table "?message"? already exists/ })
    t.strictSame(tables(file), before)
  })

  t.test('fails if its table has another definition, and rolls back the migrations before it', async t => {
    const file = join(folder, 'foreign.db')
    edit(file, 'create table maintenance (other text)')
    await t.rejects(readFile(file), { message: /^table "?maintenance"? already exists/ })
    t.strictSame(tables(file), ['maintenance'])
  })
})

t.test('throws for a file of a later version of the service', async t => {
  const later = "insert into kysely_migration values ('9999-later', '2999-01-01T00:00:00.000Z')"
  for (const edits of [[later], [later, 'drop table idempotency', `delete from kysely_migration where name = '${names.at(-1)}'`]]) {
    const file = join(t.testdir(), `${edits.length}.db`)
    await readFile(file)
    edit(file, ...edits)
    await t.rejects(readFile(file), { message: /9999-later/ })
  }
})

t.test('opens a file that is up to date without a lock', async t => {
  const file = join(t.testdir(), 'topics.db')
  await readFile(file)
  const other = new Libsql(file)
  t.teardown(() => other.close())
  other.exec('begin immediate')
  t.strictSame(await readFile(file), upToDate([]))
})

t.test('waits until another process releases its lock on the file', async t => {
  const file = join(t.testdir(), 'topics.db')
  // Before the file has a write-ahead log, SQLite does not wait for this lock, so the service tries again.
  const other = new Libsql(file)
  t.teardown(() => other.close())
  other.exec('begin exclusive')
  const opened = readFile(file)
  await setTimeout(100)
  other.exec('rollback')
  t.strictSame(await opened, upToDate([]))
})
