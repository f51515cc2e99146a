import t from 'tap'
import { escapeControls } from '../../lib/control-characters.js'

t.test('escapes line breaks and characters that control a terminal', async t => {
  t.equal(escapeControls('a\u202e\u2066b\u200f'), 'a\\u202e\\u2066b\\u200f')
  t.equal(escapeControls('a\r\nb\tc\u001b[2J\0\u007f\u0085\u009b\u2028\u2029'), 'a\\r\\nb\\tc\\u001b[2J\\u0000\\u007f\\u0085\\u009b\\u2028\\u2029')
})

t.test('does not change other text', async t => {
  for (const text of ['', 'a "b" \\n', 'ü🚌', '\ud83d']) t.equal(escapeControls(text), text)
})
