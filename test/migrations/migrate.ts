import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { build } from 'esbuild'
import Fastify from 'fastify'
import { CamelCasePlugin, Kysely, Migrator, SqliteDialect, sql, type SqliteDatabase } from 'kysely'
import Libsql from 'libsql'
import t, { type Test } from 'tap'
import { migrations } from '../../migrations/index.js'
import database from '../../plugins/app/database/index.js'

// Processes start again and again here.
t.setTimeout(120_000)

// Compiled once and in one file with its packages, since to start is most of what a process does here.
const common = t.testdir()
const script = join(common, 'open-database.mjs')
const root = join(import.meta.dirname, '..', '..')
t.before(() => build({
  entryPoints: [join(root, 'test', 'fixtures', 'open-database.ts')],
  outfile: script,
  bundle: true,
  external: ['libsql', 'pg-native'],
  format: 'esm',
  platform: 'node',
  target: 'node20',
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" }
}).then(() => {
  // The package that is not in it is that of the project.
  writeFileSync(join(dirname(script), 'package.json'), '{}')
}))

/** A process that opens files, ready to do so. */
async function start (t: Test) {
  // A process that is killed has no coverage to write.
  const { NODE_OPTIONS, NODE_V8_COVERAGE, ...env } = process.env
  const child = spawn(process.execPath, [script], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  const lines = createInterface(child.stdout)
  await once(lines, 'line')
  return {
    /** Has it open a file, and returns what it says. */
    async open (file: string): Promise<string> {
      child.stdin.write(`${file}\n`)
      const [line] = await once(lines, 'line')
      return line
    },
    /** Has it open files, and kills it in the middle of that. */
    async kill (files: string[], delay: number) {
      child.stdin.write(`${files.join('\n')}\n`)
      await setTimeout(delay)
      child.kill('SIGKILL')
      await ended
    }
  }
}

/** Opens the file in this process, and returns the topics and the migrations that it has. */
async function open (file: string) {
  const app = Fastify()
  try {
    await app.register(database, { databaseFile: file })
    return await app.database.run(async db => ({
      topics: (await db.selectFrom('topic').select('name').execute()).map(({ name }) => name),
      maintenance: (await db.selectFrom('maintenance').selectAll().execute()).length,
      migrations: (await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db)).rows.map(({ name }) => name)
    }))
  } finally {
    await app.close()
  }
}

const names = Object.keys(migrations)
const upToDate = (topics: string[]) => ({ topics, maintenance: 0, migrations: names })

/** Does something to a file with plain SQL. */
function edit (file: string, ...statements: string[]) {
  const plain = new Libsql(file)
  for (const statement of statements) plain.exec(statement)
  plain.close()
}

/** A file with data as the version before the last migration left it. */
async function earlier (file: string) {
  const made = join(common, 'earlier.db')
  if (!existsSync(made)) await makeEarlier(made)
  mkdirSync(dirname(file), { recursive: true })
  copyFileSync(made, file)
}

async function makeEarlier (file: string) {
  await open(file)
  edit(file, "insert into topic values ('a', 'kept', '', '', '', null)", 'drop table maintenance', `delete from kysely_migration where name = '${names.at(-1)}'`, 'pragma wal_checkpoint(truncate)')
}

const files: Array<[string, (file: string) => Promise<void>, string[]]> = [
  ['a new file', async () => {}, []],
  ['a file with data', earlier, ['kept']]
]

/** The same numbers between 0 and 1 in each run. */
function random (seed: number) {
  return () => (seed = (seed * 48271) % 2147483647) / 2147483647
}

for (const [title, prepare, topics] of files) {
  t.test(`Each statement on ${title} can be the last before a kill`, async t => {
    const folder = t.testdir()
    const file = join(folder, 'data', 'topics.db')
    await prepare(file)

    // What is in the files is what a killed process leaves.
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
      await open(file)
    } finally {
      Object.assign(prototype, originals)
    }
    t.ok(copies.length > 10)
    for (const copied of copies) t.strictSame(await open(copied).catch(error => error.message), upToDate(topics), copied.slice(folder.length))
  })

  t.test(`A process can be killed while it opens ${title}`, async t => {
    const next = random(19)
    const folder = t.testdir()
    const runs = await Promise.all(Array.from({ length: 6 }, async (_, number) => {
      const files = Array.from({ length: 10 }, (_, place) => join(folder, `${number}-${place}`, 'topics.db'))
      for (const file of files) await prepare(file)
      return { files, delay: next() * 200, process: await start(t) }
    }))
    await Promise.all(runs.map(({ files, delay, process }) => process.kill(files, delay)))
    for (const { files } of runs) {
      for (const file of files) t.strictSame(await open(file).catch(error => error.message), upToDate(topics))
    }
  })

  t.test(`Processes can open ${title} at once`, async t => {
    const folder = t.testdir()
    const processes = await Promise.all(Array.from({ length: 5 }, () => start(t)))
    for (let round = 0; round < 5; round++) {
      const file = join(folder, String(round), 'topics.db')
      await prepare(file)
      t.strictSame(await Promise.all(processes.map(process => process.open(file))), processes.map(() => 'open'))
      t.strictSame(await open(file), upToDate(topics))
    }
  })
}

t.test('A migration that was cut off without a transaction', async t => {
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
      t.strictSame(await open(file).catch(error => error.message), upToDate([]), statements[length - 1])
    }
  })

  t.test('is run again after those that have data', async t => {
    const file = cut('upgrade.db', /^create table "maintenance"/)
    edit(file, "insert into topic values ('a', 'kept', '', '', '', null)")
    t.strictSame(await open(file), upToDate(['kept']))
  })

  t.test('fails where its table has rows', async t => {
    const file = cut('rows.db', /^create table "message"/)
    edit(file, "insert into message values ('a', 'a', '', '', 1, 'stored', 1, null, '')")
    const before = tables(file)
    await t.rejects(open(file), { message: /^table "?message"? already exists/ })
    t.strictSame(tables(file), before)
  })

  t.test('fails where a table is not its own, and undoes those before it', async t => {
    const file = join(folder, 'foreign.db')
    edit(file, 'create table maintenance (other text)')
    await t.rejects(open(file), { message: /^table "?maintenance"? already exists/ })
    t.strictSame(tables(file), ['maintenance'])
  })
})

t.test('A file that a later version has been run on is refused, and left as it is', async t => {
  const later = "insert into kysely_migration values ('9999-later', '2999-01-01T00:00:00.000Z')"
  for (const edits of [[later], [later, 'drop table maintenance', `delete from kysely_migration where name = '${names.at(-1)}'`]]) {
    const file = join(t.testdir(), `${edits.length}.db`)
    await open(file)
    edit(file, ...edits)
    await t.rejects(open(file), { message: /9999-later/ })
  }
})

t.test('A file that is up to date is opened without its lock', async t => {
  const file = join(t.testdir(), 'topics.db')
  await open(file)
  const other = new Libsql(file)
  t.teardown(() => other.close())
  other.exec('begin immediate')
  t.strictSame(await open(file), upToDate([]))
})

t.test('A file that another process has locked is opened when it is released', async t => {
  const file = join(t.testdir(), 'topics.db')
  // Before it has a write-ahead log, SQLite does not wait for the lock.
  const other = new Libsql(file)
  t.teardown(() => other.close())
  other.exec('begin exclusive')
  const opened = open(file)
  await setTimeout(100)
  other.exec('rollback')
  t.strictSame(await opened, upToDate([]))
})
