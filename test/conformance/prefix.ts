import t from 'tap'
import { Prefix } from '../../conformance/prefix.js'

t.test('A prefix keeps the first bytes, and counts all', async t => {
  for (const size of [1, 2, 3, 5, 100]) {
    const prefix = new Prefix(7)
    const bytes = Buffer.from('0123456789')
    for (let at = 0; at < bytes.length; at += size) prefix.push(bytes.subarray(at, at + size))
    t.equal(Buffer.from(prefix.bytes()).toString(), '0123456', `${size} bytes at a time`)
    t.equal(prefix.length, 10)
  }
  t.equal(new Prefix(7).bytes().length, 0)
})

t.test('A prefix does not change with the pieces', async t => {
  const piece = Buffer.from('a')
  const prefix = new Prefix(7)
  prefix.push(piece)
  piece[0] = 0
  t.equal(Buffer.from(prefix.bytes()).toString(), 'a')
})
