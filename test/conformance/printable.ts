import t from 'tap'
import { toPrintable } from '../../conformance/printable.js'

t.test('escapes all bytes that are not printable', async t => {
  t.equal(toPrintable(Buffer.from('a\t~\\\r\n\0\x7f\xff', 'latin1')), 'a\\t~\\\\\\r\\n\n\\x00\\x7f\\xff')
})

t.test('truncates long bytes, and adds their length', async t => {
  t.equal(toPrintable(Buffer.from('abc'), 3), 'abc')
  t.equal(toPrintable(Buffer.from('abcd'), 3), 'abc… (4 bytes)')
})
