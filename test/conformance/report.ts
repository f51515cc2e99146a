import t from 'tap'
import { formatViolation } from '../../conformance/report.js'
import { UNTESTED_RULE } from '../../conformance/untested.js'

const rule = { id: 'rule', text: 'It is so', source: 'RFC 9110' }

t.test('formatViolation() returns one line', async t => {
  t.equal(formatViolation({ rule, found: 'not so' }), 'rule: not so. It is so (RFC 9110).')
  t.equal(formatViolation({ rule, found: 'not so', responseIndex: 1 }), 'rule in response 2: not so. It is so (RFC 9110).')
})

t.test('formatViolation() says what could not be tested', async t => {
  t.equal(formatViolation({ rule: UNTESTED_RULE, found: 'GET / was answered 401 No', responseIndex: 1 }), 'could not be tested: GET / was answered 401 No. A declared request must be answered as declared, or it tests nothing.')
})
