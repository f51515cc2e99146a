import { join } from 'node:path'
import t, { type Test } from 'tap'
import { postgresql } from '../fixtures/database.js'
import { runFuzzer } from '../fuzz/fixtures/run-fuzzer.js'

// The runs start many processes, which takes time.
t.setTimeout(300_000)

/** The minimum number of kills in a run, even on a slow machine. */
const MIN_KILLS = 4

/** Runs the chaos test, like `npm run chaos`. */
async function runChaos (t: Test, database: 'postgresql' | 'sqlite', seconds: number, ...parameters: string[]) {
  return await runFuzzer(t, join('chaos', 'index.ts'), '--database', database, '--seconds', String(seconds), '--kills', String(MIN_KILLS), '--seed', '1', ...parameters)
}

/** Returns a number from the report of a run, such as 12 for `12 kill`. */
function readFigure (output: string, name: string): number {
  return Number(new RegExp(`(\\d+) ${name}\\b`).exec(output)?.[1])
}

/**
 * Asserts that each operation of a run has one effect if its outcome is a success, and otherwise none. Also asserts that faults
 * occurred.
 */
async function assertNoViolation (t: Test, database: 'postgresql' | 'sqlite', seconds: number): Promise<void> {
  const { code, output } = await runChaos(t, database, seconds)
  t.equal(code, 0, output)
  t.match(output, /^chaos: \w+, \d+ seconds, seed 1$/m)
  t.match(output, /^violations +0$/m)
  for (const name of ['create', 'refuse', 'message', 'success', 'rejected by closing', 'rejected by the handler', 'kill']) {
    t.ok(readFigure(output, name) >= (name === 'kill' ? MIN_KILLS : 1), name)
  }
  t.notMatch(output, /\d unknown/, 'no outcome is unknown')
}

/** Asserts that a run finds a planted fault, and reports an operation with its history. */
async function assertFinds (t: Test, fault: string, database: 'postgresql' | 'sqlite', seconds: number, problem: RegExp): Promise<void> {
  const { code, output } = await runChaos(t, database, seconds, '--fault', fault)
  t.equal(code, 1, output)
  t.match(output, new RegExp(`^violation: [\\w-]+: ${problem.source}\\n {2}\\d+\\.\\d{3} s a request is `, 'm'))
}

t.test('each operation has one effect if its outcome is a success, and otherwise none, with one process on SQLite', async t => {
  await assertNoViolation(t, 'sqlite', 12)
})

t.test('each operation has one effect if its outcome is a success, and otherwise none, with two processes on PostgreSQL', { skip: postgresql.skip }, async t => {
  await assertNoViolation(t, 'postgresql', 12)
})

t.test('finds the fault of a store that records the response after the commit', async t => {
  await assertFinds(t, 'record-after-commit', 'sqlite', 15, /its outcome is rejected, but the number of its effects is 1/)
})

t.test('finds the fault of a store that forgets closed keys', async t => {
  await assertFinds(t, 'no-tombstone', 'sqlite', 10, /its outcome is rejected, but the number of its effects is 1/)
})

t.test('finds the fault of a store that locks a key with a lease', { skip: postgresql.skip }, async t => {
  await assertFinds(t, 'lease', 'postgresql', 40, /its outcome is rejected, but the number of its effects is 1/)
})

t.test('reports an invalid option', async t => {
  for (const [parameters, message] of [
    [['--database', 'mysql'], /--database must be one of postgresql, sqlite, not mysql/],
    [['--fault', 'none'], /--fault must be one of record-after-commit, no-tombstone, lease, not none/],
    [['--fault', 'lease', '--database', 'sqlite'], /--fault lease needs --database postgresql/],
    [['--seconds', 'ten'], /--seconds must be an integer of 1 to 10 digits, not ten/]
  ] as const) {
    const { code, output } = await runFuzzer(t, join('chaos', 'index.ts'), ...parameters)
    t.equal(code, 1)
    t.match(output, message)
  }
})
