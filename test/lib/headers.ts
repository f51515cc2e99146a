import t from 'tap'
import { Contract } from '../../lib/contract.js'
import { hasMessageHeader, validateHeader, normalizeHeaders, isValidHeader, findHeaderName, toHeaderName } from '../../lib/headers.js'

const contract = new Contract()
const HEADER = 'EB-REASON-PHRASE'

t.test('toHeaderName returns the name as it is sent, and in lower case', async t => {
  t.strictSame(toHeaderName(HEADER), { header: HEADER, field: 'eb-reason-phrase' })
})

t.test("normalizeHeaders returns the headers as an object, with the spelling of the contract's header", async t => {
  t.strictSame(normalizeHeaders(undefined, contract), {})
  t.strictSame(normalizeHeaders({ 'X-A': '1', 'eb-Reason-phrase': 'no' }, contract), { 'X-A': '1', [HEADER]: 'no' })
  t.strictSame(normalizeHeaders(['X-A', '1', 'x-a', '2', 'X-A', ['3']], contract), { 'x-a': ['1', '2', '3'] })
  t.strictSame(normalizeHeaders([['X-A', '1'], ['EB-REASON-PHRASE', 'no']], contract), { 'x-a': '1', [HEADER]: 'no' })
  const leaveOut = (field: string) => field === 'x-a'
  t.strictSame(normalizeHeaders({ 'X-A': '1', b: '2' }, contract, leaveOut), { b: '2' })
  t.strictSame(normalizeHeaders(['X-A', '1', 'b', '2'], contract, leaveOut), { b: '2' })
  const given = { a: '1' }
  t.not(normalizeHeaders(given, contract), given, 'does not change its argument')
})

t.test("hasMessageHeader finds the contract's header in any form of headers", async t => {
  for (const headers of [{ 'eb-reason-phrase': 'no' }, { [HEADER]: 'no' }, ['Eb-Reason-Phrase', 'no'], [['EB-REASON-PHRASE', 'no']]]) {
    t.equal(hasMessageHeader(headers as never, contract), true)
  }
  for (const headers of [{}, { a: '1' }, [], ['a', HEADER]]) t.equal(hasMessageHeader(headers, contract), false)
})

t.test('findHeaderName returns a header name as it is spelled', async t => {
  t.equal(findHeaderName({ a: '1', 'Content-Type': 'a/b' }, 'content-type'), 'Content-Type')
  t.equal(findHeaderName({ a: '1' }, 'content-type'), undefined)
})

t.test('isValidHeader and validateHeader reject headers that HTTP/1.1 cannot send', async t => {
  for (const [name, value] of [['x y', '1'], ['', '1'], ['x', 'a\r\nb'], ['x', 'a\0'], ['x', '日本'], ['x', ['1', 'a\nb']], ['x', undefined]] as const) {
    t.equal(isValidHeader(name, value), false, `${name}: ${String(value)}`)
    t.throws(() => { validateHeader(name, value) }, { code: /^ERR_(?:HTTP_INVALID_HEADER_VALUE|INVALID_CHAR|INVALID_HTTP_TOKEN)$/ })
  }
  for (const value of ['1', 1, '', 'caf\xe9', ['1', '2'], []]) t.equal(isValidHeader('x', value), true)
})
