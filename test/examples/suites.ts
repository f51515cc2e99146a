import t from 'tap'
import { runNode, TYPESCRIPT } from '../fixtures/node-process.js'

// Test runners start slowly, and the kit sends about 200 requests.
t.setTimeout(300_000)

t.test('examples/tests-tap passes', async t => {
  const { code, output } = await runNode([TYPESCRIPT, 'examples/tests-tap/contract.test.js'])
  t.equal(code, 0)
  if (code !== 0) t.comment(output)
  t.match(output, /^ {4}ok \d+ - routes-post-topic #/m, 'runs the probes of the routes')
  t.match(output, /^ok 2 - refuses a name that is taken/m)
})

t.test('examples/tests-node passes', async t => {
  const { code, output } = await runNode([TYPESCRIPT, '--test', '--test-reporter=spec', 'examples/tests-node/contract.test.js'])
  t.equal(code, 0)
  if (code !== 0) t.comment(output)
  t.match(output, /✔ routes-post-topic /, 'runs the probes of the routes')
  t.match(output, /✔ refuses a name that is taken/)
})

t.test('examples/tests-vitest passes', async t => {
  const { code, output } = await runNode(['node_modules/vitest/vitest.mjs', 'run', '--dir=examples/tests-vitest', '--config=test/examples/fixtures/vitest.config.js', '--reporter=verbose'])
  t.equal(code, 0)
  if (code !== 0) t.comment(output)
  t.match(output, /✓ .* keeps the contract/)
  t.match(output, /✓ .* refuses a name that is taken/)
  t.notMatch(output, /No probes for the routes/)
})
