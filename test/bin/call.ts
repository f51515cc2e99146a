import t, { type Test } from 'tap'
import { echo, serve, serveSigned } from '../client/fixtures/servers.js'
import { runCommand, type Input } from './fixtures/run-command.js'

const call = async (args: string[], input?: Input) => await runCommand(['call', ...args], input)

/** Starts a server that sends this response to every request. */
async function respondWith (t: Test, status: number, headers: Record<string, string | number>, body: string | Buffer = ''): Promise<string> {
  return serve(t, (_request, response) => { response.writeHead(status, headers).end(body) })
}

t.test('--header adds header fields, and explains an invalid one', async t => {
  const origin = await serve(t, echo)
  const { stdout } = await call(['get', `${origin}/a?b=c#d`, '--json', '--header', 'X-A: b: c', '--header=x-a:d', '--header', 'accept: text/plain'])
  t.match(JSON.parse(stdout).body, { method: 'GET', url: '/a?b=c', headers: { 'x-a': 'b: c, d', accept: 'text/plain' } })
  for (const header of ['hush', 'hush b', ': hush', 'a b: hush', 'authorization: hush\nb', 'a: ж hush']) {
    const { code, stderr } = await call(['GET', origin, '--header', header])
    t.equal(code, 64, JSON.stringify(header))
    t.equal(stderr.split('\n')[0], "fastify-reason-phrase: --header must be 'name: value'")
    t.notMatch(stderr, /hush/)
  }
})

t.test('signs an idempotency key that --header adds', async t => {
  const signedBy: string[] = []
  const origin = await serveSigned(t, 'dev', 'hush', (request, response) => {
    signedBy.push(`${String(request.headers['idempotency-key'])} ${String(request.headers['signature-input'])}`)
    response.end()
  })
  t.match(await call(['POST', origin, '--key', 'dev:hush', '--header', 'Idempotency-Key: "k1"', '--data', '{}']), { code: 0 })
  t.match(signedBy, [/^"k1" sig1=\("@method" "@path" "@query" "content-digest" "idempotency-key"\);/])
})

t.test('--idempotency-key sends a key, which the signature covers', async t => {
  const received: Array<[key: unknown, input: unknown]> = []
  const origin = await serveSigned(t, 'dev', 'hush', ({ headers }, response) => {
    received.push([headers['idempotency-key'], headers['signature-input']])
    response.writeHead(201, { 'idempotent-replayed': 'true' }).end()
  })
  t.strictSame(await call(['POST', origin, '--key', 'dev:hush', '--idempotency-key', 'a "b"', '--data', '{}']), {
    code: 0, stdout: '', stderr: 'outcome: success\nstatus: 201\nidempotency-key: a "b"\nattempts: 1\nreplayed: true\n'
  })
  t.match(received, [['"a \\"b\\""', /"idempotency-key"\)/]])
})

t.test('--idempotency-key auto creates a new key for each call', async t => {
  const origin = await serve(t, echo)
  const keys = new Set<string>()
  for (let i = 0; i < 2; i++) {
    const { code, stdout } = await call(['POST', origin, '--idempotency-key', 'auto', '--json'])
    t.equal(code, 0)
    const { idempotencyKey, body } = JSON.parse(stdout)
    t.equal(body.headers['idempotency-key'], `"${idempotencyKey}"`)
    keys.add(idempotencyKey)
  }
  t.equal(keys.size, 2)
})

t.test('sends GET without a METHOD, POST with --data, and the method of -X', async t => {
  const origin = await serve(t, echo)
  for (const [args, method] of [[[], 'GET'], [['-d', '{}'], 'POST'], [['-X', 'DELETE'], 'DELETE'], [['--method', 'put', '-d', '{}'], 'PUT']] as const) {
    const { code, stdout } = await call([`${origin}/a`, ...args])
    t.equal(code, 0)
    t.match(JSON.parse(stdout), { method, url: '/a' })
  }
})

t.test('--reason-header sets the name of the field with the reason', async t => {
  const origin = await respondWith(t, 404, { 'x-reason': 'No topic' })
  t.match(await call(['GET', origin, '--reason-header', 'X-Reason']), { code: 1, stderr: /^reason: No topic$/m })
  t.match(await call(['GET', origin]), { code: 1, stderr: /^reason: Not Found$/m })
})

t.test('--retry retries a POST only with an idempotency key', async t => {
  t.intercept(Math, 'random', { value: () => 0 })
  let requests = 0
  const origin = await serve(t, (_request, response) => { response.writeHead(++requests % 2 === 1 ? 503 : 204).end() })
  t.match(await call(['POST', origin, '--retry', '60s', '--idempotency-key', 'k1']), { code: 0, stderr: 'attempts: 2\n' })
  t.match(await call(['POST', origin, '--retry', '60s']), { code: 2, stderr: 'attempts: 1\n' })
  t.equal(requests, 3)
})

