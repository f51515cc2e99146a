import t, { type Test } from 'tap'
import { serve } from '../client/fixtures/servers.js'
import { closedPort } from '../fixtures/database.js'
import { runCommand, runForBytes, type Input } from './fixtures/run-command.js'

const call = async (args: string[], input?: Input) => await runCommand(['call', ...args], input)

/** Starts a server that sends this response to every request. */
async function respondWith (t: Test, status: number, headers: Record<string, string | number>, body: string | Buffer = ''): Promise<string> {
  return serve(t, (_request, response) => { response.writeHead(status, headers).end(body) })
}

const json = { 'content-type': 'application/json' }

t.test('prints the unchanged body to a pipe, and the outcome to standard error', async t => {
  const print = async (status: number, headers: Record<string, string | number>, body?: string | Buffer) => call(['GET', await respondWith(t, status, headers, body)])
  t.strictSame(await print(200, json, '{ "a": "é" }'), { code: 0, stdout: '{ "a": "é" }', stderr: 'outcome: success\nstatus: 200\n' })
  t.strictSame(await print(200, json, 'null'), { code: 0, stdout: 'null', stderr: 'outcome: success\nstatus: 200\n' })
  t.strictSame(await print(200, { 'content-type': 'text/plain' }, 'a\r\n\x1b[31mb'), { code: 0, stdout: 'a\r\n\x1b[31mb', stderr: 'outcome: success\nstatus: 200\n' })
  t.strictSame(await print(200, {}, Buffer.from('bytes')), { code: 0, stdout: 'bytes', stderr: 'outcome: success\nstatus: 200\n' })
  t.strictSame(await print(204, {}), { code: 0, stdout: '', stderr: 'outcome: success\nstatus: 204\n' })
  t.strictSame(await print(404, { 'eb-reason-phrase': 'No topic' }), { code: 1, stdout: '', stderr: 'outcome: rejected\nstatus: 404\nreason: No topic\n' })
  t.strictSame(await print(503, { 'eb-reason-phrase': 'Later', 'retry-after': 30 }), { code: 2, stdout: '', stderr: 'outcome: unknown\nstatus: 503\nreason: Later\nretry-after: 30\n' })
  t.strictSame(await print(500, { 'eb-reason-phrase': 'No', 'x-request-id': 'req-1' }), { code: 2, stdout: '', stderr: 'outcome: unknown\nstatus: 500\nreason: No\nrequest-id: req-1\n' })
  t.strictSame(await print(422, json, '{"errors":[]}'), { code: 1, stdout: '', stderr: 'outcome: rejected\nstatus: 422\nreason: Unprocessable Entity\n' }, 'does not print the body of an error')
  t.strictSame(await print(200, json, '{'), { code: 2, stdout: '', stderr: 'outcome: unknown\nstatus: 200\nreason: The body is not JSON\n' })
  t.match(await print(404, { 'eb-reason-phrase': 'a\tb\x9bc' }), { stderr: /^reason: a b c$/m })

  const port = await closedPort()
  t.strictSame(await call(['GET', `http://127.0.0.1:${port}`]), { code: 1, stdout: '', stderr: `outcome: rejected\nreason: connect ECONNREFUSED 127.0.0.1:${port}\n` })
})

t.test('prints each byte of a body to a pipe', async t => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  for (const type of ['application/octet-stream', 'text/plain', 'text/plain;charset=latin1', '']) {
    const { stdout } = await runForBytes(['call', 'GET', await respondWith(t, 200, { 'content-type': type }, bytes)])
    t.ok(stdout.equals(bytes), type)
  }
  const text = Buffer.from('\ufeff{ "a" : 1.0,\r\n"a":1e2 }\n')
  const { stdout } = await runForBytes(['call', 'GET', await respondWith(t, 200, json, text)])
  t.ok(stdout.equals(text), 'keeps the byte order mark, the numbers and the spaces of JSON')
})

t.test('prints the outcome to the terminal if only one of standard output and standard error is a terminal', async t => {
  const found = await respondWith(t, 200, json, '{"a":1}')
  const missing = await respondWith(t, 404, { 'eb-reason-phrase': 'No topic' })
  t.strictSame(await call(['GET', found], { isTTY: 'stderr', env: { NO_COLOR: '1' } }), { code: 0, stdout: '{"a":1}', stderr: 'success 200\n' })
  t.strictSame(await call(['GET', missing], { isTTY: 'stderr' }), { code: 1, stdout: '', stderr: '\x1b[31mrejected 404\x1b[39m\nNo topic\n' })
  t.strictSame(await call(['GET', found], { isTTY: 'stdout', env: { NO_COLOR: '1' } }), { code: 0, stdout: 'success 200\n\n{\n  "a": 1\n}\n', stderr: '' })
})

