import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { writeKeysFile } from '../fixtures/service.js'
import { KEY } from '../fixtures/sign.js'

// Each command starts a process, which takes time.
t.setTimeout(300_000)

const root = join(import.meta.dirname, '..', '..')

t.test('the commands of docs/service.md get each status code of the contract', async t => {
  const databaseFile = join(t.testdir(), 'topics.db')
  const keys = writeKeysFile(t)
  const { DATABASE_URL, HOST, NODE_ENV, ...inherited } = process.env
  // Disable coverage: tsx compiles the code to different lines than tap, so the coverage would be wrong.
  const env = { ...inherited, _TAPJS_PROCESSINFO_COVERAGE_: '0' }
  const server = spawn(process.execPath, ['--import', 'tsx', 'server.ts'], {
    cwd: root, env: { ...env, PORT: '0', LOG_LEVEL: 'info', DATABASE_FILE: databaseFile, KEYS_FILE: keys }, stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(async () => {
    server.kill()
    await once(server, 'exit')
  })
  let origin = ''
  for await (const line of createInterface(server.stdout)) {
    origin = /Server listening at (http[^"]*)"/.exec(line)?.[1] ?? ''
    if (origin !== '') break
  }
  server.stdout.resume()

  const page = readFileSync(join(root, 'docs', 'service.md'), 'utf8')
  const [, block] = /## Every status code of the contract\n[^]*?```sh\n([^]*?)```/.exec(page)!
  const script = block!
    .replaceAll('http://127.0.0.1:3000', origin)
    .replaceAll('keys.json', keys)
    .replaceAll('data/topics.db', databaseFile)
    .replaceAll('/tmp/topic', join(t.testdirName, 'topic'))
    // Print a line break before each title, because a body does not end with one.
    .replace(/^# (\d{3}) .*$/gm, 'echo; echo "== $1"')
  const { stdout } = spawnSync('bash', ['-c', `exec 2>&1\n${script}`], { cwd: root, env: { ...env, npm_config_loglevel: 'error' }, encoding: 'utf8' })

  const shown = new Map(stdout.split(/^== /m).slice(1).map(section => [section.slice(0, 3), section.slice(3)]))
  const contract = ['200', '201', '202', '400', '401', '403', '404', '422', '500', '501', '503']
  t.strictSame([...shown.keys()], contract)
  for (const [status, output] of shown) t.match(output, new RegExp(`^(?:status: |HTTP/1\\.1 )${status}\\b`, 'm'), output)
  t.match(shown.get('403'), 'reason: The key lacks the permission topic:read')
  t.match(shown.get('500'), /outcome: unknown\nstatus: 500\nreason: Internal Server Error\n/)
  t.match(shown.get('503'), /outcome: unknown\nstatus: 503\nreason: We move\nretry-after: 60\n/)
  t.notMatch(stdout, KEY.secret)
})
