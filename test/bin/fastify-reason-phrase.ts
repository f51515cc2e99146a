import { execSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { closedPort } from '../fixtures/database.js'
import { serve, serveSigned } from '../client/fixtures/servers.js'
import { TYPESCRIPT } from '../fixtures/node-process.js'

// The tests start processes, which takes time.
t.setTimeout(300_000)

const root = join(import.meta.dirname, '..', '..')
const program = join('bin', 'fastify-reason-phrase.ts')

/** Starts the program. Its coverage is measured. */
function start (t: Test, args: string[], preload?: string) {
  const process_ = spawn(process.execPath, [TYPESCRIPT, ...(preload ? ['--import', `data:text/javascript,${preload}`] : []), program, ...args], { cwd: root })
  t.teardown(() => process_.kill('SIGKILL'))
  return process_
}

/** Runs the program, and returns its exit code and output. */
async function run (t: Test, args: string[], { stdin = '', preload }: { stdin?: string, preload?: string } = {}) {
  const process_ = start(t, args, preload)
  let stdout = ''
  let stderr = ''
  process_.stdout.on('data', data => { stdout += data })
  process_.stderr.on('data', data => { stderr += data })
  process_.stdin.end(stdin)
  const [code] = await once(process_, 'close')
  return { code, stdout, stderr }
}

t.test('starts with a shebang for node', async t => {
  t.equal(readFileSync(join(root, program), 'utf8').split('\n')[0], '#!/usr/bin/env node')
})

t.test('the build makes the program executable, so that npx can run it in a clone', async t => {
  const { bin, scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const folder = t.testdir({ dist: { bin: { 'fastify-reason-phrase.js': '' } } })
  const built = join(folder, bin['fastify-reason-phrase'])
  chmodSync(built, 0o644)
  execSync(scripts.build.split('&&').at(-1), { cwd: folder })
  t.equal(statSync(built).mode & 0o777, 0o755)
})

t.test('npm run call and npm run check run the program from its source', async t => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const name of ['call', 'check']) t.equal(scripts[name], `node --import tsx bin/fastify-reason-phrase.ts ${name}`)
})

t.test('signs and sends a request, prints the outcome, and exits with its exit code', async t => {
  const origin = await serveSigned(t, 'dev', 'hush', ({ method, body }, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ method, body: String(body) }))
  })
  t.strictSame(await run(t, ['call', 'POST', `${origin}/a`, '--key', 'dev:hush', '--data', '-', '-H', 'content-type: text/plain'], { stdin: 'text' }), {
    code: 0, stdout: '{"method":"POST","body":"text"}', stderr: 'outcome: success\nstatus: 200\n'
  })
  t.match(await run(t, ['call', 'GET', `${origin}/a`, '--key', '-'], { stdin: 'dev:hush\n' }), { code: 0, stderr: 'outcome: success\nstatus: 200\n' })
  t.match(await run(t, ['call', 'GET', `http://127.0.0.1:${await closedPort()}`]), { code: 1, stdout: '', stderr: 'outcome: rejected\nreason: connect ECONNREFUSED' })
  t.match(await run(t, ['call', 'GET', await serve(t, (_request, response) => { response.destroy() })]), { code: 2, stdout: '', stderr: /^outcome: unknown\nreason: .*\n$/ })
  t.match(await run(t, ['call']), { code: 64, stdout: '', stderr: 'call takes a METHOD and a URL' })
})

t.test('does not crash if standard output is a closed pipe', async t => {
  let respond = () => {}
  const process_ = start(t, ['call', 'GET', await serve(t, (_request, response) => {
    respond = () => { response.setHeader('content-type', 'text/plain').end('a'.repeat(1_000_000)) }
    process_.stdout.destroy()
  })])
  let stderr = ''
  process_.stderr.on('data', data => { stderr += data })
  process_.stdout.on('close', () => respond())
  const [code] = await once(process_, 'exit')
  t.equal(code, 0)
  t.equal(stderr, 'outcome: success\nstatus: 200\n')
})

t.test('exits with 70 for an internal error', async t => {
  const { code, stderr } = await run(t, ['call', '--help'], { preload: 'process.stdout.write=()=>{throw%20new%20Error("broken")}' })
  t.equal(code, 70)
  t.match(stderr, /Error: broken/)
})
