import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase, { serverOptions } from '../../index.js'
import idempotency, { memoryStore } from '../../plugins/idempotency/index.js'
import signature from '../../plugins/signature/index.js'
import { cert, key } from '../fixtures/certificate.js'
import { startConformingServer, type ResponseDraft } from '../fixtures/conforming-server.js'
import { closedPort } from '../fixtures/database.js'
import { startKeyedServer, type Flaw } from '../fixtures/keyed-server.js'
import { KEY } from '../fixtures/sign.js'
import { ENDLESS_RESPONSES, startUnfinishedServer, SLOW_RESPONSES } from '../fixtures/unfinished-responses.js'
import { runCommand, type Input } from './fixtures/run-command.js'

const check = async (args: string[], input?: Input) => await runCommand(['check', ...args], input)

/** Starts a server that conforms except for its mutation, and returns its URL. */
async function url (t: Test, mutate?: (draft: ResponseDraft) => unknown): Promise<string> {
  return `http://${(await startConformingServer(t, mutate)).authority}`
}

const withoutHeader = (draft: ResponseDraft): void => { draft.fields = draft.fields.filter(([name]) => name !== 'EB-REASON-PHRASE') }

t.test('exits with 1 and fails every probe if responses never end', async t => {
  for (const response of [SLOW_RESPONSES['a header section that stops']!, ENDLESS_RESPONSES['a 200 of a terabyte']!]) {
    const { target } = await startUnfinishedServer(t, response)
    const { code, stdout } = await check([`http://${target.authority}`, '--timeout', '2000', '--concurrency', '26', '--only', 'text'])
    t.equal(code, 1)
    t.match(stdout, /^text +26 +0 +26$/m)
    t.match(stdout, /syntax in response 1: The response does not end (?:in time|within 16777216 bytes)/)
  }
})

t.test('--header and --status configure the contract', async t => {
  const target = await url(t, draft => {
    if (draft.statusCode < 400) return
    draft.statusCode = 429
    draft.fields[0]![0] = 'X-Reason'
  })
  const only = ['--only', 'text-no-resource']
  t.equal((await check([target, '--header', 'X-Reason', '--status', '429', ...only])).code, 0)
  t.equal((await check([target, '--header', 'X-Reason', '--status', '499', ...only])).code, 1)
  t.equal((await check([target, '--status', '429', ...only])).code, 1)
})

t.test('prefixes the paths of the probes with the path of the URL', async t => {
  const { stdout } = await check([`${await url(t, withoutHeader)}/base/`, '--only', 'text-no-resource-head'])
  t.match(stdout, /HEAD \/base\/no-such-resource/)
})

t.test('--key signs each well-formed request', async t => {
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(signature, { keys: id => id === KEY.id ? { secret: KEY.secret, permissions: [] } : undefined })
  const seen = new Set<string>()
  app.addHook('onResponse', async ({ key, method, url }, { statusCode }) => { seen.add(`${method} ${url.slice(0, 8)} ${key?.id} ${statusCode}`) })
  app.post('/signed', async request => request.body)
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })

  const { code, stdout } = await check([origin, '--key', `${KEY.id}:${KEY.secret}`, '--request', 'POST /signed {"a":1}', '--only', 'requests', '--only', 'text-no-resource'])
  t.equal(code, 0, stdout)
  t.ok(seen.has(`POST /signed ${KEY.id} 200`))
  t.ok(seen.has(`GET /no-such ${KEY.id} 404`))
  t.notMatch(stdout, KEY.secret)
  const signed = ['--request', 'POST /signed {"a":1}', '--only', 'requests']
  seen.clear()
  t.equal((await check([origin, '--key', '-', ...signed], { stdin: `${KEY.id}:${KEY.secret}\n` })).code, 0)
  t.ok(seen.has(`POST /signed ${KEY.id} 200`), 'with the key from standard input')
  seen.clear()
  t.equal((await check([origin, ...signed], { env: { FASTIFY_REASON_PHRASE_KEY: `${KEY.id}:${KEY.secret}` } })).code, 0)
  t.ok(seen.has(`POST /signed ${KEY.id} 200`), 'with the key from the environment')
  t.match(await check([origin, ...signed], { env: { FASTIFY_REASON_PHRASE_KEY: 'hidden' } }), { code: 64, stderr: /^fastify-reason-phrase: FASTIFY_REASON_PHRASE_KEY: no such file/ })
  t.match(await check([origin, ...signed, '--key', '-'], { stdin: 'hidden' }), { code: 64, stderr: /^fastify-reason-phrase: --key - needs/ })

  const wrong = await check([await url(t, withoutHeader), '--key', 'id:hidden', '--only', 'text-no-resource-post'])
  t.equal(wrong.code, 1)
  t.match(wrong.stdout, /content-digest: sha-256=:[^]*signature-input: sig1=\("@method" "@path" "@query" "content-digest" "content-type"\);created=\d+;nonce="[\w-]+";keyid="id"/)
  t.notMatch(wrong.stdout, 'hidden')
})