t.test('--timeout limits the duration of the call', async t => {
  const origin = await serve(t, () => {})
  t.strictSame(await call(['GET', origin, '--timeout', '50']), { code: 2, stdout: '', stderr: 'outcome: unknown\nreason: No response within 50 ms\n' })
  for (const timeout of ['0', 'soon', '', '-1']) t.match(await call(['GET', origin, `--timeout=${timeout}`]), { code: 64, stderr: 'timeout must be a positive number of milliseconds' })
})

t.test('--max-response-size limits the size of the response body', async t => {
  const origin = await respondWith(t, 200, {}, 'abc')
  t.match(await call(['GET', origin, '--max-response-size', '3']), { code: 0 })
  t.strictSame(await call(['GET', origin, '--max-response-size', '2']), { code: 2, stdout: '', stderr: 'outcome: unknown\nstatus: 200\nreason: The body is larger than 2 bytes\n' })
  t.match(await call(['GET', origin, '--max-response-size', 'much']), { code: 64, stderr: 'maxResponseSize must be a number of bytes' })

  const endless = await serve(t, (_request, response) => {
    const more = (): void => { while (response.write(Buffer.alloc(64 * 1024))); }
    response.on('drain', more)
    more()
  })
  t.strictSame(await call(['GET', endless]), { code: 2, stdout: '', stderr: 'outcome: unknown\nstatus: 200\nreason: The body is larger than 16777216 bytes\n' })
})

t.test('exits with 64 for invalid arguments, and prints the error and the usage to stderr', async t => {
  const url = 'http://127.0.0.1'
  const wrong: Array<[args: string[], message: string | RegExp]> = [
    [[], 'call takes a METHOD and a URL'],
    [['GET'], 'call takes a METHOD and a URL'],
    [['GET', url, 'more'], 'call takes a METHOD and a URL'],
    [['GET', 'hush'], 'The URL must be an http or https URL without a user'],
    [['GET', 'ftp://127.0.0.1'], 'The URL must be an http or https URL without a user'],
    [['GET', 'http://dev:hush@127.0.0.1'], 'The URL must be an http or https URL without a user'],
    [['GET', `${url}//a`], 'path must begin with one slash, and have no dot segment, fragment, backslash or control character'],
    [['G ET', url], "'G ET' is not a valid HTTP method."],
    [['POST', url, '--idempotency-key', ''], 'idempotencyKey must have 1 to 255 characters of printable ASCII, and not be "." or ".."'],
    [['POST', url, '--idempotency-key', 'k1', '--header', 'idempotency-key: hush'], '--idempotency-key and --header cannot both set Idempotency-Key'],
    [['GET', url, '--data', '"hush"'], 'Request with GET/HEAD method cannot have body.'],
    [['POST', url, '--data', '"hush"', '--data', '"hush"'], '--data can be given only once'],
    [['GET', url, '--method', 'PUT'], 'call takes a METHOD and a URL, or --method and a URL'],
    [['--method', 'PUT'], 'call takes a METHOD and a URL'],
    [['GET', url, '--reason-header', 'hush b'], '--reason-header must be the name of a header field'],
    [['GET', url, '--kye', 'dev:hush'], /^Unknown option '--kye'. Did you mean --key\?$/],
    [['GET', url, '--kye=dev:hush'], /^Unknown option '--kye'. Did you mean --key\?$/],
    [['GET', url, '--idem', 'hush'], /^Unknown option '--idem'. Did you mean --idempotency-key\?$/],
    [['GET', url, '--reasonHeader', 'hush'], /^Unknown option '--reasonHeader'. Did you mean --reason-header\?$/],
    [['GET', url, '-D'], /^Unknown option '-D'. Did you mean -d\?$/],
    [['GET', url, '-z'], /^Unknown option '-z'(?!.*Did you mean)/],
    [['GET', url, '--verbose'], /^Unknown option '--verbose'(?!.*Did you mean)/],
    [['GET', url, '--json=hush'], /^Option '--json' does not take an argument/],
    [['GET', url, '--key'], /^Option '--key <value>' argument missing/]
  ]
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await call(args)
    t.equal(code, 64, args.join(' '))
    t.equal(stdout, '')
    const [first, ...rest] = stderr.split('\n')
    t.match(first!.replace('fastify-reason-phrase: ', ''), message)
    t.match(rest.join('\n'), /^Usage: fastify-reason-phrase call METHOD URL/m)
    t.notMatch(stderr, /hush/)
  }
})
