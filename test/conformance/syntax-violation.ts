import t from 'tap'
import { ResponseSyntaxError } from '../../conformance/exchange/response-reader.js'
import type { HttpResponse } from '../../conformance/exchange/response.js'
import { toSyntaxViolation } from '../../conformance/syntax-violation.js'

const response = (method: string, statusCode: number) => ({ method, statusCode }) as HttpResponse
const malformed = new ResponseSyntaxError('malformed', Buffer.from('x\n'), false)

t.test('reports malformed bytes that are not preceded by a response', async t => {
  t.match(toSyntaxViolation(malformed, undefined), { rule: { id: 'syntax' }, found: 'malformed: x\\n\n' })
})

t.test('reports truncated bytes as a syntax error', async t => {
  t.match(toSyntaxViolation(new ResponseSyntaxError('truncated', Buffer.from('HTTP'), true), response('GET', 404)), { rule: { id: 'syntax' }, found: 'truncated: HTTP' })
})

t.test('reports bytes after a response that must not have a body as its body', async t => {
  for (const before of [response('GET', 404), response('HEAD', 200)]) t.match(toSyntaxViolation(malformed, before), { rule: { id: 'no-body' }, found: 'bytes after the response: x\\n\n' })
})

t.test('reports bytes after any other response as a second response', async t => {
  t.match(toSyntaxViolation(malformed, response('GET', 200)), { rule: { id: 'one-answer' } })
})

t.test('shows at most 200 bytes', async t => {
  t.match(toSyntaxViolation(new ResponseSyntaxError('malformed', Buffer.alloc(1000, 'x'), false), undefined), { found: `malformed: ${'x'.repeat(200)}… (1000 bytes)` })
})
