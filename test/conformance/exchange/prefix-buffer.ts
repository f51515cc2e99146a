import t from 'tap'
import { PrefixBuffer } from '../../../conformance/exchange/prefix-buffer.js'

t.test('keeps the first bytes, and counts all bytes', async t => {
  for (const size of [1, 2, 3, 5, 100]) {
    const buffer = new PrefixBuffer(7)
    const bytes = Buffer.from('0123456789')
    for (let at = 0; at < bytes.length; at += size) buffer.push(bytes.subarray(at, at + size))
    t.equal(Buffer.from(buffer.bytes()).toString(), '0123456', `${size} bytes at a time`)
    t.equal(buffer.length, 10)
  }
  t.equal(new PrefixBuffer(7).bytes().length, 0)
})

t.test('copies the chunks', async t => {
  const chunk = Buffer.from('a')
  const buffer = new PrefixBuffer(7)
  buffer.push(chunk)
  chunk[0] = 0
  t.equal(Buffer.from(buffer.bytes()).toString(), 'a')
})
