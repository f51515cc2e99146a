import t from 'tap'
import { lineOf } from '../../conformance/report.js'

const rule = { id: 'rule', text: 'It is so', source: 'RFC 9110' }

t.test('A violation in a line', async t => {
  t.equal(lineOf({ rule, found: 'not so' }), 'rule: not so. It is so (RFC 9110).')
  t.equal(lineOf({ rule, found: 'not so', answer: 1 }), 'rule in answer 2: not so. It is so (RFC 9110).')
})
