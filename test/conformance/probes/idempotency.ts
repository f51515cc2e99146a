import t from 'tap'
import { IDEMPOTENCY_RULES } from '../../../conformance/idempotency-rules.js'
import { createIdempotencyProbes, type IdempotencyOptions, type IdempotentRequest } from '../../../conformance/probes/idempotency.js'
import { runProbes, type ProbeResult } from '../../../conformance/run-probes.js'
import type { Target } from '../../../conformance/target.js'
import { Contract } from '../../../lib/contract.js'
import { startConformingServer } from '../../fixtures/conforming-server.js'
import { startKeyedServer, type Flaw } from '../../fixtures/keyed-server.js'

const thing: IdempotentRequest = { method: 'POST', url: '/things', body: { name: '{{uuid}}' }, failing: { method: 'POST', url: '/fail', body: {} } }
const required: IdempotentRequest = { ...thing, url: '/required', required: true }
/** A request without unique values. */
const order: IdempotentRequest = { method: 'POST', url: '/orders', body: { item: 'book' } }
const constant: IdempotentRequest = { ...order, url: '/constant' }

const otherHeaders = (): Record<string, string> => ({ 'x-caller': 'other' })

/** Runs the probes with these suffixes, or all probes, and returns their results by suffix. */
async function run (target: Target, request: IdempotentRequest, suffixes: string[] = [], protocol: 'http/1.1' | 'h2' = 'http/1.1', options: IdempotencyOptions = { otherHeaders }): Promise<Record<string, ProbeResult>> {
  const results: Record<string, ProbeResult> = {}
  const suffixOf = (id: string): string => id.replace('idempotency-1-', '')
  const probes = createIdempotencyProbes({ ...options, idempotent: [request] }, protocol).filter(({ id }) => suffixes.length === 0 || suffixes.includes(suffixOf(id)))
  for await (const result of runProbes(target, probes, 4)) results[suffixOf(result.probe.id)] = result
  return results
}

/** Returns the ids of the broken rules, by the suffix of the probe. */
function brokenRules (results: Record<string, ProbeResult>): Record<string, string[]> {
  const broken = Object.entries(results).map(([suffix, { violations }]) => [suffix, violations.map(({ rule }) => rule.id)] as const)
  return Object.fromEntries(broken.filter(([, rules]) => rules.length > 0))
}

const skips = (results: Record<string, ProbeResult>): string[] => Object.keys(results).filter(suffix => results[suffix]!.skipped !== undefined)

for (const [protocol, isHttp2] of [['http/1.1', false], ['h2', true]] as const) {
  t.test(`finds no violation on a server that keeps the contract: ${protocol}`, async t => {
    for (const flaws of [[], ['sends 503 with a date in Retry-After while it executes'], ['sends 503 after the effect']] as Flaw[][]) {
      for (const request of [thing, required]) {
        const results = await run(await startKeyedServer(t, flaws, { isHttp2 }), request, [], protocol)
        t.strictSame(brokenRules(results), {}, `${flaws.join()} ${request.url}`)
        t.strictSame(skips(results), [])
      }
    }
  })
}

t.test('retries while a server is busy', async t => {
  const results = await run(await startKeyedServer(t, ['is busy at first']), thing, ['concurrent'])
  t.strictSame(brokenRules(results), {})
  t.equal(Buffer.from(results.concurrent!.exchange.received).toString().split('HTTP/1.1 503').length, 21)
})

