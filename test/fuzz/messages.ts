import t from 'tap'
import { assertFuzzerPasses } from './fixtures/assert-fuzzer-passes.js'

t.test('any value at any entry point becomes a response that keeps the contract', async t => {
  await assertFuzzerPasses(t, 'messages', 1000, /^messages: 1000 runs kept the contract/m)
})
