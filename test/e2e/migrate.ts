import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import { build } from 'esbuild'
import t, { type Test } from 'tap'
import { files, folder as sharedFolder, readFile, upToDate } from '../fixtures/migrations.js'
import { withoutTap } from '../fixtures/node-process.js'

// The tests start many processes, which takes time.
t.setTimeout(120_000)

// Bundle the script once into one file, because these processes spend most of their time starting.
const script = join(sharedFolder, 'open-database.mjs')
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
  // The bundle imports its external packages from the node_modules of the project.
  writeFileSync(join(dirname(script), 'package.json'), '{}')
}))

/** Starts a process that opens files. */
async function start (t: Test) {
  // A killed process cannot write its coverage.
  const child = spawn(...withoutTap(process.execPath, script), { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  t.teardown(() => {
    child.kill('SIGKILL')
    return ended
  })
  const lines = createInterface(child.stdout)
  await once(lines, 'line')
  return {
    /** Makes the process open a file, and returns the result. */
    async open (file: string): Promise<string> {
      child.stdin.write(`${file}\n`)
      const [line] = await once(lines, 'line')
      return line
    },
    /** Makes the process open files, and kills the process while it does so. */
    async kill (files: string[], delay: number) {
      child.stdin.write(`${files.join('\n')}\n`)
      await setTimeout(delay)
      child.kill('SIGKILL')
      await ended
    }
  }
}

/** Returns a generator of numbers between 0 and 1, which are the same in each run. */
function random (seed: number) {
  return () => (seed = (seed * 48271) % 2147483647) / 2147483647
}

for (const [title, prepare, topics] of files) {
  t.test(`loses no data if a process is killed while it opens ${title}`, async t => {
    const next = random(19)
    const folder = t.testdir()
    const runs = await Promise.all(Array.from({ length: 6 }, async (_, number) => {
      const files = Array.from({ length: 10 }, (_, place) => join(folder, `${number}-${place}`, 'topics.db'))
      for (const file of files) await prepare(file)
      return { files, delay: next() * 200, process: await start(t) }
    }))
    await Promise.all(runs.map(({ files, delay, process }) => process.kill(files, delay)))
    for (const { files } of runs) {
      for (const file of files) t.strictSame(await readFile(file).catch(error => error.message), upToDate(topics))
    }
  })

  t.test(`several processes can open ${title} at the same time`, async t => {
    const folder = t.testdir()
    const processes = await Promise.all(Array.from({ length: 5 }, () => start(t)))
    for (let round = 0; round < 5; round++) {
      const file = join(folder, String(round), 'topics.db')
      await prepare(file)
      t.strictSame(await Promise.all(processes.map(process => process.open(file))), processes.map(() => 'open'))
      t.strictSame(await readFile(file), upToDate(topics))
    }
  })
}
