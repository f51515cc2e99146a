import t from 'tap'
import { assertFuzzerPasses } from './fixtures/assert-fuzzer-passes.js'

t.test('leaks nothing and never hangs under load, with clients that close connections at every stage', async t => {
  await assertFuzzerPasses(t, 'soak', 6, /^soak: \d+ conversations with \d+ answers kept the contract, and the service still responds/m)
})
