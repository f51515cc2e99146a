import t from 'tap'
import { assertFuzzerPasses } from './fixtures/assert-fuzzer-passes.js'

t.test('every configuration keeps the contract, or is rejected with a message', async t => {
  await assertFuzzerPasses(t, 'configurations', 200, /^configurations: \d+ kept the contract in \d{3,} answers/m)
})
