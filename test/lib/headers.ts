import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { Contract } from '../../lib/contract.js'
import { carriesReason, checkHeader, collect, expose, isSendable, nameOf } from '../../lib/headers.js'

const contract = new Contract()
const HEADER = 'EB-REASON-PHRASE'

t.test("collect returns the headers as an object, with the spelling of the contract's header", async t => {
  t.strictSame(collect(undefined, contract), {})
  t.strictSame(collect({ 'X-A': '1', 'eb-Reason-phrase': 'no' }, contract), { 'X-A': '1', [HEADER]: 'no' })
  t.strictSame(collect(['X-A', '1', 'x-a', '2', 'X-A', ['3']], contract), { 'x-a': ['1', '2', '3'] })
  t.strictSame(collect([['X-A', '1'], ['EB-REASON-PHRASE', 'no']], contract), { 'x-a': '1', [HEADER]: 'no' })
  const leaveOut = (field: string) => field === 'x-a'
  t.strictSame(collect({ 'X-A': '1', b: '2' }, contract, leaveOut), { b: '2' })
  t.strictSame(collect(['X-A', '1', 'b', '2'], contract, leaveOut), { b: '2' })
  const given = { a: '1' }
  t.not(collect(given, contract), given, 'does not change its argument')
})

t.test("carriesReason finds the contract's header in any form of headers", async t => {
  for (const headers of [{ 'eb-reason-phrase': 'no' }, { [HEADER]: 'no' }, ['Eb-Reason-Phrase', 'no'], [['EB-REASON-PHRASE', 'no']]]) {
    t.equal(carriesReason(headers as never, contract), true)
  }
  for (const headers of [{}, { a: '1' }, [], ['a', HEADER]]) t.equal(carriesReason(headers, contract), false)
})

t.test('nameOf returns a header name as it is spelled', async t => {
  t.equal(nameOf({ a: '1', 'Content-Type': 'a/b' }, 'content-type'), 'Content-Type')
  t.equal(nameOf({ a: '1' }, 'content-type'), undefined)
})

t.test('expose adds the header to Access-Control-Expose-Headers once', async t => {
  const exposed = (set: string | string[] | undefined, headers: Record<string, string | string[]>) => {
    const response = new ServerResponse(new IncomingMessage(new Socket()))
    if (set !== undefined) response.setHeader('access-control-expose-headers', set)
    expose(HEADER, response, headers)
    return headers
  }
  t.strictSame(exposed(undefined, {}), { 'access-control-expose-headers': HEADER })
  t.strictSame(exposed('a, B', {}), { 'access-control-expose-headers': `a, B, ${HEADER}` })
  t.strictSame(exposed(['a', 'b'], {}), { 'access-control-expose-headers': `a, b, ${HEADER}` })
  t.strictSame(exposed(undefined, { 'Access-Control-Expose-Headers': 'a' }), { 'Access-Control-Expose-Headers': `a, ${HEADER}` })
  t.strictSame(exposed('a,eb-reason-phrase', {}), {}, 'does not add a header twice')
  t.strictSame(exposed('*', {}), { 'access-control-expose-headers': `*, ${HEADER}` })
})

t.test('isSendable and checkHeader reject what HTTP/1.1 cannot send', async t => {
  for (const [name, value] of [['x y', '1'], ['', '1'], ['x', 'a\r\nb'], ['x', 'a\0'], ['x', '日本'], ['x', ['1', 'a\nb']], ['x', undefined]] as const) {
    t.equal(isSendable(name, value), false, `${name}: ${String(value)}`)
    t.throws(() => { checkHeader(name, value) }, { code: /^ERR_(?:HTTP_INVALID_HEADER_VALUE|INVALID_CHAR|INVALID_HTTP_TOKEN)$/ })
  }
  for (const value of ['1', 1, '', 'caf\xe9', ['1', '2'], []]) t.equal(isSendable('x', value), true)
})
