import t from 'tap'
import type { HttpResponse } from '../../conformance/exchange/response.js'
import { checkResponse, rules } from '../../conformance/rules.js'
import { Contract } from '../../lib/contract.js'

const ok: HttpResponse = { version: '1.1', method: 'GET', statusCode: 200, phrase: 'OK', fields: [], trailers: [], body: new Uint8Array(1), interim: [] }
const notFound: HttpResponse = { ...ok, statusCode: 404, phrase: 'No topic', fields: [['Content-Length', '0'], ['EB-REASON-PHRASE', 'No topic']], body: new Uint8Array() }
const ids = (response: HttpResponse, contract = new Contract()) => checkResponse(response, contract).map(({ rule }) => rule.id)

t.test('has unique ids, and a sentence and a source for each rule', async t => {
  t.equal(new Set(rules.map(({ id }) => id)).size, rules.length)
  for (const { text, source } of rules) t.match([text, source], [/^[A-Z].*[^.]$/, /^(?:docs\/(?:contract|idempotency)\.md#[a-z-]+|RFC \d{4}|draft-ietf-httpapi-idempotency-key-header-07 section [\d.]+)/])
})

t.test('finds no violation in a response that keeps the contract', async t => {
  t.strictSame(ids(ok), [])
  t.strictSame(ids(notFound), [])
  t.strictSame(ids({ ...notFound, version: '2', phrase: undefined, fields: [['eb-reason-phrase', 'No topic']] }), [])
})

t.test('checks all rules for an unsuccessful response', async t => {
  t.strictSame(ids({ ...notFound, body: new Uint8Array(1), fields: [] }), ['no-body', 'content-length', 'header'])
  t.strictSame(ids({ ...notFound, statusCode: 401 }), ['challenge'])
  t.match(checkResponse({ ...notFound, phrase: 'Not Found' }, new Contract()), [{ rule: { id: 'phrase-matches-header' }, found: '"Not Found" and "No topic"' }])
})

t.test('checks the header that the contract names', async t => {
  t.strictSame(ids({ ...ok, fields: [['X-Reason', 'a']] }, new Contract({ header: 'X-Reason' })), ['success-without-header'])
})

t.test('checks 1xx responses first', async t => {
  t.strictSame(ids({ ...notFound, phrase: '', interim: [{ ...ok, statusCode: 103, fields: [['EB-REASON-PHRASE', 'a']] }] }), ['success-without-header', 'phrase'])
})
