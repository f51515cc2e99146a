import t from 'tap'
import { formatViolation } from '../../conformance/report.js'

const rule = { id: 'rule', text: 'It is so', source: 'RFC 9110' }

t.test('formatViolation() returns one line', async t => {
  t.equal(formatViolation({ rule, found: 'not so' }), 'rule: not so. It is so (RFC 9110).')
  t.equal(formatViolation({ rule, found: 'not so', responseIndex: 1 }), 'rule in response 2: not so. It is so (RFC 9110).')
})
