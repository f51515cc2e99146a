import t, { type Test } from 'tap'
import { startConformingServer, type ResponseDraft } from '../fixtures/conforming-server.js'
import { startKeyedServer } from '../fixtures/keyed-server.js'
import { runCommand, type Input } from './fixtures/run-command.js'

const check = async (args: string[], input?: Input) => await runCommand(['check', ...args], input)

/** Starts a server that keeps the contract except for its mutation, and returns its URL. */
async function url (t: Test, mutate?: (draft: ResponseDraft) => unknown): Promise<string> {
  return `http://${(await startConformingServer(t, mutate)).authority}`
}

const withoutHeader = (draft: ResponseDraft): void => { draft.fields = draft.fields.filter(([name]) => name !== 'EB-REASON-PHRASE') }

t.test('prints a table and exits with 0 for a server that conforms', async t => {
  const { code, stdout, stderr } = await check([await url(t), '--concurrency', '16', '--request', 'GET /', '--request', 'POST /things {"name":"a b"}'])
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(stdout, /^http:\/\/127\.0\.0\.1:\d+: http\/1\.1\n\ngroup +probes +passed +failed\ntext +(\d+) +\1 +0\n/)
  for (const group of ['routing', 'framing', 'payload', 'connection', 'requests']) t.match(stdout, new RegExp(`^${group} +(\\d+) +\\1 +0$`, 'm'))
  t.match(stdout, /\n\nThe server conforms: \d+ probes passed\.\n$/)
})

t.test('prints the rule, the request and the response and exits with 1 for a violation', async t => {
  const { code, stdout, stderr } = await check([await url(t, withoutHeader), '--only', 'text-no-resource-head', '--only', 'text-root'], { isTTY: true })
  t.equal(code, 1)
  t.match(stderr, /^\r1 of 3 probes\r2 of 3 probes\r3 of 3 probes\r\x1b\[K$/) // eslint-disable-line no-control-regex
  t.match(stdout, /^text +3 +2 +1$/m)
  t.match(stdout, /^text-no-resource-head: HEAD of an unknown path \(RFC 9110 section 9\.3\.2\)\n {2}header in response 1: no such header\. The header contains the message, on one line \(docs\/contract\.md#message\)\.\n {2}sent\n {4}HEAD \/no-such-resource\S* HTTP\/1\.1\\r\\n\n/m)
  t.match(stdout, /^ {2}received \(connection: closed\)\n {4}HTTP\/1\.1 404 No such thing: /m)
  t.match(stdout, /\n\nThe server does not conform: 1 of 3 probes found violations\.\n$/)
})

t.test('--json and --tap print the results as JSON and as TAP', async t => {
  const target = await url(t, withoutHeader)
  const only = ['--only', 'text-no-resource', '--skip', 'text-no-resource-head', '--only', 'text-root-head']
  const json = await check([target, '--json', ...only])
  t.equal(json.code, 1)
  const { probes, ...rest } = JSON.parse(json.stdout)
  t.strictSame(rest, { target, protocols: ['http/1.1'], conforms: false })
  t.match(probes[0], { id: 'text-no-resource', group: 'text', violations: [{ rule: 'header', found: 'no such header', answer: 0 }], sent: /^GET/, received: /^HTTP/ })
  t.notOk(probes.some(({ id }: { id: string }) => id === 'text-no-resource-head'))
  t.match(probes.at(-1), { id: 'text-root-head', violations: [] })

  const tap = await check([target, '--tap', ...only])
  t.equal(tap.code, 1)
  t.match(tap.stdout, /^TAP version 14\n1\.\.6\nnot ok 1 - text-no-resource\n {2}---\n {2}\{\n {4}"violations": \[\n/)
  t.match(tap.stdout, /\n {2}\}\n {2}\.\.\.\nnot ok 2 - /)
  t.match(tap.stdout, /\nok 6 - text-root-head\n$/)
})

t.test('prints which probes were skipped, and why', async t => {
  const target = `http://${(await startKeyedServer(t)).authority}`
  const args = [target, '--idempotent', 'POST /orders {"item":"book"}', '--only', 'idempotency-1-replay', '--only', 'idempotency-1-mismatch']
  const reason = 'No other request is known. Put {{uuid}} into the body or the URL of the request'
  const { code, stdout } = await check(args)
  t.equal(code, 0)
  t.match(stdout, /^idempotency +2 +1 +0$/m)
  t.match(stdout, `\n\nidempotency-1-mismatch was skipped: ${reason}\n\nThe server conforms: 1 probes passed.\n`)

  const { probes } = JSON.parse((await check([...args, '--json'])).stdout)
  t.match(probes, [{ id: 'idempotency-1-replay' }, { id: 'idempotency-1-mismatch', skipped: reason, violations: [] }])
  t.notOk('skipped' in probes[0])
  t.match((await check([...args, '--tap'])).stdout, `\nok 1 - idempotency-1-replay\nok 2 - idempotency-1-mismatch # SKIP ${reason}\n`)
})

t.test('does not count a probe with violations as skipped', async t => {
  const target = `http://${(await startKeyedServer(t)).authority}`
  const { code, stdout } = await check([target, '--reason-header', 'X-Reason', '--idempotent', 'POST /orders {"item":"book"}', '--outcomes', '/elsewhere', '--only', 'idempotency-1-closed'])
  t.equal(code, 1)
  t.match(stdout, /^idempotency +2 +0 +2$/m)
  t.notMatch(stdout, 'was skipped')
})

t.test('prints all requests of a probe', async t => {
  const target = `http://${(await startKeyedServer(t, ['sends 400 while it executes'])).authority}`
  const { code, stdout } = await check([target, '--idempotent', 'POST /orders {"item":"book"}', '--only', 'idempotency-1-concurrent'])
  t.equal(code, 1)
  t.match(stdout, /\n {2}idempotency-executing in response \d+: 400\. While a request is executed/)
  t.equal(stdout.match(/POST \/orders HTTP\/1\.1/g)!.length, 20)
})
