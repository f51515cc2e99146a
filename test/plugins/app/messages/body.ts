import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { decodeBase64, encodeJson, findJsonLoss, stringifyJson } from '../../../../plugins/app/messages/body.js'
import { MAX_BODY_DEPTH } from '../../../../schemas/message-body.js'

/** Returns a value within this many arrays, or objects. */
const nested = (depth: number, open = '[', close = ']'): unknown => JSON.parse(open.repeat(depth) + (open === '[' ? '' : '0') + close.repeat(depth))

t.test('encodeJson() returns a text that parses to the same value', async t => {
  fc.assert(fc.property(fc.jsonValue(), value => {
    const text = encodeJson(value)!.toString()
    t.ok(isDeepStrictEqual(JSON.parse(text), value), text)
    t.equal(findJsonLoss(text, value), undefined, text)
    t.equal(stringifyJson(JSON.parse(text)), text)
  }), { numRuns: 200 })
  for (const value of [null, false, 0, '', 'a\0b', '\ud83d', { '\udc00': '\u2028' }, [], {}, 1.5e300, 'ü🚌']) {
    t.strictSame(JSON.parse(encodeJson(value)!.toString()), value)
  }
})

t.test('keeps the sign of -0 at any depth', async t => {
  for (const text of ['-0', '[-0,0]', '{"a":{"b":[-0,"-0"]},"ü":1}']) {
    t.equal(stringifyJson(JSON.parse(text)), text)
    t.equal(encodeJson(JSON.parse(text))!.toString(), text)
    t.equal(findJsonLoss(text, JSON.parse(text)), undefined)
  }
  t.equal(stringifyJson(JSON.parse('[-0.0, 0, -1e-0, -0e5]')), '[-0,0,-1,-0]')
})

t.test('findJsonLoss() reports a number that a double changes, and members with the same name', async t => {
  const loss = (text: string) => findJsonLoss(text, JSON.parse(text))
  for (const number of [
    '0', '-0', '0.0', '0e5', '-1', '1.50', '1e3', '1E+3', '1000000e-6', '0.1', '9007199254740992', '9007199254740991', '1e21', '1000000000000000000000',
    '1.7976931348623157e308', '5e-324', '2.2250738585072014E-308', '0.30000000000000004', '0.10000000000000001', '3.1415926535897931', '100e-2',
    '9007199254740992.0', '9.007199254740994E15', '1.2345678901234567e30', '12345678901234567e14', '1e23', '9.9999999999999992e22',
    `1${'0'.repeat(300)}`
  ]) {
    t.equal(loss(number), undefined, number)
  }
  for (const number of [
    '9007199254740993', '-9007199254740993', '12345678901234567890', '0.1000000000000000055', '1e-400', '123456789.12345678901234',
    '9007199254740993.0', '9.007199254740993e15', '9007199254740993E+0', '-90071992547409930e-1', '12345678901234565.0e0', `1${'0'.repeat(299)}1`
  ]) {
    const shown = number.length > 40 ? `${number.slice(0, 40)}...` : number
    t.equal(loss(number), `has the number ${shown}, which a double (IEEE 754) would change`)
    t.match(loss(`{ "a\\"1:" : [ "x", { "b" : ${number} } ] }`), `has the number ${shown}`)
    t.equal(loss(JSON.stringify([number, { [number]: `"${number}` }])), undefined, 'ignores numbers in a string')
  }
  t.match(loss(`0.${'0'.repeat(2000)}`), 'has the number 0.000')
  for (const text of ['{"a":1,"a":1}', '[{"a":{"b":1,"c":2,"b":1}}]', '{"\\u0061":1,"a":1}', '{"":0,"":0}']) {
    t.equal(loss(text), 'has an object with two members of the same name', text)
  }
  for (const text of ['{"a":{"a":1},"b":[{"a":":"}]}', '":"', '{"a:":":,\\":"}', '[]', 'true']) t.equal(loss(text), undefined, text)
})

t.test('encodeJson() returns undefined for infinite numbers and for more than MAX_BODY_DEPTH levels', async t => {
  for (const text of ['1e999', '-1e999', '[[1e999]]', '{"a":{"b":[0,-1e999]}}']) t.equal(encodeJson(JSON.parse(text)), undefined, text)
  t.ok(encodeJson(nested(MAX_BODY_DEPTH)))
  t.ok(encodeJson(nested(MAX_BODY_DEPTH, '{"a":', '}')))
  for (const depth of [MAX_BODY_DEPTH + 1, 100_000]) {
    t.equal(encodeJson(nested(depth)), undefined)
    t.equal(encodeJson(nested(depth, '{"a":', '}')), undefined)
  }
})

t.test('decodeBase64() returns the bytes of a padded base64 text', async t => {
  fc.assert(fc.property(fc.uint8Array(), bytes => {
    t.ok(decodeBase64(Buffer.from(bytes).toString('base64'))!.equals(bytes))
  }))
  t.equal(decodeBase64('')!.length, 0)
})

t.test('decodeBase64() returns undefined for any other value', async t => {
  for (const value of ['a', 'aGVsbG8', 'aGVsbG8=\n', ' aGVsbG8=', 'aGV sbG8=', 'aGVsbG9=', '__8=', 'aGVsbG8==', 'ü', '=', 1, null, {}, []]) {
    t.equal(decodeBase64(value), undefined, JSON.stringify(value))
  }
})
