import t from 'tap'
import { oneLine, visible } from '../../lib/one-line.js'

t.test('escapes line breaks and control characters', async t => {
  t.equal(oneLine('a\u202e\u2066b\u200f'), 'a\\u202e\\u2066b\\u200f')
  t.equal(oneLine('a\r\nb\tc\u001b[2J\0\u007f\u0085\u009b\u2028\u2029'), 'a\\r\\nb\\tc\\u001b[2J\\u0000\\u007f\\u0085\\u009b\\u2028\\u2029')
})

t.test('leaves any other text as it is', async t => {
  for (const text of ['', 'a "b" \\n', 'ü🚌', '\ud83d']) t.equal(oneLine(text), text)
})

t.test('shows the control characters of JSON as escapes', async t => {
  const controls = '\r\t\b\u001b[2J\0\u007f\u0085\u009b\u2028\u2029\ud83d'
  t.strictSame(JSON.parse(visible(JSON.stringify({ [controls]: [controls] }) + '\n')), {
    '\\r\\t\\b\\u001b[2J\\u0000\\u007f\\u0085\\u009b\\u2028\\u2029\\ud83d': ['\\r\\t\\b\\u001b[2J\\u0000\\u007f\\u0085\\u009b\\u2028\\u2029\\ud83d']
  })
})

t.test('leaves line ends of JSON, and any other text, as they are', async t => {
  for (const text of ['', 'a\nb', 'a "b" \\n \\\\r \\', 'ü🚌']) t.equal(JSON.parse(visible(JSON.stringify(text))), text)
})
