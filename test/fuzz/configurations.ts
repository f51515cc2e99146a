import t from 'tap'
import { findsNothing } from './fixtures/run.js'

t.test('any configuration that registers keeps the contract', async t => {
  await findsNothing(t, 'configurations', 200, /^configurations: \d+ kept the contract in \d{3,} answers/m)
})
