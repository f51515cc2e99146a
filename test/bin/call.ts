import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { chmodSync, writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { run } from '../../bin/run.js'
import { closedPort } from '../fixtures/database.js'
import { echo, serve, serveSigned } from '../client/fixtures/servers.js'

interface Settings { stdin?: string | Buffer, isTTY?: boolean, env?: Record<string, string> }

/** Runs the command in this process. */
async function call (args: string[], { stdin = '', isTTY, env = {} }: Settings = {}) {
  const collect = () => {
    const chunks: Buffer[] = []
    const stream: Writable & { isTTY?: boolean } = new Writable({ write (chunk, _encoding, done) { chunks.push(chunk); done() } })
    return { stream, text: () => Buffer.concat(chunks).toString('latin1') }
  }
  const stdout = collect()
  const stderr = collect()
  stdout.stream.isTTY = isTTY
  const code = await run(['call', ...args], { stdin: Readable.from([stdin]), stdout: stdout.stream, stderr: stderr.stream }, env)
  return { code, stdout: Buffer.from(stdout.text(), 'latin1').toString(), stderr: stderr.text() }
}

const keys = [
  { id: 'dev', secret: 'hush', permissions: ['topic:read'] },
  { id: 'a#b', secret: 'another', permissions: [] }
]

function file (t: Test, name: string, content: string | Buffer, mode = 0o644): string {
  const path = join(t.testdirName, name)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

/** Starts a server that sends this response to every request. */
async function respondWith (t: Test, status: number, headers: Record<string, string | number>, body: string | Buffer = ''): Promise<string> {
  return serve(t, (_request, response) => { response.writeHead(status, headers).end(body) })
}

const json = { 'content-type': 'application/json' }

t.test('prints lines and the unchanged body to a pipe', async t => {
  const print = async (status: number, headers: Record<string, string | number>, body?: string | Buffer) => call(['GET', await respondWith(t, status, headers, body)])
  t.strictSame(await print(200, json, '{ "a": "é" }'), { code: 0, stdout: 'outcome: success\nstatus: 200\n\n{"a":"é"}\n', stderr: '' })
  t.strictSame(await print(200, json, 'null'), { code: 0, stdout: 'outcome: success\nstatus: 200\n\nnull\n', stderr: '' })
  t.strictSame(await print(200, { 'content-type': 'text/plain' }, 'a\r\n\x1b[31mb'), { code: 0, stdout: 'outcome: success\nstatus: 200\n\na\r\n\x1b[31mb', stderr: '' })
  t.strictSame(await print(200, {}, Buffer.from('bytes')), { code: 0, stdout: 'outcome: success\nstatus: 200\n\nbytes', stderr: '' })
  t.strictSame(await print(204, {}), { code: 0, stdout: 'outcome: success\nstatus: 204\n', stderr: '' })
  t.strictSame(await print(404, { 'eb-reason-phrase': 'No topic' }), { code: 1, stdout: 'outcome: rejected\nstatus: 404\nreason: No topic\n', stderr: '' })
  t.strictSame(await print(503, { 'eb-reason-phrase': 'Later', 'retry-after': 30 }), { code: 2, stdout: 'outcome: unknown\nstatus: 503\nreason: Later\nretry-after: 30\n', stderr: '' })
  t.strictSame(await print(200, json, '{'), { code: 2, stdout: 'outcome: unknown\nstatus: 200\nreason: The body is not JSON\n', stderr: '' })
  t.match(await print(404, { 'eb-reason-phrase': 'a\tb\x9bc' }), { stdout: /^reason: a b c$/m })

  const port = await closedPort()
  t.strictSame(await call(['GET', `http://127.0.0.1:${port}`]), { code: 1, stdout: `outcome: rejected\nreason: connect ECONNREFUSED 127.0.0.1:${port}\n`, stderr: '' })
})

t.test('prints a readable result to a terminal', async t => {
  const print = async (status: number, headers: Record<string, string | number>, body?: string | Buffer, env?: Record<string, string>) => {
    const { stdout } = await call(['GET', await respondWith(t, status, headers, body)], { isTTY: true, env })
    return stdout
  }
  t.equal(await print(200, json, '{"a":[1]}'), '\x1b[32msuccess 200\x1b[39m\n\n{\n  "a": [\n    1\n  ]\n}\n')
  t.equal(await print(404, { 'eb-reason-phrase': 'No topic' }), '\x1b[31mrejected 404\x1b[39m\nNo topic\n')
  t.equal(await print(503, { 'eb-reason-phrase': 'Later', 'retry-after': '30' }), '\x1b[33munknown 503\x1b[39m\nLater\nRetry after 30 s\n')
  t.equal(await print(200, {}, Buffer.from('\x1b[31m')), '\x1b[32msuccess 200\x1b[39m\n\n(5 bytes)\n')
  t.equal(await print(204, {}), '\x1b[32msuccess 204\x1b[39m\n')
  t.match(await call(['GET', `http://127.0.0.1:${await closedPort()}`], { isTTY: true }), { stdout: /^\x1b\[31mrejected\x1b\[39m\nconnect ECONNREFUSED/ }) // eslint-disable-line no-control-regex

  t.test('without colors if NO_COLOR is set', async t => {
    t.equal(await print(204, {}, '', { NO_COLOR: '1' }), 'success 204\n')
    t.equal(await print(204, {}, '', { NO_COLOR: '' }), '\x1b[32msuccess 204\x1b[39m\n')
  })

  t.test('without control characters of the server', async t => {
    const env = { NO_COLOR: '1' }
    t.equal(await print(404, { 'eb-reason-phrase': 'a\x9b2Jb' }, '', env), 'rejected 404\na 2Jb\n')
    t.equal(await print(200, { 'content-type': 'text/plain' }, 'a\x1b[2J\x07\r\n\tb\u202ec\x7f\u009b\n\n', env), 'success 200\n\na[2J\n\tbc\n')
    t.equal(await print(200, { 'content-type': 'text/plain' }, 'a\u2028b\u2029c', env), 'success 200\n\nabc\n')
    t.equal(await print(200, json, '{"a\\u001b":"\u009b\u202e\\n"}', env), 'success 200\n\n{\n  "a\\u001b": "\\n"\n}\n')
  })
})

t.test('--json prints one line of JSON', async t => {
  const print = async (status: number, headers: Record<string, string | number>, body?: string | Buffer, isTTY?: boolean) => {
    const { stdout } = await call(['GET', await respondWith(t, status, headers, body), '--json'], { isTTY })
    t.match(stdout, /^[^\n]+\n$/)
    return JSON.parse(stdout)
  }
  t.strictSame(await print(200, json, '{"a":{"body":"\\n"}}'), { outcome: 'success', status: 200, body: { a: { body: '\n' } } })
  t.strictSame(await print(200, {}, Buffer.from([0, 255])), { outcome: 'success', status: 200, body: 'AP8=' })
  t.strictSame(await print(204, {}), { outcome: 'success', status: 204 })
  t.strictSame(await print(503, { 'eb-reason-phrase': 'Later', 'retry-after': 30 }), { outcome: 'unknown', status: 503, reason: 'Later', retryAfter: 30 })
  t.strictSame(await print(200, json, '{'), { outcome: 'unknown', status: 200, reason: 'The body is not JSON' })
  t.strictSame(await print(200, json, '"\u009b\u202e"', true), { outcome: 'success', status: 200, body: '\u009b\u202e' })
  t.match(await call(['GET', await respondWith(t, 200, json, '"\u009b\u202e"'), '--json'], { isTTY: true }), { stdout: '"body":"\\u009b\\u202e"' })
})

t.test('--key signs with the first key of a file, a key by its id, or ID:SECRET', async t => {
  t.testdir()
  const path = file(t, 'keys.json', JSON.stringify(keys))
  const dev = `${await serveSigned(t, 'dev', 'hush')}/a?b`
  const other = await serveSigned(t, 'a#b', 'another')

  t.match(await call(['GET', dev]), { code: 1, stdout: 'reason: Signature-Input' })
  t.match(await call(['GET', dev, '--key', 'dev:hush']), { code: 0 })
  t.match(await call(['GET', dev, '--key', 'dev:hash']), { code: 1, stdout: 'reason: Signature\n' })
  t.match(await call(['--key', path, 'GET', dev]), { code: 0 }, 'the first key of a file')
  t.match(await call(['GET', dev, `--key=${path}#dev`]), { code: 0 })
  t.match(await call(['GET', await serveSigned(t, 'dev', 'a:b#c'), '--key', 'dev:a:b#c']), { code: 0 })
  const odd = file(t, 'keys#1.json', JSON.stringify([keys[1]]))
  t.match(await call(['GET', other, '--key', odd]), { code: 0 }, 'a file with a # in its name')

  t.test('explains an invalid key without quoting it', async t => {
    t.testdir()
    const wrong: Array<[key: string, message: string]> = [
      ['hush', '--key must be a file of keys, or id:secret'],
      [':hush', '--key must be a file of keys, or id:secret'],
      ['hush:', '--key must be a file of keys, or id:secret'],
      [join(t.testdirName, 'nothing'), '--key must be a file of keys, or id:secret'],
      ['é:hush', 'key must have an id of printable ASCII, and a secret that is not empty'],
      [t.testdirName, 'The file of --key cannot be read (EISDIR)'],
      [file(t, 'text', 'hush'), 'The file of --key is not JSON'],
      [file(t, 'cut', '[{"id":"dev","secret":"hush"'), 'The file of --key is not JSON'],
      [file(t, 'object', '{"id":"dev","secret":"hush"}'), 'The file of --key must be a JSON array of { id, secret, permissions }'],
      [file(t, 'strings', '["hush"]'), 'The file of --key must be a JSON array of { id, secret, permissions }'],
      [file(t, 'null', '[null]'), 'The file of --key must be a JSON array of { id, secret, permissions }'],
      [file(t, 'number', '[{"id":"dev","secret":1}]'), 'The file of --key must be a JSON array of { id, secret, permissions }'],
      [file(t, 'empty', '[]'), 'The file of --key has no key'],
      [`${file(t, 'keys', JSON.stringify(keys))}#hush`, 'The file of --key has no key with this id']
    ]
    for (const [key, message] of wrong) {
      const { code, stdout, stderr } = await call(['GET', dev, '--key', key])
      t.equal(code, 64, key)
      t.equal(stdout, '')
      t.equal(stderr.split('\n')[0], `fastify-reason-phrase: ${message}`)
      t.notMatch(stderr, /hush/)
    }
  })
})

t.test('reads the key from the environment variable', async t => {
  t.testdir()
  const path = file(t, 'keys.json', JSON.stringify(keys), 0o600)
  const dev = await serveSigned(t, 'dev', 'hush')
  const withKey = async (url: string, FASTIFY_REASON_PHRASE_KEY: string, ...args: string[]) => await call(['GET', url, ...args], { env: { FASTIFY_REASON_PHRASE_KEY } })
  t.match(await withKey(dev, 'dev:hush'), { code: 0, stderr: '' })
  t.match(await withKey(dev, path), { code: 0, stderr: '' })
  t.match(await withKey(dev, 'dev:wrong', '--key', 'dev:hush'), { code: 0, stderr: '' }, '--key takes precedence')
  t.match(await withKey(dev, ''), { code: 1, stdout: 'reason: Signature-Input' }, 'an empty variable is ignored')
  const wrong: Array<[value: string, message: string]> = [
    ['hush', 'FASTIFY_REASON_PHRASE_KEY must be a file of keys, or id:secret'],
    ['-', 'FASTIFY_REASON_PHRASE_KEY must be a file of keys, or id:secret'],
    [file(t, 'text', 'hush'), 'The file of FASTIFY_REASON_PHRASE_KEY is not JSON'],
    [`${path}#hush`, 'The file of FASTIFY_REASON_PHRASE_KEY has no key with this id'],
    [t.testdirName, 'The file of FASTIFY_REASON_PHRASE_KEY cannot be read (EISDIR)']
  ]
  for (const [value, message] of wrong) {
    const { code, stderr } = await withKey(dev, value)
    t.equal(code, 64, value)
    t.equal(stderr.split('\n')[0], `fastify-reason-phrase: ${message}`)
    t.notMatch(stderr, /hush/)
  }
})

t.test('reads the key from standard input', async t => {
  const dev = await serveSigned(t, 'dev', 'hush')
  for (const stdin of ['dev:hush', 'dev:hush\n', 'dev:hush\r\n', JSON.stringify(keys), `\n${JSON.stringify(keys, null, 2)}\n`]) {
    t.match(await call(['GET', dev, '--key', '-'], { stdin }), { code: 0, stderr: '' }, JSON.stringify(stdin))
  }
  t.match(await call(['GET', await serveSigned(t, 'dev', ' a:b\n'), '--key=-'], { stdin: 'dev: a:b\n\n' }), { code: 0 }, 'removes only the last line break from the secret')
  t.match(await call(['GET', dev, '--key', '-'], { stdin: 'dev:hush', env: { FASTIFY_REASON_PHRASE_KEY: 'dev:wrong' } }), { code: 0 })
  t.match(await call(['POST', dev, '--key', '-', '--data', '{}'], { stdin: 'dev:hush' }), { code: 0 })
  const wrong: Array<[stdin: string, message: string]> = [
    ['', '--key - needs id:secret, or the JSON of a file of keys, on standard input'],
    ['\n', '--key - needs id:secret, or the JSON of a file of keys, on standard input'],
    ['hush', '--key - needs id:secret, or the JSON of a file of keys, on standard input'],
    [':hush', '--key - needs id:secret, or the JSON of a file of keys, on standard input'],
    ['dev:\n', '--key - needs id:secret, or the JSON of a file of keys, on standard input'],
    ['[{"id":"dev","secret":"hush"', 'The standard input of --key is not JSON'],
    ['{"id":"dev","secret":"hush"}', 'The standard input of --key must be a JSON array of { id, secret, permissions }'],
    ['[]', 'The standard input of --key has no key']
  ]
  for (const [stdin, message] of wrong) {
    const { code, stderr } = await call(['GET', dev, '--key', '-'], { stdin })
    t.equal(code, 64, stdin)
    t.equal(stderr.split('\n')[0], `fastify-reason-phrase: ${message}`)
    t.notMatch(stderr, /hush/)
  }
  t.match(await call(['POST', dev, '--key', '-', '--data', '-'], { stdin: 'dev:hush' }), { code: 64, stderr: 'fastify-reason-phrase: --key - and --data - cannot both read standard input\n' })
})

t.test('warns if other users can read the key file', async t => {
  t.testdir()
  const dev = await serveSigned(t, 'dev', 'hush')
  const warning = (source: string) => `fastify-reason-phrase: other users can read the file of ${source}: remove their permission with chmod 600\n`
  const printed = 'outcome: success\nstatus: 200\n'
  for (const [mode, stderr] of [[0o600, ''], [0o400, ''], [0o611, ''], [0o640, warning('--key')], [0o604, warning('--key')], [0o644, warning('--key')]] as const) {
    const path = file(t, mode.toString(8), JSON.stringify(keys), mode)
    const { code, stdout, stderr: warnings } = await call(['GET', dev, '--key', path])
    t.strictSame([code, stdout.startsWith(printed), warnings], [0, true, stderr], mode.toString(8))
  }
  const shared = file(t, 'shared', JSON.stringify(keys), 0o644)
  t.equal((await call(['GET', dev, '--key', `${shared}#dev`])).stderr, warning('--key'))
  t.equal((await call(['GET', dev], { env: { FASTIFY_REASON_PHRASE_KEY: shared } })).stderr, warning('FASTIFY_REASON_PHRASE_KEY'))
  t.intercept(process, 'platform', { value: 'win32' })
  t.equal((await call(['GET', dev, '--key', shared])).stderr, '', 'no warning on Windows')
})

t.test('--help warns about secrets in the process list, and names the alternatives', async t => {
  const { stdout } = await call(['--help'])
  t.match(stdout, /^ {4}ID:SECRET +other users can see the secret in the process list$/m)
  t.match(stdout, /^ {4}- +ID:SECRET or the content of a FILE, on standard input$/m)
  t.match(stdout, /FASTIFY_REASON_PHRASE_KEY/)
  for (const line of stdout.split('\n')) t.ok(line.length <= 80, line)
})

t.test('--data sends text, JSON, a file or standard input', async t => {
  t.testdir()
  const origin = await serveSigned(t, 'dev', 'hush')
  const sent = async (data: string, { stdin, headers = [] }: { stdin?: string | Buffer, headers?: string[] } = {}) => {
    const { stdout } = await call(['POST', origin, '--key', 'dev:hush', '--json', `--data=${data}`, ...headers.flatMap(header => ['--header', header])], { stdin })
    const { headers: { 'content-type': type }, body } = JSON.parse(stdout).body
    return { type, body: Buffer.from(body, 'latin1').toString() }
  }
  t.strictSame(await sent('{ "a": "é" }'), { type: 'application/json', body: '{ "a": "é" }' })
  t.strictSame(await sent('1'), { type: 'application/json', body: '1' })
  t.strictSame(await sent('{a}'), { type: 'text/plain;charset=UTF-8', body: '{a}' })
  t.strictSame(await sent(''), { type: 'text/plain;charset=UTF-8', body: '' })
  t.strictSame(await sent('{}', { headers: ['content-type: application/merge-patch+json'] }), { type: 'application/merge-patch+json', body: '{}' })
  t.strictSame(await sent(`@${file(t, 'data.json', '[1]\n')}`), { type: 'application/json', body: '[1]\n' })
  t.match(await sent(`@${file(t, 'data', Buffer.of(0xff, 0))}`), { type: 'application/octet-stream' })
  t.strictSame(await sent('-', { stdin: 'téxt' }), { type: 'text/plain;charset=UTF-8', body: 'téxt' })
  t.strictSame(await sent('-', { stdin: Buffer.from('{}') }), { type: 'application/json', body: '{}' })
  t.match(await call(['POST', origin, '--key', 'dev:hush', '--data', '-'], { stdin: '{}' }), { code: 0 })
  t.match(await call(['POST', origin, '--data', `@${join(t.testdirName, 'nothing')}`]), { code: 64, stderr: 'The file of --data cannot be read (ENOENT)' })
})

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

t.test('--timeout limits the time of the call', async t => {
  const origin = await serve(t, () => {})
  t.strictSame(await call(['GET', origin, '--timeout', '50']), { code: 2, stdout: 'outcome: unknown\nreason: No response within 50 ms\n', stderr: '' })
  for (const timeout of ['0', 'soon', '', '-1']) t.match(await call(['GET', origin, `--timeout=${timeout}`]), { code: 64, stderr: 'timeout must be a positive number of milliseconds' })
})

t.test('--max-response-size limits the bytes of the response body', async t => {
  const origin = await respondWith(t, 200, {}, 'abc')
  t.match(await call(['GET', origin, '--max-response-size', '3']), { code: 0 })
  t.strictSame(await call(['GET', origin, '--max-response-size', '2']), { code: 2, stdout: 'outcome: unknown\nstatus: 200\nreason: The body is larger than 2 bytes\n', stderr: '' })
  t.match(await call(['GET', origin, '--max-response-size', 'much']), { code: 64, stderr: 'maxResponseSize must be a number of bytes' })

  const endless = await serve(t, (_request, response) => {
    const more = (): void => { while (response.write(Buffer.alloc(64 * 1024))); }
    response.on('drain', more)
    more()
  })
  t.strictSame(await call(['GET', endless]), { code: 2, stdout: 'outcome: unknown\nstatus: 200\nreason: The body is larger than 16777216 bytes\n', stderr: '' })
})

t.test('prints no header fields, because they can be secrets', async t => {
  const origin = await respondWith(t, 200, { 'set-cookie': 'session=hush', location: '/hush' })
  for (const args of [[], ['--json']]) t.notMatch(await call(['GET', origin, ...args]), { stdout: /hush|headers/ })
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
    [['GET', url, '--data', 'hush'], 'Request with GET/HEAD method cannot have body.'],
    [['GET', url, '--kye', 'dev:hush'], /^Unknown option '--kye'/],
    [['GET', url, '--kye=dev:hush'], /^Unknown option '--kye'/],
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

t.test('ignores EPIPE, and throws any other error of stdout', async t => {
  const origin = await serve(t, echo)
  const broken = (code: string) => new Writable({ write (_chunk, _encoding, done) { done(Object.assign(new Error(code), { code })) } })
  const stderr = new PassThrough()
  t.equal(await run(['call', 'GET', origin], { stdin: Readable.from([]), stdout: broken('EPIPE'), stderr }, {}), 0)
  await t.rejects(run(['call', 'GET', origin], { stdin: Readable.from([]), stdout: broken('ENOSPC'), stderr }, {}), { code: 'ENOSPC' })
})
