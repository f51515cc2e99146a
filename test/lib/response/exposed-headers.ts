import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { Contract } from '../../../lib/contract.js'
import { exposeHeaders, hasExposedHeaders } from '../../../lib/response/exposed-headers.js'

type Headers = Record<string, string | string[]>

const contract = new Contract({ requestId: true })
const REASON = { 'EB-REASON-PHRASE': 'No' }
const ALLOWED = { 'access-control-allow-origin': '*' }

function createResponse (headers: Headers): ServerResponse {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  return response
}

/** Returns the list in Access-Control-Expose-Headers, for the headers of a response and those that are sent in addition. */
function exposed (set: Headers, given: Headers): unknown {
  const headers = { ...given }
  const response = createResponse(set)
  exposeHeaders(response, headers, contract)
  return headers['access-control-expose-headers'] ?? headers['Access-Control-Expose-Headers'] ?? response.getHeader('access-control-expose-headers')
}

t.test('exposeHeaders adds the reason to Access-Control-Expose-Headers once', async t => {
  const list = 'access-control-expose-headers'
  t.equal(exposed(ALLOWED, REASON), 'EB-REASON-PHRASE')
  t.equal(exposed({ ...ALLOWED, [list]: 'a, B' }, REASON), 'a, B, EB-REASON-PHRASE')
  t.equal(exposed({ ...ALLOWED, [list]: ['a', 'b'] }, REASON), 'a, b, EB-REASON-PHRASE')
  t.equal(exposed(ALLOWED, { ...REASON, 'Access-Control-Expose-Headers': 'a' }), 'a, EB-REASON-PHRASE')
  t.equal(exposed({ ...ALLOWED, [list]: 'a,eb-reason-phrase' }, REASON), 'a,eb-reason-phrase', 'does not add a header twice')
  t.equal(exposed({ ...ALLOWED, [list]: '*' }, REASON), '*, EB-REASON-PHRASE')
})

t.test('exposeHeaders adds the headers that the response has, and no others', async t => {
  t.equal(exposed(ALLOWED, { ...REASON, 'X-Request-Id': 'req-1' }), 'EB-REASON-PHRASE, x-request-id')
  t.equal(exposed({ ...ALLOWED, 'retry-after': '1' }, REASON), 'EB-REASON-PHRASE, Retry-After')
  t.equal(exposed({}, { 'Access-Control-Allow-Origin': '*', Location: '/a', 'idempotent-replayed': 'true', 'Idempotency-Status': 'succeeded' }), 'Location, Idempotent-Replayed, Idempotency-Status')
})

t.test('exposeHeaders adds no empty list', async t => {
  t.equal(exposed(ALLOWED, {}), undefined)
  t.equal(exposed({ ...ALLOWED, 'access-control-expose-headers': 'a' }, {}), 'a')
})

t.test('exposeHeaders adds nothing without Access-Control-Allow-Origin', async t => {
  t.equal(exposed({ location: '/a' }, REASON), undefined)
})

t.test('hasExposedHeaders finds the headers of a success in any form', async t => {
  const has = (set: Headers, given: unknown) => hasExposedHeaders(createResponse(set), given as Headers | undefined, contract)
  for (const [set, given] of [
    [{ ...ALLOWED, location: '/a' }, undefined],
    [ALLOWED, { Location: '/a' }],
    [{ 'x-request-id': 'a' }, ALLOWED],
    [{}, { ...ALLOWED, location: '/a' }],
    [{}, ['Access-Control-Allow-Origin', '*', 'Location', '/a']],
    [{}, [['Access-Control-Allow-Origin', '*'], ['Location', '/a']]]
  ] as const) t.equal(has(set, given), true)
  for (const [set, given] of [
    [{}, undefined],
    [ALLOWED, undefined],
    [ALLOWED, { vary: 'origin' }],
    [{ location: '/a' }, { location: '/a' }],
    [{}, ['Location', '/a']]
  ] as const) t.equal(has(set, given), false)
})
