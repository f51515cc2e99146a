import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { stripVTControlCharacters } from 'node:util'
import t, { type Test } from 'tap'
import { withoutTap } from '../fixtures/node-process.js'
import { writeKeysFile } from '../fixtures/service.js'
import { KEY } from '../fixtures/sign.js'

// Each command starts a process, which takes time.
t.setTimeout(300_000)

const root = join(import.meta.dirname, '..', '..')

interface Service {
  /** Replaces the address and the files that a page names by those of the service. */
  readonly adapt: (text: string) => string
  /** For other commands of the page. */
  readonly env: NodeJS.ProcessEnv
}

/** Starts the example service by a command of a page. It ends with the test. */
async function startService (t: Test, command: string, keysFile = join(t.testdir(), 'keys.json')): Promise<Service> {
  const { DATABASE_URL, HOST, NODE_ENV, ...inherited } = process.env
  const databaseFile = join(t.testdirName, 'topics.db')
  const env = { ...inherited, npm_config_loglevel: 'error' }
  // npm does not forward every signal, so the command gets a process group of its own.
  const server = spawn(...withoutTap('sh', '-c', command), {
    cwd: root, env: { ...env, PORT: '0', LOG_LEVEL: 'info', DATABASE_FILE: databaseFile, KEYS_FILE: keysFile }, stdio: ['ignore', 'pipe', 'inherit'], detached: true
  })
  t.teardown(async () => {
    process.kill(-server.pid!)
    await once(server, 'close')
  })
  let origin = ''
  for await (const line of createInterface(server.stdout)) {
    origin = /Server listening at (http[^"]*)"/.exec(line)?.[1] ?? ''
    if (origin !== '') break
  }
  server.stdout.resume()
  const adapt = (text: string): string => text.replaceAll('http://127.0.0.1:3000', origin).replaceAll('keys.json', keysFile).replaceAll('data/topics.db', databaseFile)
  return { adapt, env }
}

/** Returns the lines that a command prints in a terminal. */
function runInTerminal (command: string, env: NodeJS.ProcessEnv): string[] {
  const { stdout } = spawnSync(...withoutTap('script', '--quiet', '--command', command, '/dev/null'), { cwd: root, env: { ...env, NO_COLOR: '1' }, encoding: 'utf8' })
  return stripVTControlCharacters(stdout).split(/\r*\n/)
}

const terminal = { skip: spawnSync('script', ['--version']).error === undefined ? false : 'needs script of util-linux' }

/** Returns the contents of the code blocks of a section of a page. */
function readBlocks (page: string, title: string): string[] {
  const [, section] = readFileSync(join(root, page), 'utf8').split(`\n## ${title}\n`)
  return Array.from(section!.split('\n## ')[0]!.matchAll(/^```\w*\n([^]*?)^```$/gm), ([, code]) => code!.trimEnd())
}

t.test('the commands of docs/service.md get each status code of the contract', async t => {
  t.testdir()
  const { adapt, env } = await startService(t, 'node --import tsx server.ts', writeKeysFile(t))
  const [block] = readBlocks('docs/service.md', 'Every status code of the contract')
  const script = adapt(block!)
    .replaceAll('/tmp/topic', join(t.testdirName, 'topic'))
    // Print a line break before each title, because a body does not end with one.
    .replace(/^# (\d{3}) .*$/gm, 'echo; echo "== $1"')
  const { stdout } = spawnSync(...withoutTap('bash', '-c', `exec 2>&1\n${script}`), { cwd: root, env, encoding: 'utf8' })

  const shown = new Map(stdout.split(/^== /m).slice(1).map(section => [section.slice(0, 3), section.slice(3)]))
  const contract = ['200', '201', '202', '400', '401', '403', '404', '422', '500', '501', '503']
  t.strictSame([...shown.keys()], contract)
  for (const [status, output] of shown) t.match(output, new RegExp(`^(?:status: |HTTP/1\\.1 )${status}\\b`, 'm'), output)
  t.match(shown.get('403'), 'reason: The key lacks the permission topic:read')
  t.match(shown.get('500'), /outcome: unknown\nstatus: 500\nreason: Internal Server Error\n/)
  t.match(shown.get('503'), /outcome: unknown\nstatus: 503\nreason: We are moving\nretry-after: 60\n/)
  t.notMatch(stdout, KEY.secret)
})

t.test('the commands of the README print what it shows', terminal, async t => {
  const [start, call, called, unsigned, refused, test, ...others] = readBlocks('README.md', 'Try it')
  // scripts/package/run installs the dependencies by the README's own command.
  const [install, run, ...more] = start!.split(' && ')
  t.strictSame([install, run, more, test, others], ['npm install', 'npm start', [], 'npm test', []])

  const { adapt, env } = await startService(t, run!)
  const print = (command: string): string[] => runInTerminal(adapt(command), env)
  const withoutId = (line: string): string => line.replace(/EBT-[\da-f]{32}/, 'EBT-ID')

  const shown = called!.split('\n')
  t.equal(shown.pop(), '  …')
  t.strictSame(print(call!).slice(0, shown.length).map(withoutId), shown.map(withoutId))

  const lines = print(unsigned!)
  const [statusLine, ...fields] = refused!.split('\n')
  t.equal(lines[0], statusLine)
  for (const field of fields) t.ok(lines.includes(field), field)
})
