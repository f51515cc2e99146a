import t from 'tap'
import { findsNothing } from './fixtures/run.js'

t.test('whatever bytes are sent, each error keeps the contract, and the service goes on', async t => {
  await findsNothing(t, 'requests', 1000, /^requests: 1000 inputs kept the contract, and the service goes on/m)
})
