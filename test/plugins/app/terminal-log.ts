import t from 'tap'
import { escapeJsonControls } from '../../../plugins/app/terminal-log.js'

t.test('escapes the control characters of a JSON line', async t => {
  const controls = '\r\t\b\u001b[2J\0\u007f\u0085\u009b\u2028\u2029\ud83d'
  t.strictSame(JSON.parse(escapeJsonControls(JSON.stringify({ [controls]: [controls] }) + '\n')), {
    '\\r\\t\\b\\u001b[2J\\u0000\\u007f\\u0085\\u009b\\u2028\\u2029\\ud83d': ['\\r\\t\\b\\u001b[2J\\u0000\\u007f\\u0085\\u009b\\u2028\\u2029\\ud83d']
  })
})

t.test('does not change line ends and other text of a JSON line', async t => {
  for (const text of ['', 'a\nb', 'a "b" \\n \\\\r \\', 'ü🚌']) t.equal(JSON.parse(escapeJsonControls(JSON.stringify(text))), text)
})
