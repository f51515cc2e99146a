import t from 'tap'
import { findsNothing } from './fixtures/run.js'

t.test('under load, with clients that go away at every stage, nothing leaks and nothing hangs', async t => {
  await findsNothing(t, 'soak', 6, /^soak: \d+ conversations with \d+ answers kept the contract, and the service goes on/m)
})