t.test('--idempotent sends requests with idempotency keys', async t => {
  const run = async (flaws: Flaw[], args: string[], input?: Input) => {
    const { authority } = await startKeyedServer(t, flaws)
    return await check([`http://${authority}`, '--only', 'idempotency', ...args], input)
  }
  const things = ['--idempotent', 'POST /things {"name":"{{uuid}}"}']
  const { code, stdout } = await run([], [...things, '--failing', 'POST /fail {}'])
  t.equal(code, 0, stdout)
  t.match(stdout, /^idempotency +14 +13 +0$/m)
  t.match(stdout, 'idempotency-1-caller was skipped: No other caller is known')
  const missing = ['--only', 'idempotency-1-key-missing']
  t.equal((await run([], [...things, ...missing])).code, 0)
  t.equal((await run([], [...things, ...missing, '--key-required'])).code, 1)
  t.equal((await run([], ['--idempotent', 'POST /required', '--data', '{"name":"{{uuid}}"}', ...missing, '--key-required'])).code, 0)
  t.match((await run([], [...things, '--outcomes', '/elsewhere'])).stdout, /closed was skipped: PUT \/elsewhere\/\{key\} got 404/)

  t.test('--data is the body of a request that has none', async t => {
    const { stdout, code } = await run(['replays another body'], ['--idempotent', 'POST /things', '--data', '-', '--only', 'idempotency-1-replay'], { stdin: '{"name":"{{uuid}}"}' })
    t.equal(code, 1)
    t.match(stdout, /content-type: application\/json\\r\\n\n[^]*\{"name":"[\da-f-]{36}"\}POST/)
    const own = await run(['replays another body'], [...things, '--data', 'a text', '--only', 'idempotency-1-replay'])
    t.notMatch(own.stdout, 'a text')
  })
})

t.test('--key signs requests with idempotency keys, and --other-key those of another caller', async t => {
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  const names = new Set<string>()
  await app.register(reasonPhrase)
  await app.register(signature, { keys: id => id === KEY.id || id === 'other' ? { secret: KEY.secret, permissions: [] } : undefined })
  await app.register(idempotency, { store: memoryStore() as never, outcomes: '/v2/operation' })
  app.post('/unique', { config: { idempotency: 'required' } }, async (request, reply) => {
    const { name } = request.body as { name: string }
    if (names.has(name)) return reply.unprocessable('The name is taken')
    names.add(name)
    return reply.code(201).send({ name })
  })
  app.post('/fail', { config: { idempotency: 'optional' } }, async () => { throw new Error('of the test') })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const args = [origin, '--key', `${KEY.id}:${KEY.secret}`, '--idempotent', 'POST /unique', '--data', '{"name":"{{uuid}}"}', '--key-required', '--failing', 'POST /fail', '--only', 'idempotency']
  const { code, stdout } = await check([...args, '--other-key', `other:${KEY.secret}`])
  t.equal(code, 0, stdout)
  t.match(stdout, /^idempotency +14 +14 +0$/m)
  t.equal((await check([...args, '--other-key', '-'], { stdin: `other:${KEY.secret}` })).code, 0)
  const wrong = await check([...args, '--other-key', 'other:hidden'])
  t.equal(wrong.code, 1)
  t.match(wrong.stdout, 'idempotency-scope in response 2: 401 for a new key')
  t.notMatch(wrong.stdout, 'hidden')
})

t.test('escapes control characters of the server', async t => {
  const server = createServer({ key, cert }, (_request, response) => { response.writeHead(404, 'a\x9b2Jb', { 'EB-REASON-PHRASE': 'c\x9b2Jd', 'Content-Length': 0 }).end() })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  const { port } = server.address() as AddressInfo
  for (const format of [[], ['--json'], ['--tap']]) {
    const { code, stdout } = await check([`https://localhost:${port}`, '--insecure', '--only', 'text-no-resource-post', ...format])
    t.equal(code, 1)
    t.match(stdout, 'u009b2Jd', 'prints the header')
    t.notMatch(stdout, /[\x80-\x9f]/)
  }
})

