import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { serve, serveSigned, type Received } from '../client/fixtures/servers.js'
import { runCommand, runForBytes, type Input } from './fixtures/run-command.js'

/** The outcomes that the service can report for a key. */
const OUTCOMES = {
  succeeded: { state: 'succeeded', statusCode: 201, headers: { 'content-type': 'application/json', location: '/v2/topic/1' }, body: '{"name":"orders"}' },
  rejected: { state: 'rejected', statusCode: 422, reason: 'The name is taken' },
  closed: { state: 'closed' },
  executing: { state: 'executing' }
}

/** Starts a service that reports this outcome for each key. Returns its URL, and the received requests. */
async function tell (t: Test, outcome: keyof typeof OUTCOMES) {
  const received: Received[] = []
  const url = await serveSigned(t, 'dev', 'hush', (request, response) => {
    received.push(request)
    response.setHeader('content-type', 'application/json').end(JSON.stringify(OUTCOMES[outcome]))
  })
  return { url, received }
}

const signed = ['--key', 'dev:hush']

t.test('settle closes the key, look only requests its outcome, and both print the outcome', async t => {
  for (const command of ['settle', 'look']) {
    const print = async (outcome: keyof typeof OUTCOMES, args: string[] = []) => await runCommand([command, 'k1', '--url', (await tell(t, outcome)).url, ...signed, ...args])
    t.strictSame(await print('succeeded'), { code: 0, stdout: '{"name":"orders"}', stderr: 'outcome: success\nstatus: 201\nidempotency-key: k1\nattempts: 1\nreplayed: true\n' })
    t.strictSame(await print('rejected'), { code: 1, stdout: '', stderr: 'outcome: rejected\nstatus: 422\nreason: The name is taken\nidempotency-key: k1\nattempts: 1\nreplayed: true\n' })
    t.strictSame(await print('closed'), { code: 1, stdout: '', stderr: 'outcome: rejected\nreason: The idempotency key was closed. The operation did not happen and never will\nidempotency-key: k1\nattempts: 1\nreplayed: false\n' })
    const { code, stdout } = await print('succeeded', ['--json'])
    t.equal(code, 0)
    t.strictSame(JSON.parse(stdout), { outcome: 'success', status: 201, body: { name: 'orders' }, idempotencyKey: 'k1', attempts: 1, replayed: true })
  }
  const { url, received } = await tell(t, 'closed')
  await runCommand(['settle', 'k1', '--url', url, ...signed])
  await runCommand(['look', 'k1', '--url', `${url}/`, ...signed, '--outcomes', '/outcomes', '--header', 'x-a: b'])
  t.match(received, [{ method: 'PUT', url: '/v2/operation/k1', body: Buffer.from('{"state":"closed"}') }, { method: 'GET', url: '/outcomes/k1', headers: { 'x-a': 'b' } }])
})

t.test('prints a recorded response to a terminal', async t => {
  const input: Input = { isTTY: true, env: { NO_COLOR: '1' } }
  const print = async (outcome: keyof typeof OUTCOMES) => (await runCommand(['settle', 'k1', '--url', (await tell(t, outcome)).url, ...signed], input)).stdout
  t.equal(await print('succeeded'), 'success 201 (replayed)\n\n{\n  "name": "orders"\n}\n')
  t.equal(await print('rejected'), 'rejected 422 (replayed)\nThe name is taken\n')
  t.equal(await print('closed'), 'rejected\nThe idempotency key was closed. The operation did not happen and never will\n')
})

t.test('takes the signing key from a file or from standard input', async t => {
  const file = join(t.testdir(), 'keys.json')
  writeFileSync(file, JSON.stringify([{ id: 'dev', secret: 'hush' }]), { mode: 0o600 })
  const { url } = await tell(t, 'closed')
  t.match(await runCommand(['settle', 'k1', '--url', url, '--key', file]), { code: 1, stderr: /^outcome: rejected\n/ })
  t.match(await runCommand(['settle', 'k1', '--url', url, '--key', '-'], { stdin: 'dev:hush' }), { code: 1, stderr: /^outcome: rejected\n/ })
  t.match(await runCommand(['settle', 'k1', '--url', url], { env: { FASTIFY_REASON_PHRASE_KEY: 'dev:hush' } }), { code: 1, stderr: /^outcome: rejected\n/ })
  t.match(await runCommand(['settle', 'k1', '--url', url]), { code: 2, stderr: 'outcome: unknown\nstatus: 401\n' })
})

