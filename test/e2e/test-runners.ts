import t from 'tap'
import { runNode, TYPESCRIPT } from '../fixtures/node-process.js'

// Test runners take time to start.
t.setTimeout(300_000)

const suite = (name: string): string => `test/e2e/fixtures/test-runners/${name}.ts`

t.test('reports each probe as a subtest of tap', async t => {
  const { code, output } = await runNode([TYPESCRIPT, suite('tap')])
  t.equal(code, 1)
  t.match(output, /^ {4}ok 1 - text-no-resource # time/m)
  t.match(output, /# SKIP No request is known/)
  t.match(output, /^ok 1 - a service with the plugin/m)
  t.match(output, /^ {8}not ok 1 - no-body in response 1: a body of \d+ bytes\. An unsuccessful response has no body/m)
  t.match(output, /received: "?\|?-?\s*HTTP\/1\.1 404 Not Found/)
  t.match(output, /^not ok 2 - a service without the plugin/m)
})

t.test('reports each probe as a subtest of node:test', async t => {
  const { code, output } = await runNode([TYPESCRIPT, '--test-reporter=spec', suite('node-test')])
  t.equal(code, 1)
  t.match(output, /✔ text-no-resource/)
  t.match(output, /﹣ idempotency-1-failure .*# No request is known/)
  t.match(output, /✔ a service with the plugin/)
  t.match(output, /✖ text-no-resource/)
  t.match(output, /AssertionError.*: text-no-resource: GET of an unknown path \(docs\/contract\.md#unsuccessful-responses, RFC 9110 section 15\.5\.5\)\n +no-body in response 1: a body of \d+ bytes\. An unsuccessful response has no body/)
  t.match(output, / {2}sent\n +GET \/no-such-resource\S* HTTP\/1\.1/)
  t.match(output, / {2}received \(connection: \w+\)\n +HTTP\/1\.1 404 Not Found/)
  t.match(output, /at .*fixtures\/test-runners\/suite\.ts:\d+/, 'shows where the suite calls the kit')
})

t.test('fails the test in vitest, with the violations that the probes found', async t => {
  const { code, output } = await runNode(['node_modules/vitest/vitest.mjs', 'run', '--dir=test/e2e/fixtures/test-runners', '--reporter=verbose'])
  t.equal(code, 1)
  t.match(output, /✓ .*a service with the plugin/)
  t.match(output, /idempotency-1-failure was skipped: No request is known/)
  t.match(output, /× .*a service without the plugin/)
  t.match(output, /AssertionError: \d+ of 26 probes found violations of the contract\n\ntext-no-resource: GET of an unknown path \(docs\/contract\.md#unsuccessful-responses, RFC 9110 section 15\.5\.5\)\n +no-body in response 1: a body of \d+ bytes\. An unsuccessful response has no body/)
  t.match(output, / {2}sent\n +GET \/no-such-resource\S* HTTP\/1\.1/)
  t.match(output, /\ntext-emoji: no-body, content-length/)
  t.match(output, /suite\.ts:\d+:\d+/, 'shows where the suite calls the kit')
})
