import t from 'tap'
import { RecentIds } from '../../../lib/idempotency/recent-ids.js'

t.test('keeps the ids that were added most recently', async t => {
  const ids = new RecentIds(2)
  const [a, b, c] = ['a', 'b', 'c'].map(text => Buffer.from(text)) as [Buffer, Buffer, Buffer]
  for (const id of [a, b, b]) ids.add(id)
  t.strictSame([a, b, c].map(id => ids.has(id)), [true, true, false])
  ids.add(c)
  t.strictSame([a, b, c].map(id => ids.has(id)), [false, true, true])
  t.ok(ids.has(Buffer.from('c')))
})
