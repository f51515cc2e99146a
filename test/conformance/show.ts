import t from 'tap'
import { printable } from '../../conformance/show.js'

t.test('Every byte can be told', async t => {
  t.equal(printable(Buffer.from('a\t~\\\r\n\0\x7f\xff', 'latin1')), 'a\\t~\\\\\\r\\n\n\\x00\\x7f\\xff')
})

t.test('What is too long is cut, and says so', async t => {
  t.equal(printable(Buffer.from('abc'), 3), 'abc')
  t.equal(printable(Buffer.from('abcd'), 3), 'abc… (4 bytes)')
})