t.test('retries for 60 seconds, or for the duration of --retry, until there is a response', async t => {
  t.intercept(Math, 'random', { value: () => 0 })
  for (const command of ['settle', 'look']) {
    let attempts = 0
    const url = await serve(t, (_request, response) => {
      attempts++
      if (attempts === 1) return response.destroy()
      if (attempts < 8) return response.writeHead(503).end()
      response.setHeader('content-type', 'application/json').end(JSON.stringify(OUTCOMES.closed))
    })
    const { code, stderr } = await runCommand([command, 'k1', '--url', url])
    t.equal(code, 1)
    const lines = stderr.split('\n').slice(0, -1)
    t.equal(lines.findIndex(line => line.startsWith('outcome: ')), 7)
    t.match(lines[0], /^fastify-reason-phrase: attempt 1: .+; next in 0 ms$/)
    t.equal(lines[1], 'fastify-reason-phrase: attempt 2: 503 Service Unavailable; next in 0 ms')
  }
  const away = await serve(t, (_request, response) => { response.writeHead(503, { 'retry-after': '1' }).end() })
  t.match(await runCommand(['settle', 'k1', '--url', away, '--retry', '500ms']), { code: 2, stdout: '', stderr: 'outcome: unknown\nstatus: 503\nreason: Service Unavailable\nretry-after: 1\nidempotency-key: k1\nattempts: 1\n' })
})

t.test('look prints the command that settles an unknown outcome', async t => {
  const { url } = await tell(t, 'executing')
  t.strictSame(await runCommand(['look', 'k1', '--url', `${url}/`, ...signed]), {
    code: 2,
    stdout: '',
    stderr: `outcome: unknown\nreason: A request with this idempotency key is being executed\nidempotency-key: k1\nattempts: 1\nreplayed: false\nfastify-reason-phrase: this command settles the operation:\n  npx fastify-reason-phrase settle k1 --url ${url} --key -\nPass the signing key on standard input.\n`
  })
})

t.test('accepts an idempotency key that looks like an option after --', async t => {
  for (const key of ['-h', '--help', '--url', '--', '- -']) {
    const { url, received } = await tell(t, 'closed')
    t.match(await runCommand(['settle', '--url', url, ...signed, '--', key]), { code: 1, stderr: `idempotency-key: ${key}\n` })
    t.equal(received[0].url, `/v2/operation/${encodeURIComponent(key)}`)
  }
})

t.test('exits with 64 for invalid arguments, and prints the error and the usage to stderr', async t => {
  const url = ['--url', 'http://127.0.0.1']
  const invalidUrl = '--url must be an http or https URL without a user, path or query; --outcomes sets the path'
  const wrong: Array<[args: string[], message: string | RegExp]> = [
    [url, ' takes a KEY, and --url URL'],
    [['k1'], ' takes a KEY, and --url URL'],
    [['k1', 'k2', ...url], ' takes a KEY, and --url URL'],
    [['k1', '--url', 'hush'], invalidUrl],
    [['k1', '--url', 'ftp://127.0.0.1'], invalidUrl],
    [['k1', '--url', 'http://dev:hush@127.0.0.1'], invalidUrl],
    [['k1', '--url', 'http://127.0.0.1/v2'], invalidUrl],
    [['k1', '--url', 'http://127.0.0.1?hush'], invalidUrl],
    [['k1', '--url', 'http://127.0.0.1#hush'], invalidUrl],
    [['', ...url], 'idempotencyKey must have 1 to 255 characters of printable ASCII, and not be "." or ".."'],
    [['é', ...url], 'idempotencyKey must have 1 to 255 characters of printable ASCII, and not be "." or ".."'],
    [['k1', ...url, '--data', 'hush'], /^Unknown option '--data'/],
    [['k1', ...url, '--header', 'hush'], "--header must be 'name: value'"],
    [['k1', ...url, '--key', 'hush'], '--key: no such file. It must be a file of keys, or id:secret'],
    [['k1', ...url, '--retry', '0'], /^--retry must be a duration/]
  ]
  for (const command of ['settle', 'look']) {
    for (const [args, message] of wrong) {
      const { code, stdout, stderr } = await runCommand([command, ...args])
      t.equal(code, 64, args.join(' '))
      t.equal(stdout, '')
      const [first, ...rest] = stderr.split('\n')
      t.match(first!.replace('fastify-reason-phrase: ', '').replace(command, ''), message)
      t.match(rest.join('\n'), new RegExp(`^Usage: fastify-reason-phrase ${command} KEY --url URL`, 'm'))
      t.notMatch(stderr, /hush/)
    }
  }
})

t.test('prints the bytes of a recorded body to a pipe, and the recorded header fields with --include', async t => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const outcomes = [
    { state: 'succeeded', statusCode: 201, headers: { location: '/v2/topic/1' }, body: bytes.toString('base64'), bodyEncoding: 'base64' },
    { state: 'succeeded', statusCode: 299, headers: {} },
    { state: 'rejected', statusCode: 422, reason: 'The name is taken' }
  ]
  const [created, empty, rejected] = await Promise.all(outcomes.map(async outcome => await serve(t, (_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(outcome))
  })))
  const print = async (url: string, ...args: string[]) => (await runForBytes(['look', 'k1', '--url', url, ...args])).stdout
  t.ok((await print(created!)).equals(bytes))
  t.equal((await print(created!, '-i')).toString('latin1'), `HTTP/1.1 201 Created\r\nlocation: /v2/topic/1\r\n\r\n${bytes.toString('latin1')}`)
  t.equal((await print(empty!, '-i')).toString(), 'HTTP/1.1 299 OK\r\n\r\n')
  t.equal((await print(rejected!, '-i')).toString(), 'HTTP/1.1 422 The name is taken\r\n\r\n')
})
