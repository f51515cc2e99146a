import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import t from 'tap'
import { withoutTap } from '../fixtures/node-process.js'
import { openDatabase, readNames } from '../fixtures/topics.js'

t.test('an SQLite database whose files cannot grow is unavailable, and keeps the committed data', async t => {
  const folder = t.testdir()
  const script = join(folder, 'full-disk.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, '..', 'fixtures', 'full-disk.ts')],
    outfile: script,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node'
  })
  const databaseFile = join(folder, 'topics.db')
  const { stdout } = await promisify(execFile)(...withoutTap('sh', '-c', 'ulimit -f 1000; exec "$0" "$@"', process.execPath, script, databaseFile))
  const { names, errors } = JSON.parse(stdout)
  t.ok(names.length > 3)
  for (const error of errors) t.match(error, { statusCode: 503, message: 'The database is unavailable', code: /^SQLITE_(IOERR_WRITE|FULL)$/ })

  const { database } = await openDatabase(t, { databaseFile })
  t.same((await database.run(readNames)).map(({ name }) => name).sort(), names.sort())
})