t.test('describes each probe', async t => {
  for (const { id, group, sends, requires, why, source } of createIdempotencyProbes({ idempotent: [thing] }, 'http/1.1')) {
    t.match(id, /^idempotency-1(?:-[a-z]+)+$/)
    t.equal(group, 'idempotency')
    t.match(sends, 'POST /things')
    for (const text of [sends, requires, why]) t.match(text, /^[A-Z24](?!.*\.$)/, id)
    t.match(source, /^(?:docs\/(?:contract|idempotency)\.md#[a-z-]+|draft-ietf-httpapi-idempotency-key-header-07 section [\d.]+)(?:, (?:docs\/(?:contract|idempotency)\.md#[a-z-]+|RFC 9110 section [\d.]+))?$/, id)
  }
})

t.test('puts the position of the request into the ids', async t => {
  const ids = createIdempotencyProbes({ idempotent: [{ url: '/a' }, thing] }, 'http/1.1').map(({ id, sends }) => `${id}: ${sends}`)
  t.ok(ids.includes('idempotency-1-replay: GET /a, twice with the same key'))
  t.ok(ids.includes('idempotency-2-replay: POST /things, twice with the same key'))
  t.strictSame(createIdempotencyProbes({}, 'http/1.1'), [])
})

// Each row: the flaw of the server, the probe that must find it, the rules that it breaks, and the request.
const flaws: Array<[flaw: Flaw, suffix: string, rules: string[], request?: IdempotentRequest]> = [
  ['rejects all requests', 'replay', ['idempotency-executed']],
  ['ignores keys', 'replay', ['idempotency-replay']],
  ['replays another body', 'replay', ['idempotency-replay']],
  ['replays another location', 'replay', ['idempotency-replay']],
  ['replays without Idempotent-Replayed', 'replay', ['idempotency-replay-marked']],
  ['marks the first response as replayed', 'replay', ['idempotency-replay-marked']],
  ['sends no Idempotency-Status', 'replay', ['idempotency-status']],
  ['truncates successes', 'replay', ['answered']],
  ['replays the response for a different request', 'mismatch', ['idempotency-mismatch']],
  ['executes requests that it rejects', 'mismatch', ['idempotency-without-effect']],
  ['deletes the record after a different request', 'mismatch', ['idempotency-replay']],
  ['sends no Idempotency-Status', 'mismatch', ['idempotency-status']],
  ['executes concurrent requests twice', 'concurrent', ['idempotency-one-effect'], order],
  ['executes concurrent requests twice', 'concurrent', ['idempotency-replay-marked'], constant],
  ['executes concurrent requests twice', 'executing', ['idempotency-one-effect'], order],
  ['sends 400 while it executes', 'concurrent', ['idempotency-executing']],
  ['sends 400 while it executes', 'executing', ['idempotency-executing']],
  ['sends 503 without Retry-After while it executes', 'executing', ['idempotency-executing']],
  ['always sends 503', 'concurrent', ['idempotency-executed']],
  ['does not require a key', 'key-missing', ['idempotency-key'], required],
  ['executes requests that it rejects', 'key-missing', ['idempotency-without-effect'], required],
  ['fails without a key', 'key-missing', ['idempotency-key']],
  ['marks a response without a key as replayed', 'key-missing', ['idempotency-replay-marked']],
  ['accepts an empty key', 'key-empty', ['idempotency-key']],
  ['executes requests that it rejects', 'key-empty', ['idempotency-without-effect']],
  ['accepts two keys', 'key-doubled', ['idempotency-key']],
  ['executes requests that it rejects', 'key-doubled', ['idempotency-without-effect']],
  ['truncates long keys', 'key-too-long', ['idempotency-key']],
  ['executes requests that it rejects', 'key-too-long', ['idempotency-without-effect']],
  ['replays another reason', 'rejection', ['idempotency-rejection']],
  ['replays without Idempotent-Replayed', 'rejection', ['idempotency-replay-marked']],
  ['sends no Idempotency-Status', 'rejection', ['idempotency-status']],
  ['replays failures', 'failure', ['idempotency-failure']],
  ['sends Idempotency-Status with failures', 'failure', ['idempotency-failure']],
  ['shares keys between callers', 'caller', ['idempotency-scope']],
  ['shares keys between callers', 'caller', ['idempotency-scope'], order],
  ['executes closed keys', 'closed', ['idempotency-closed']],
  ['executes requests that it rejects', 'closed', ['idempotency-without-effect']],
  ['sends no Idempotency-Status', 'closed', ['idempotency-status']],
  ['sends a different body each time it closes a key', 'closed-twice', ['idempotency-closing']],
  ['sends text when it closes a key', 'closed-twice', ['idempotency-closing']],
  ['sends 404 for a closed key', 'closed-twice', ['idempotency-closing']],
  ['closes a key that has succeeded', 'closed-twice', ['idempotency-closing']],
  ['ignores keys', 'cut', ['idempotency-one-effect']],
  ['records a response only when it is sent', 'cut', ['idempotency-one-effect']]
]

for (const [flaw, suffix, rules, request = thing] of flaws) {
  t.test(`${suffix} of ${request.url} finds a server that ${flaw}`, async t => {
    const target = await startKeyedServer(t, [flaw])
    target.timeout = 1000
    t.strictSame(brokenRules(await run(target, request, [suffix])), { [suffix]: rules })
  })
}

t.test('these tests have a flaw for each rule, and a flaw for each probe', async t => {
  const broken = new Set(flaws.flatMap(([, , rules]) => rules))
  for (const { id } of Object.values(IDEMPOTENCY_RULES)) t.ok(broken.has(id), id)
  const found = new Set(flaws.map(([, suffix]) => `idempotency-1-${suffix}`))
  for (const { id } of createIdempotencyProbes({ idempotent: [thing] }, 'http/1.1')) t.ok(found.has(id), id)
})

t.test('also checks each response against the rules of the contract', async t => {
  const results = await run(await startKeyedServer(t, ['sends 409 while it executes']), thing, ['executing'])
  const { violations } = results.executing!
  t.strictSame([...new Set(violations.map(({ rule }) => rule.id))], ['status-in-table', 'idempotency-executing'])
  for (const violation of violations) t.match(violation, { found: '409', responseIndex: Number })
  t.equal(violations.at(-1)!.responseIndex, violations[0]!.responseIndex)
})

t.test('reports all requests and all responses', async t => {
  const { replay } = await run(await startKeyedServer(t, ['replays another body']), thing, ['replay'])
  const { exchange, violations } = replay!
  const [sent, received] = [exchange.sent, exchange.received].map(bytes => Buffer.from(bytes).toString())
  const [, ...bodies] = sent!.split('POST /things HTTP/1.1')
  t.equal(bodies.length, 2)
  t.equal(bodies[0], bodies[1], 'a retry has the same bytes')
  t.match(bodies[0], /\r\nidempotency-key: "[\da-f-]{36}"\r\n[^]*\r\n\r\n\{"name":"[\da-f-]{36}"\}$/)
  t.equal(received!.split('HTTP/1.1 201 OK').length, 3)
  t.equal(exchange.receivedLength, received!.length)
  t.match(violations, [{ responseIndex: 1, found: /^another body of \d+ bytes$/ }])
})

t.test('skips a probe that cannot test the server, and says why', async t => {
  const target = await startKeyedServer(t)
  const results = await run(target, order, [], 'http/1.1', { outcomes: '/elsewhere' })
  t.strictSame(brokenRules(results), {})
  t.match(Object.fromEntries(skips(results).map(suffix => [suffix, results[suffix]!.skipped])), {
    mismatch: /^No other request is known\. Put \{\{uuid\}\} into/,
    rejection: /^The service does not reject the request: it answers 201 /,
    failure: /^No request is known that the service answers with a 5xx/,
    caller: /^No other caller is known/,
    closed: /^PUT \/elsewhere\/\{key\} got 404, so there is no such route/,
    'closed-twice': /^PUT \/elsewhere\/\{key\} got 404/
  })
  t.equal(skips(results).length, 6)
  t.equal(results.caller!.exchange.sent.length, 0)
  const { failure } = await run(target, { ...order, failing: order }, ['failure'])
  t.equal(failure!.skipped, 'The request of the option failing got 201, not a 5xx')
})

t.test('reports the violations of a skipped probe', async t => {
  const target = await startKeyedServer(t)
  target.contract = new Contract({ header: 'X-Reason' })
  const { closed } = await run(target, order, ['closed'], 'http/1.1', { outcomes: '/elsewhere' })
  t.match(closed!.skipped, /^PUT/)
  t.strictSame(closed!.violations.map(({ rule }) => rule.id), ['header'])
})

t.test('accepts a request with the unique value in its URL', async t => {
  const { mismatch } = await run(await startKeyedServer(t), { ...thing, url: '/things?{{uuid}}' }, ['mismatch'])
  t.equal(mismatch!.skipped, undefined)
  t.strictSame(mismatch!.violations, [])
})

t.test('reports a server that does not respond', async t => {
  const target = await startKeyedServer(t)
  target.port = 1
  for (const protocol of ['http/1.1', 'h2'] as const) {
    const results = await run(target, thing, ['concurrent', 'executing', 'cut'], protocol)
    for (const { violations } of Object.values(results)) {
      t.ok(violations.length > 0)
      for (const violation of violations) t.match(violation, { rule: { id: 'answered' }, found: /ECONNREFUSED/ })
    }
  }
})

t.test('rejects with the error that the headers hook throws', async t => {
  const target = await startKeyedServer(t)
  target.headers = () => { throw new Error('no key') }
  await t.rejects(run(target, thing, ['concurrent']), { message: 'no key' })
})

t.test('fails if the failing request does not fail, unless the target allows it', async t => {
  const target = await startKeyedServer(t)
  target.coverage = { areDeclared: false, allowUnsuccessful: false }
  const { failure } = await run(target, { ...order, failing: order }, ['failure'])
  t.match(failure, { skipped: 'The request of the option failing got 201, not a 5xx', violations: [{ rule: { id: 'could-not-be-tested' }, found: 'The request of the option failing got 201, not a 5xx' }] })
  target.coverage.allowUnsuccessful = true
  t.strictSame((await run(target, { ...order, failing: order }, ['failure'])).failure!.violations, [])
})

t.test('fails if the server rejects the credentials of a request', async t => {
  const target = await startConformingServer(t)
  target.coverage = { areDeclared: false, allowUnsuccessful: false }
  const { replay } = await run(target, { url: '/secret' }, ['replay'])
  t.match(replay!.violations, [{ rule: { id: 'could-not-be-tested' }, found: 'GET /secret was answered 401 No signature' }])
  t.equal(replay!.violations.length, 1)
  target.coverage.allowUnsuccessful = true
  t.match((await run(target, { url: '/secret' }, ['replay'])).replay!.violations, [{ rule: { id: 'idempotency-executed' } }])
})
