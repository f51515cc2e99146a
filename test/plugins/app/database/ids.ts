import t from 'tap'
import { createId, normalizeId } from '../../../../plugins/app/database/ids.js'

t.test('createId() returns the prefix and the lower-case digits of a UUIDv7, in the order of creation', async t => {
  const ids = Array.from({ length: 100 }, () => createId('EBM'))
  for (const id of ids) t.match(id, /^EBM-[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$/)
  t.strictSame(ids.toSorted(), ids)
  t.equal(new Set(ids).size, 100)
})

t.test('normalizeId() returns the digits in lower case, and leaves the prefix as it is', async t => {
  t.equal(normalizeId(`EBT-${'aF'.repeat(16)}`), `EBT-${'af'.repeat(16)}`)
})
