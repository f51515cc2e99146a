import t from 'tap'
import { findsNothing } from './fixtures/run.js'

t.test('any value, by each way in, is a conforming response', async t => {
  await findsNothing(t, 'messages', 1000, /^messages: 1000 runs kept the contract/m)
})
