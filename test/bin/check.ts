import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { PassThrough, Readable, Writable } from 'node:stream'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { run } from '../../bin/run.js'
import reasonPhrase, { serverOptions } from '../../index.js'
import idempotency, { memoryStore } from '../../plugins/idempotency/index.js'
import signature from '../../plugins/signature/index.js'
import { cert, key } from '../fixtures/certificate.js'
import { startConformingHttp2Server, startConformingServer, type ResponseDraft } from '../fixtures/conforming-server.js'
import { closedPort } from '../fixtures/database.js'
import { startKeyedServer, type Flaw } from '../fixtures/keyed-server.js'
import { KEY } from '../fixtures/sign.js'
import { ENDLESS_RESPONSES, startUnfinishedServer, SLOW_RESPONSES } from '../fixtures/unfinished-responses.js'
import { runCommand, type Input } from './fixtures/run-command.js'

const check = async (args: string[], input?: Input) => await runCommand(['check', ...args], input)

/** Starts a server that keeps the contract except for its mutation, and returns its URL. */
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

t.test('--reason-header and --status configure the contract', async t => {
  const target = await url(t, draft => {
    if (draft.statusCode < 400) return
    draft.statusCode = 429
    draft.fields[0]![0] = 'X-Reason'
  })
  const only = ['--only', 'text-no-resource']
  t.equal((await check([target, '--reason-header', 'X-Reason', '--status', '429', ...only])).code, 0)
  t.equal((await check([target, '--reason-header', 'X-Reason', '--status', '499', ...only])).code, 1)
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
  t.match(await check([origin, ...signed], { env: { FASTIFY_REASON_PHRASE_KEY: 'hidden' } }), { code: 64, stderr: /^fastify-reason-phrase: FASTIFY_REASON_PHRASE_KEY: no such file\. It must be/ })
  t.match(await check([origin, ...signed, '--key', '-'], { stdin: 'hidden' }), { code: 64, stderr: /^fastify-reason-phrase: --key - expects/ })

  const wrong = await check([await url(t, withoutHeader), '--key', 'id:hidden', '--only', 'text-no-resource-post'])
  t.equal(wrong.code, 1)
  t.match(wrong.stdout, /content-digest: sha-256=:[^]*signature-input: sig1=\("@method" "@path" "@query" "content-digest" "content-type"\);created=\d+;nonce="[\w-]+";keyid="id"/)
  t.notMatch(wrong.stdout, 'hidden')
})

/** Starts a service whose routes require a bearer token. Returns its origin, and the requests with a valid token. */
async function startBearerService (t: Test) {
  const app = Fastify(serverOptions({}, { statusCodes: { 409: 'Conflict' } }))
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  const seen = new Set<string>()
  app.register(async app => {
    app.addHook('onRequest', async ({ headers, method, url }, reply) => {
      if (headers.authorization !== 'Bearer of the test') return reply.unauthorized('The token is missing')
      seen.add(`${method} ${url} ${headers['x-tenant']} ${headers['content-type']}`)
    })
    app.get('/', async () => ({}))
    app.get('/topic', async () => ({}))
    app.post('/topic', async (_request, reply) => reply.code(201).send({}))
    app.post('/taken', async (_request, reply) => { reply.code(409 as never).send() })
    app.get('/moved', async (_request, reply) => reply.redirect('/topic'))
  })
  return { origin: await app.listen({ host: '127.0.0.1', port: 0 }), seen }
}

const topic = ['--request', 'GET /topic', '--request', 'POST /topic {"name":"a"}']

