import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { build } from 'esbuild'
import t from 'tap'
import { sqlite } from '../../fixtures/database.js'
import type { DiskResult } from '../../fixtures/idempotent-full-disk.js'
import { createIdempotentService, readEffects } from '../../fixtures/idempotent-service.js'
import { withoutTap } from '../../fixtures/node-process.js'

const script = join(t.testdir(), 'full-disk.mjs')
t.before(() => build({
  entryPoints: [join(import.meta.dirname, '..', '..', 'fixtures', 'idempotent-full-disk.ts')],
  outfile: script,
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node'
}))

/** Runs the script with a limit for the size of files. The unit is blocks of 512 bytes. */
async function runWithLimit (blocks: number, ...parameters: string[]): Promise<DiskResult[]> {
  // The module of tap would end the process when it gets the signal for the limit.
  const { stdout } = spawn(...withoutTap('sh', '-c', `ulimit -f ${blocks}; exec "$0" "$@"`, process.execPath, script, ...parameters), { stdio: ['ignore', 'pipe', 'inherit'] })
  return JSON.parse(await text(stdout))
}

// With a small cache, SQLite writes before the commit, so each statement can fail.
for (const pragma of ['journal_mode = wal', 'journal_mode = delete', 'cache_size = 1']) {
  t.test(`an SQLite file that cannot grow has one effect for each record, with ${pragma}`, async t => {
    const { databaseFile } = await sqlite.open(t)
    const location = databaseFile!
    const results: DiskResult[] = []
    // Each limit fills the disk at a different statement.
    for (const blocks of [600, 803]) results.push(...await runWithLimit(blocks, location, pragma))

    // Start a process without the limit.
    const { app, database } = await createIdempotentService({ store: 'kyselyStore on SQLite', location })
    t.teardown(() => app.close())
    const states = new Map((await database.query('select idempotency_key, state from idempotency')).map(({ idempotency_key: key, state }) => [key, state]))
    const effects = await readEffects(database)
    for (const { key, command, statusCode, status, retryAfter, execution } of results) {
      const executions = effects.filter(({ name }) => name === command.name).map(({ execution }) => execution)
      const state = states.get(key)
      if (statusCode < 500) {
        t.strictSame({ statusCode, status, state, executions }, command.status === undefined
          ? { statusCode: 201, status: 'succeeded', state: 'succeeded', executions: [execution] }
          : { statusCode: 422, status: 'rejected', state: 'rejected', executions: [] }, `the record of ${key} matches its response`)
      } else {
        // A 500 is possible, because the handler throws the error of its statement.
        t.strictSame({ status, retryAfter, state, executions }, { status: undefined, retryAfter: statusCode === 503 ? '1' : undefined, state: undefined, executions: [] }, `the failed request ${key} leaves no record and no effect`)
      }
    }
    t.ok(results.some(({ statusCode }) => statusCode === 201))

    for (const { key, command, statusCode, execution } of results) {
      const response = await app.inject({ method: 'POST', url: '/required', headers: { 'idempotency-key': key }, payload: command })
      const expected = command.status ?? 201
      t.strictSame({ statusCode: response.statusCode, replayed: response.headers['idempotent-replayed'], effects: (await readEffects(database, command.name)).length },
        { statusCode: expected, replayed: statusCode < 500 ? 'true' : undefined, effects: expected === 201 ? 1 : 0 }, `a retry of ${key} gets the recorded response, or is executed`)
      if (execution !== undefined) t.equal(response.json().execution, execution)
    }
  })
}