t.test('checks a server on https', async t => {
  const server = createServer({ key, cert }, (request, response) => {
    if (request.url === '/') response.end()
    else response.writeHead(404, 'No', { 'EB-REASON-PHRASE': 'No', 'Content-Length': 0 }).end()
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  const { port } = server.address() as AddressInfo
  const target = `https://localhost:${port}`
  t.equal((await check([target, '--insecure', '--only', 'text-no-resource'])).code, 0)
  const { code, stderr } = await check([target, '--only', 'text'])
  t.equal(code, 2)
  t.match(stderr, /^fastify-reason-phrase: https:\/\/localhost:\d+ cannot be reached: self-signed certificate/)
})

t.test('exits with 2 if the server is unreachable', async t => {
  const { code, stdout, stderr } = await check([`http://127.0.0.1:${await closedPort()}`])
  t.equal(code, 2)
  t.equal(stdout, '')
  t.match(stderr, /^fastify-reason-phrase: http:\/\/127\.0\.0\.1:\d+ cannot be reached: connect ECONNREFUSED/)
})

t.test('warns if the server is not on this machine', async t => {
  const { code, stderr } = await check(['http://no-such-host.invalid'])
  t.equal(code, 2)
  t.match(stderr, /^fastify-reason-phrase: no-such-host\.invalid is not this machine\. check sends malformed requests: .*\n.* cannot be reached: getaddrinfo/)
  t.equal((await check(['https://no-such-host.invalid'])).code, 2)
  for (const host of ['[::1]', 'a.localhost']) t.notMatch((await check([`http://${host}:1`])).stderr, 'not this machine')
})

t.test('exits with 64 for invalid arguments, and prints the error and the usage', async t => {
  const target = 'http://127.0.0.1:1'
  for (const [args, message] of [
    [[], 'check takes one URL'],
    [[target, target], 'check takes one URL'],
    [['127.0.0.1'], 'check takes an http or https URL'],
    [['ftp://127.0.0.1'], 'check takes an http or https URL'],
    [['http://a:b@127.0.0.1'], 'must not have a user or a password'],
    [['http://127.0.0.1/?a'], 'must not have a query'],
    [[target, '--json', '--tap'], '--json and --tap cannot be combined'],
    [[target, '--header', 'content-type'], 'option header must be a header of its own'],
    [[target, '--status', '200'], 'option statusCodes must have keys from 400 to 599'],
    [[target, '--request', '/'], '--request must be like'],
    [[target, '--concurrency', '0'], '--concurrency must be a positive integer'],
    [[target, '--timeout', '1.5'], '--timeout must be a positive integer'],
    [[target, '--only', 'nothing'], 'no probe has the id "nothing"'],
    [[target, '--skip', 'text-'], 'no probe has the id "text-"'],
    [[target, '--key', 'hidden'], '--key: no such file. It must be a file of keys, or id:secret'],
    [[target, '--no-such-option'], '--no-such-option'],
    [[target, '--idempotent', '/'], "--idempotent must be like 'GET /path'"],
    [[target, '--idempotent', 'POST /', '--failing', '/'], '--failing must be like'],
    [[target, '--data', 'hidden'], '--data needs --idempotent'],
    [[target, '--key-required'], '--key-required needs --idempotent'],
    [[target, '--idempotent', 'POST /', '--outcomes', 'operation'], '--outcomes must be a path such as /v2/operation'],
    [[target, '--idempotent', 'POST /', '--outcomes', '/operation/'], '--outcomes must be a path such as /v2/operation'],
    [[target, '--idempotent', 'POST /', '--other-key', 'hidden'], '--other-key: no such file. It must be a file of keys, or id:secret'],
    [[target, '--idempotent', 'POST /', '--other-key', '-'], '--other-key - needs id:secret'],
    [[target, '--idempotent', 'POST /', '--key', '-', '--data', '-'], '--key - and --data - cannot both read standard input'],
    [[target, '--idempotent', 'POST /', '--data', '@/no/such/file'], 'The file of --data cannot be read (ENOENT)'],
    [[target, '--idempotent', 'POST /', '--only', 'idempotency-2'], 'no probe has the id "idempotency-2"'],
    [[target, '--only', 'idempotency'], 'no probe has the id "idempotency"']
  ] as Array<[string[], string]>) {
    const { code, stdout, stderr } = await check(args)
    t.equal(code, 64)
    t.equal(stdout, '')
    t.match(stderr, message)
    t.match(stderr, /^fastify-reason-phrase: (?!fastify)[^\n]*\n\nUsage: fastify-reason-phrase check/)
    t.notMatch(stderr, 'hidden')
  }
})

t.test('--help prints the usage', async t => {
  const { code, stdout } = await check(['--help'])
  t.equal(code, 0)
  t.match(stdout, /^Usage: fastify-reason-phrase check/)
})