t.test('fails if a declared request does not get a 2xx', async t => {
  const { origin } = await startBearerService(t)
  const { code, stdout, stderr } = await check([origin, ...topic, '--only', 'requests', '--only', 'text'])
  t.equal(code, 1)
  t.equal(stderr, '')
  t.match(stdout, /^requests-1: GET \/topic \(docs\/contract\.md#unsuccessful-responses\)\n {2}could not be tested: GET \/topic was answered 401 The token is missing\. /m)
  t.match(stdout, /^ {2}could not be tested: POST \/topic was answered 401 The token is missing\. /m)
  t.match(stdout, /^text +26 +26 +0$/m)
  t.match(stdout, /^requests +7 +5 +2$/m)
  t.match(stdout, /\n\nThe server could not be tested: see requests-1, requests-2\.\n--key and --header send credentials\. --allow-unsuccessful accepts any response\nto the requests that you declare\.\n$/)
  t.notMatch(stdout, /conform/)

  const json = JSON.parse((await check([origin, ...topic, '--only', 'requests', '--json'])).stdout)
  t.equal(json.conforms, false)
  t.match(json.probes[0], { id: 'requests-1', violations: [{ rule: 'could-not-be-tested', found: 'GET /topic was answered 401 The token is missing' }] })
  t.match((await check([origin, ...topic, '--only', 'requests', '--tap'])).stdout, /^not ok 1 - requests-1\n[^]*could not be tested: GET \/topic was answered 401/m)
})

t.test('passes if each declared request gets a 2xx, and sends the --header fields with each well-formed request', async t => {
  const { origin, seen } = await startBearerService(t)
  const { code, stdout } = await check([origin, ...topic, '-H', 'Authorization: Bearer of the test', '--header', 'X-Tenant: a', '--status', '409'])
  t.equal(code, 0, stdout)
  t.match(stdout, /\n\nThe server conforms: \d+ probes passed\.\n$/)
  for (const request of ['GET /topic a undefined', 'POST /topic a application/json', 'HEAD /topic a undefined']) t.ok(seen.has(request), request)

  seen.clear()
  const text = await check([origin, '--request', 'POST /topic text', '-H', 'Authorization: Bearer of the test', '-H', 'Content-Type: text/plain', '--only', 'requests'])
  t.equal(text.code, 0, text.stdout)
  t.strictSame([...seen], ['POST /topic undefined text/plain'])
})

t.test('fails for any status code other than 2xx, unless --allow-unsuccessful is given', async t => {
  const { origin } = await startBearerService(t)
  const only = ['-H', 'Authorization: Bearer of the test', '--only', 'requests', '--status', '409']
  for (const [request, answer] of [['POST /taken {}', '409 Conflict'], ['GET /moved', '302 Found'], ['GET /nothing', '404 Route GET:/nothing not found']] as const) {
    const { code, stdout } = await check([origin, '--request', request, ...only])
    t.equal(code, 1)
    t.match(stdout, `could not be tested: ${request.replace(' {}', '')} was answered ${answer}`)
    const allowed = await check([origin, '--request', request, ...only, '--allow-unsuccessful'])
    t.equal(allowed.code, 0, allowed.stdout)
    t.match(allowed.stdout, 'The server conforms')
  }
  t.equal((await check([origin, ...topic, '--only', 'requests', '--allow-unsuccessful'])).code, 0, 'also accepts a 401 without credentials')
})

t.test('does not let a violation hide that a request could not be tested', async t => {
  const { code, stdout } = await check([await url(t, withoutHeader), '--request', 'GET /nothing', '--only', 'requests-1'])
  t.equal(code, 1)
  t.match(stdout, / {2}header in response 1: no such header/)
  t.match(stdout, / {2}could not be tested: GET \/nothing was answered 404/)
  t.match(stdout, /The server does not conform: \d of 6 probes found violations/)
})

t.test('fails if nothing was tested', async t => {
  const { origin } = await startBearerService(t)
  const denied = await check([origin, '--only', 'requests', '--only', 'text'])
  t.equal(denied.code, 1)
  t.match(denied.stdout, /^run: All probes \(docs\/command\.md#check\)\n {2}could not be tested: GET \/ was answered 401 The token is missing, and no other request got further\. Declare requests, and send credentials with them\. A run must test something\.$/m)
  t.match(denied.stdout, 'The server could not be tested: see run.\n')
  t.equal((await check([origin, '--only', 'requests', '--only', 'text', '--allow-unsuccessful'])).code, 0)

  const conforming = await url(t)
  const none = await check([conforming, '--only', 'http2'], { isTTY: true })
  t.equal(none.code, 1)
  t.match(none.stdout, 'could not be tested: no probe was sent. The server does not have the protocol of the selected probes, or they are slow')
  t.equal((await check([conforming, '--only', 'connection-slow', '--allow-unsuccessful'])).code, 1, '--allow-unsuccessful does not help if no probe was sent')

  const keyed = `http://${(await startKeyedServer(t)).authority}`
  const skipped = await check([keyed, '--idempotent', 'POST /orders {"item":"book"}', '--only', 'idempotency-1-mismatch'])
  t.equal(skipped.code, 1)
  t.match(skipped.stdout, 'could not be tested: every probe was skipped')

  t.equal((await check([conforming, '--only', 'text-no-resource'])).code, 0, 'a run that causes only errors has tested something')
  t.equal((await check([`${conforming}/nothing`, '--only', 'requests'])).code, 0, 'a 404 for a request that was not declared is a response of the service itself')
})

t.test('fails if the server rejects the credentials of an idempotent request, or if the request of --failing succeeds', async t => {
  const { origin } = await startBearerService(t)
  const denied = await check([origin, '--idempotent', 'POST /topic {}', '--only', 'idempotency'])
  t.equal(denied.code, 1)
  t.match(denied.stdout, /^idempotency-1-replay: .*\n {2}could not be tested: POST \/topic was answered 401 The token is missing\. /m)
  t.match(denied.stdout, /\n\nThe server could not be tested: see idempotency-1-replay, /)

  const keyed = `http://${(await startKeyedServer(t)).authority}`
  const args = [keyed, '--idempotent', 'POST /orders {"item":"book"}', '--failing', 'POST /orders {}', '--only', 'idempotency-1-failure', '--only', 'idempotency-1-replay']
  const failing = await check(args)
  t.equal(failing.code, 1)
  t.match(failing.stdout, 'could not be tested: The request of the option failing got 201, not a 5xx')
  const allowed = await check([...args, '--allow-unsuccessful'])
  t.equal(allowed.code, 0)
  t.match(allowed.stdout, 'idempotency-1-failure was skipped: The request of the option failing got 201, not a 5xx')
})

t.test('sends declared requests to a server that supports only HTTP/2', async t => {
  const target = await startConformingHttp2Server(t)
  const origin = `http://${target.authority}`
  t.equal((await check([origin, '--request', 'GET /', '--only', 'http2-requests'])).code, 0)
  const { code, stdout } = await check([origin, '--request', 'GET /', '--request', 'POST /nothing {}', '--only', 'http2-requests'])
  t.equal(code, 1)
  t.match(stdout, /http2-requests-2: POST \/nothing .*\n {2}could not be tested: POST \/nothing was answered 404 No such thing: \/nothing\. /)
})

t.test('--other-header sets a field of the requests from another caller', async t => {
  const callers = new Map<string, Set<string>>()
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(idempotency, { store: memoryStore() as never, scope: ({ headers }) => String(headers.authorization), outcomes: '/v2/operation' })
  app.post('/order', { config: { idempotency: 'required' } }, async ({ headers }, reply) => {
    const { authorization = '', 'x-tenant': tenant } = headers
    callers.set(authorization, (callers.get(authorization) ?? new Set()).add(String(tenant)))
    return reply.code(201).send({})
  })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const args = [origin, '-H', 'Authorization: first', '-H', 'X-Tenant: a', '--idempotent', 'POST /order {"a":"{{uuid}}"}', '--only', 'idempotency-1-caller']
  t.equal((await check(args)).code, 1, 'without --other-header, nothing is tested')
  const { code, stdout } = await check([...args, '--other-header', 'Authorization: second'])
  t.equal(code, 0, stdout)
  t.strictSame(callers, new Map([['first', new Set(['a'])], ['second', new Set(['a'])]]))
})

t.test('prints no stack trace if standard error is a closed pipe', async t => {
  const stderr = new Writable({ write (_chunk, _encoding, done) { done(Object.assign(new Error('EPIPE'), { code: 'EPIPE' })) } })
  const stdout = new PassThrough()
  Object.assign(stderr, { isTTY: true })
  t.equal(await run(['check', await url(t), '--only', 'text-root'], { stdin: Readable.from([]), stdout, stderr }, {}), 0)
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

  t.test('--data can be empty', async t => {
    const { code } = await run([], ['--idempotent', 'POST /orders', '--data', '', '--only', 'idempotency-1-replay'])
    t.equal(code, 0)
  })

  t.test('--data is the body of a request without its own body', async t => {
    const { stdout, code } = await run(['replays another body'], ['--idempotent', 'POST /things', '--data', '-', '--only', 'idempotency-1-replay'], { stdin: '{"name":"{{uuid}}"}' })
    t.equal(code, 1)
    t.match(stdout, /content-type: application\/json\\r\\n\n[^]*\{"name":"[\da-f-]{36}"\}POST/)
    const own = await run(['replays another body'], [...things, '--data', '"a text"', '--only', 'idempotency-1-replay'])
    t.equal(own.code, 1)
    t.notMatch(own.stdout, 'a text')
  })
})

t.test('--key signs requests with idempotency keys, and --other-key signs the requests of another caller', async t => {
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

t.test('escapes control characters from the server', async t => {
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

t.test('checks an https server', async t => {
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
    [[target, '--reason-header', 'content-type'], 'option header must be a header that has no other meaning'],
    [[target, '--status', '200'], 'option statusCodes must have keys from 400 to 599'],
    [[target, '--request', '/'], '--request must be like'],
    [[target, '--concurrency', '0'], '--concurrency must be a positive integer'],
    [[target, '--timeout', '0'], '--timeout must be a duration from 1ms to 596h, such as 500ms or 5s'],
    [[target, '--timeout', '600h'], '--timeout must be a duration'],
    [[target, '--timeout', 'soon'], '--timeout must be a duration'],
    [[target, '--only', 'nothing'], 'no probe has the id "nothing"'],
    [[target, '--skip', 'text-'], 'no probe has the id "text-"'],
    [[target, '--key', 'hidden'], '--key: no such file. It must be a file of keys, or id:secret'],
    [[target, '--no-such-option'], '--no-such-option'],
    [[target, '--allow-unsucessful'], "Unknown option '--allow-unsucessful'. Did you mean --allow-unsuccessful?"],
    [[target, '--header', 'X-hidden'], "--header must be 'name: value'; --reason-header names the field that carries the reason"],
    [[target, '--other-header', 'X-hidden', '--idempotent', 'POST /'], "--other-header must be 'name: value'\n"],
    [[target, '--header', 'Host: hidden'], '--header cannot set host, because the probes set it'],
    [[target, '--idempotent', 'POST /', '--other-header', 'Content-Length: 0'], '--other-header cannot set content-length, because the probes set it'],
    [[target, '--request', 'POST / {hidden'], 'The body of --request is not JSON'],
    [[target, '--idempotent', 'POST / {hidden'], 'The body of --idempotent is not JSON'],
    [[target, '--request', 'POST / {hidden', '--header', 'Content-Type: application/json'], 'The body of --request is not JSON'],
    [[target, '--idempotent', 'POST /', '--data', 'hidden'], '--data is not JSON'],
    [[target, '--idempotent', 'POST /', '--data', '1', '--data', '2'], '--data can be given only once'],
    [[target, '--other-header', 'a: b'], '--other-header needs --idempotent'],
    [[target, '--idempotent', '/'], "--idempotent must be like 'GET /path'"],
    [[target, '--idempotent', 'POST /', '--failing', '/'], '--failing must be like'],
    [[target, '--data', '"hidden"'], '--data needs --idempotent'],
    [[target, '--key-required'], '--key-required needs --idempotent'],
    [[target, '--idempotent', 'POST /', '--outcomes', 'operation'], '--outcomes must be a path such as /v2/operation'],
    [[target, '--idempotent', 'POST /', '--outcomes', '/operation/'], '--outcomes must be a path such as /v2/operation'],
    [[target, '--idempotent', 'POST /', '--other-key', 'hidden'], '--other-key: no such file. It must be a file of keys, or id:secret'],
    [[target, '--idempotent', 'POST /', '--other-key', '-'], '--other-key - expects id:secret'],
    [[target, '--idempotent', 'POST /', '--key', '-', '--data', '-'], '--key - and --data - cannot both read standard input'],
    [[target, '--idempotent', 'POST /', '--other-key', '-', '--data', '@-'], '--other-key - and --data @- cannot both read standard input'],
    [[target, '--idempotent', 'POST /', '--data', '@/no/such/file'], 'The file of --data cannot be read: there is no such file'],
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
  t.match(stdout, 'docs/contract.md')
})
