import t from 'tap'
import { assertFuzzerPasses } from './fixtures/assert-fuzzer-passes.js'

t.test('under load, with clients that go away at every stage, nothing leaks and nothing hangs', async t => {
  await assertFuzzerPasses(t, 'soak', 6, /^soak: \d+ conversations with \d+ answers kept the contract, and the service goes on/m)
})
