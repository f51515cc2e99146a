import { PassThrough, Readable, Writable } from 'node:stream'
import t, { type Test } from 'tap'
import { run } from '../../bin/run.js'
import { getKeyTime } from '../../lib/idempotency/key.js'
import { closedPort } from '../fixtures/database.js'
import { serve } from '../client/fixtures/servers.js'
import { runCommand } from './fixtures/run-command.js'

const call = async (args: string[]) => await runCommand(['call', ...args])

/** Starts a server that sends these status codes, and then 204. */
async function answerWith (t: Test, statuses: number[], headers: Record<string, string> = {}): Promise<string> {
  let answers = 0
  return await serve(t, (_request, response) => { response.writeHead(statuses[answers++] ?? 204, headers).end() })
}

const reason = { 'eb-reason-phrase': 'We\tmove' }

t.test('reports each attempt except the last one', async t => {
  t.intercept(Math, 'random', { value: () => 0.1 })
  t.strictSame(await call(['GET', await answerWith(t, [503, 500], reason), '--retry', '60s']), {
    code: 0,
    stdout: '',
    stderr: 'fastify-reason-phrase: attempt 1: 503 We move; next in 50 ms\nfastify-reason-phrase: attempt 2: 500 We move; next in 100 ms\noutcome: success\nstatus: 204\nattempts: 3\nreplayed: false\n'
  })
  const { code, stdout, stderr } = await call(['POST', await answerWith(t, [503], reason), '--retry', '60s', '--json', '--idempotency-key', 'k1'])
  t.equal(code, 0)
  t.strictSame(JSON.parse(stdout), { outcome: 'success', status: 204, idempotencyKey: 'k1', attempts: 2, replayed: false })
  t.equal(stderr, 'fastify-reason-phrase: attempt 1: 503 We move; next in 50 ms\n', 'also reports attempts with --json')
})

t.test('reports the delay of Retry-After', async t => {
  const { stderr } = await call(['GET', await answerWith(t, [503], { 'retry-after': '1' }), '--retry', '60s'])
  t.equal(stderr.split('\n')[0], 'fastify-reason-phrase: attempt 1: 503 Service Unavailable; next in 1.0 s')
})

t.test('reports an attempt without a response', async t => {
  t.intercept(Math, 'random', { value: () => 0.1 })
  const port = await closedPort()
  const { code, stderr } = await call(['GET', `http://127.0.0.1:${port}`, '--retry', '2s'])
  t.equal(code, 1)
  t.match(stderr, /\noutcome: rejected\nreason: connect ECONNREFUSED/)
  t.equal(stderr.split('\n')[0], `fastify-reason-phrase: attempt 1: connect ECONNREFUSED 127.0.0.1:${port}; next in 50 ms`)
})

t.test('reports nothing without --retry', async t => {
  t.strictSame(await call(['GET', await answerWith(t, [503], reason)]), { code: 2, stdout: '', stderr: 'outcome: unknown\nstatus: 503\nreason: We move\n' })
  t.match(await call(['GET', await answerWith(t, []), '--retry', '60s']), { code: 0, stderr: /^outcome: success\n/ }, 'reports nothing if there is only one attempt')
})

t.test('prints the key that --idempotency-key auto creates before anything is sent', async t => {
  let printed = ''
  // Delay each write, like a full pipe.
  const stderr = new Writable({ write (chunk, _encoding, done) { setTimeout(() => { printed += String(chunk); done() }, 100) } })
  let printedBefore = ''
  let sent: unknown
  const origin = await serve(t, ({ headers }, response) => {
    printedBefore = printed
    sent = headers['idempotency-key']
    response.writeHead(204).end()
  })
  t.equal(await run(['call', 'POST', origin, '--idempotency-key', 'auto'], { stdin: Readable.from([]), stdout: new PassThrough(), stderr }, {}), 0)
  const [, key] = /^fastify-reason-phrase: idempotency key: (\S+)\n$/.exec(printedBefore)!
  t.equal(sent, `"${key}"`)
  t.ok(Math.abs(getKeyTime(key!)! - Date.now()) < 60_000, 'the key is a UUID of version 7')
  t.match(printed, `\nidempotency-key: ${key}\n`)
})

t.test('sends nothing if the idempotency key cannot be printed', async t => {
  const origin = await serve(t, () => { t.fail('a request was sent') })
  const stdout = new PassThrough()
  const stderr = new Writable({ write (_chunk, _encoding, done) { done(Object.assign(new Error('The disk is full'), { code: 'ENOSPC' })) } })
  t.equal(await run(['call', 'POST', origin, '--idempotency-key', 'auto', '--json'], { stdin: Readable.from([]), stdout, stderr }, {}), 1)
  t.match(JSON.parse(String(stdout.read())), { outcome: 'rejected', reason: 'The disk is full' })
})
