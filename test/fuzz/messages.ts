import t from 'tap'
import { assertFuzzerPasses } from './fixtures/assert-fuzzer-passes.js'

t.test('any value, by each way in, is a conforming response', async t => {
  await assertFuzzerPasses(t, 'messages', 1000, /^messages: 1000 runs kept the contract/m)
})
