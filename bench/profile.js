// What of a request's CPU time is JavaScript, V8's builtins, the C++ of V8 and
// Node, and the kernel's.
//
//   npm run build && node bench/profile.js            some ten minutes; writes nothing
//   npm run build && node bench/profile.js thrown 9   works whose ids begin so, in 9 rounds
//
// Needs perf, and so Linux.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compare } from './comparisons.js'
import { startServer, YOUNG } from './processes.js'
import { EMPTY, SERVERS } from './variants.js'
import { serving } from './works.js'

if (spawnSync('perf', ['--version']).error !== undefined) throw new Error('There is no perf here, which takes the samples')

const folder = mkdtempSync(join(tmpdir(), 'profile-'))

// Tells perf the names of what V8 compiles, which stays where it is.
const NAMED = ['--perf-basic-prof', '--no-compact-code-space', `--logfile=${join(folder, 'v8.log')}`]

try {
  await compare({ unit: 'µs CPU a request', slices: 1, open })
} finally {
  rmSync(folder, { recursive: true })
}

/** Opens a variant of a work, and has perf look on while it is measured. */
async function open ({ path, status }, variant) {
  let pid
  const start = async server => {
    const started = await startServer({ ...server, flags: [...YOUNG, ...NAMED] })
    pid = started.pid
    return started
  }
  const work = serving({ request: { path, status }, servers: { ...SERVERS, ...EMPTY }, amount: 200_000, warmUp: 60_000 })
  const { measure, end } = await work.open(variant, { share: 1, start })
  return {
    async measure () {
      const file = join(folder, String(pid))
      const perf = spawn('perf', ['record', '-q', '-e', 'cpu-clock', '-F', '4000', '-p', pid, '-o', file], { stdio: ['ignore', 'inherit', 'inherit'] })
      await once(perf, 'spawn')
      const { cpu } = await measure()
      perf.kill('SIGINT')
      await once(perf, 'exit')
      const kinds = kindsOf(file)
      return { cpu, ...Object.fromEntries(['JavaScript', 'builtins', 'C++', 'kernel'].map(kind => [kind, cpu * kinds.filter(one => one === kind).length / kinds.length])) }
    },
    async end () {
      await end()
      // V8 writes the names where perf looks for them.
      rmSync(`/tmp/perf-${pid}.map`)
    }
  }
}

/** The kind of each sample. */
function kindsOf (file) {
  const { stdout } = spawnSync('perf', ['script', '-i', file, '-F', 'ip,sym'], { encoding: 'utf8', maxBuffer: 2 ** 30 })
  return Array.from(stdout.matchAll(/^ *([0-9a-f]+) (.*)$/gm), ([, address, symbol]) => {
    if (address.startsWith('ffff')) return 'kernel'
    if (/^(?:JS|RegExp):/.test(symbol)) return 'JavaScript'
    return symbol.startsWith('Builtin') ? 'builtins' : 'C++'
  })
}
