import t from 'tap'
import { assertFuzzerPasses } from './fixtures/assert-fuzzer-passes.js'

t.test('sends a response that keeps the contract for any value at any entry point', async t => {
  await assertFuzzerPasses(t, 'messages', 1000, /^messages: 1000 runs kept the contract/m)
})