t.test('prints a readable result to a terminal', async t => {
  const print = async (status: number, headers: Record<string, string | number>, body?: string | Buffer, env?: Record<string, string>) => {
    const { stdout } = await call(['GET', await respondWith(t, status, headers, body)], { isTTY: true, env })
    return stdout
  }
  t.equal(await print(200, json, '{"a":[1]}'), '\x1b[32msuccess 200\x1b[39m\n\n{\n  "a": [\n    1\n  ]\n}\n')
  t.equal(await print(404, { 'eb-reason-phrase': 'No topic' }), '\x1b[31mrejected 404\x1b[39m\nNo topic\n')
  t.equal(await print(503, { 'eb-reason-phrase': 'Later', 'retry-after': '30' }), '\x1b[33munknown 503\x1b[39m\nLater\nRetry after 30 s\n')
  t.equal(await print(500, { 'eb-reason-phrase': 'No', 'x-request-id': 'req-1' }), '\x1b[33munknown 500\x1b[39m\nNo\nRequest req-1\n')
  t.equal(await print(200, {}, Buffer.from('\x1b[31m')), '\x1b[32msuccess 200\x1b[39m\n\n(5 bytes)\n')
  t.equal(await print(204, {}), '\x1b[32msuccess 204\x1b[39m\n')
  t.match(await call(['GET', `http://127.0.0.1:${await closedPort()}`], { isTTY: true }), { stdout: /^\x1b\[31mrejected\x1b\[39m\nconnect ECONNREFUSED/ }) // eslint-disable-line no-control-regex

  t.test('without colors if NO_COLOR is set', async t => {
    t.equal(await print(204, {}, '', { NO_COLOR: '1' }), 'success 204\n')
    t.equal(await print(204, {}, '', { NO_COLOR: '' }), '\x1b[32msuccess 204\x1b[39m\n')
  })

  t.test('without control characters from the server', async t => {
    const env = { NO_COLOR: '1' }
    t.equal(await print(404, { 'eb-reason-phrase': 'a\x9b2Jb', 'x-request-id': 'c\x9b2Jd' }, '', env), 'rejected 404\na 2Jb\nRequest c 2Jd\n')
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

t.test('prints no header fields without --include, because they can be secret', async t => {
  const origin = await respondWith(t, 200, { 'set-cookie': 'session=hush', location: '/hush' })
  for (const args of [[], ['--json']]) {
    for (const isTTY of [true, false]) {
      const { stdout, stderr } = await call(['GET', origin, ...args], { isTTY })
      t.notMatch(stdout + stderr, /hush|headers/)
    }
  }
})

t.test('--include prints the status line and the header fields before the body', async t => {
  const fields = { 'content-type': 'text/plain', 'X-A': 'b\xe9', 'set-cookie': 'a=b' }
  const withoutDate = (text: string): string => text.replace(/^date: .*\r?\n/m, '').replace(/^(?:connection|keep-alive): .*\r?\n/gm, '').replace(/^transfer-encoding: .*\r?\n/m, '')
  const origin = await serve(t, (_request, response) => { response.writeHead(200, 'Fine', fields).end('text') })
  const { stdout, stderr } = await runForBytes(['call', 'GET', origin, '-i'])
  t.equal(withoutDate(stdout.toString('latin1')), 'HTTP/1.1 200 Fine\r\ncontent-type: text/plain\r\nset-cookie: a=b\r\nx-a: b\xe9\r\n\r\ntext')
  t.equal(stderr, 'outcome: success\nstatus: 200\n')

  const missing = await respondWith(t, 404, { 'eb-reason-phrase': 'No\x9b topic', 'content-length': 0 })
  const rejected = await runForBytes(['call', 'GET', missing, '--include'])
  t.strictSame({ ...rejected, stdout: withoutDate(rejected.stdout.toString('latin1')) }, { code: 1, stdout: 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\neb-reason-phrase: No\x9b topic\r\n\r\n', stderr: 'outcome: rejected\nstatus: 404\nreason: No  topic\n' })
  const onTerminal = await call(['GET', missing, '-i'], { isTTY: true, env: { NO_COLOR: '1' } })
  t.equal(withoutDate(onTerminal.stdout), 'rejected 404\nNo  topic\n\nHTTP/1.1 404 Not Found\ncontent-length: 0\neb-reason-phrase: No topic\n')
  const found = await call(['GET', await respondWith(t, 200, { ...json, 'content-length': 2 }, '{}'), '-i'], { isTTY: true, env: { NO_COLOR: '1' } })
  t.equal(withoutDate(found.stdout), 'success 200\n\nHTTP/1.1 200 OK\ncontent-length: 2\ncontent-type: application/json\n\n{}\n')

  t.match(JSON.parse((await call(['GET', origin, '-i', '--json'])).stdout), { body: 'text', headers: { 'content-type': 'text/plain', 'set-cookie': ['a=b'] } })
  t.notOk('set-cookie' in JSON.parse((await call(['GET', missing, '-i', '--json'])).stdout).headers)
  t.strictSame(await call(['GET', `http://127.0.0.1:${await closedPort()}`, '-i']).then(({ stdout }) => stdout), '', 'prints nothing without a response')
  t.match(await call(['HEAD', origin, '-i']), { code: 0, stdout: /^HTTP\/1\.1 200 Fine\r\n[^]*\r\n\r\n$/ })
})

t.test('--include prints the status line of HTTP/2, which has no reason phrase', async t => {
  const origin = await serve(t, (_request, response) => { response.writeHead(200, '').end() })
  t.match(await call(['GET', origin, '-i']), { stdout: /^HTTP\/2 200\r\n/ })
})
