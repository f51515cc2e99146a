import t, { type Test } from 'tap'
import { serve } from '../client/fixtures/servers.js'
import { closedPort } from '../fixtures/database.js'
import { runCommand, type Input } from './fixtures/run-command.js'

const call = async (args: string[], input?: Input) => await runCommand(['call', ...args], input)

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
  t.strictSame(await print(500, { 'eb-reason-phrase': 'No', 'x-request-id': 'req-1' }), { code: 2, stdout: 'outcome: unknown\nstatus: 500\nreason: No\nrequest-id: req-1\n', stderr: '' })
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
  t.equal(await print(500, { 'eb-reason-phrase': 'No', 'x-request-id': 'req-1' }), '\x1b[33munknown 500\x1b[39m\nNo\nRequest req-1\n')
  t.equal(await print(200, {}, Buffer.from('\x1b[31m')), '\x1b[32msuccess 200\x1b[39m\n\n(5 bytes)\n')
  t.equal(await print(204, {}), '\x1b[32msuccess 204\x1b[39m\n')
  t.match(await call(['GET', `http://127.0.0.1:${await closedPort()}`], { isTTY: true }), { stdout: /^\x1b\[31mrejected\x1b\[39m\nconnect ECONNREFUSED/ }) // eslint-disable-line no-control-regex

  t.test('without colors if NO_COLOR is set', async t => {
    t.equal(await print(204, {}, '', { NO_COLOR: '1' }), 'success 204\n')
    t.equal(await print(204, {}, '', { NO_COLOR: '' }), '\x1b[32msuccess 204\x1b[39m\n')
  })

  t.test('without control characters of the server', async t => {
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

t.test('prints no header fields, because they can be secrets', async t => {
  const origin = await respondWith(t, 200, { 'set-cookie': 'session=hush', location: '/hush' })
  for (const args of [[], ['--json']]) t.notMatch(await call(['GET', origin, ...args]), { stdout: /hush|headers/ })
})
