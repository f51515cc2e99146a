import t from 'tap'
import { assertFuzzerPasses } from './fixtures/assert-fuzzer-passes.js'

t.test('keeps the contract for malformed and mutated requests, and still responds afterwards', async t => {
  await assertFuzzerPasses(t, 'requests', 1000, /^requests: 1000 inputs kept the contract, and the service still responds/m)
})
