import t from 'tap'
import { oneLine } from '../../lib/one-line.js'

t.test('escapes what would begin a line, or control a terminal', async t => {
  t.equal(oneLine('a\u202e\u2066b\u200f'), 'a\\u202e\\u2066b\\u200f')
  t.equal(oneLine('a\r\nb\tc\u001b[2J\0\u007f\u0085\u009b\u2028\u2029'), 'a\\r\\nb\\tc\\u001b[2J\\u0000\\u007f\\u0085\\u009b\\u2028\\u2029')
})

t.test('leaves any other text as it is', async t => {
  for (const text of ['', 'a "b" \\n', 'ü🚌', '\ud83d']) t.equal(oneLine(text), text)
})
