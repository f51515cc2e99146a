import fc from 'fast-check'
import t from 'tap'
import { DEPTH_LIMIT, fromBase64, fromJson } from '../../lib/message-body.js'

/** A value that many arrays, or objects, hold. */
const nested = (depth: number, open = '[', close = ']'): unknown => JSON.parse(open.repeat(depth) + (open === '[' ? '' : '0') + close.repeat(depth))

t.test('JSON reads back as the same value', async t => {
  fc.assert(fc.property(fc.jsonValue(), value => {
    // Parsed, as a body is: JSON has no -0.
    const parsed = JSON.parse(JSON.stringify(value))
    t.strictSame(JSON.parse(fromJson(parsed)!.toString()), parsed)
  }), { numRuns: 200 })
  for (const value of [null, false, 0, '', 'a\0b', '\ud83d', { '\udc00': '\u2028' }, [], {}, 1.5e300, 'ü🚌']) {
    t.strictSame(JSON.parse(fromJson(value)!.toString()), value)
  }
})

t.test('JSON that would not is none', async t => {
  for (const text of ['1e999', '-1e999', '[[1e999]]', '{"a":{"b":[0,-1e999]}}']) t.equal(fromJson(JSON.parse(text)), undefined, text)
  t.ok(fromJson(nested(DEPTH_LIMIT)))
  t.ok(fromJson(nested(DEPTH_LIMIT, '{"a":', '}')))
  for (const depth of [DEPTH_LIMIT + 1, 100_000]) {
    t.equal(fromJson(nested(depth)), undefined)
    t.equal(fromJson(nested(depth, '{"a":', '}')), undefined)
  }
})

t.test('Base64 is its bytes', async t => {
  fc.assert(fc.property(fc.uint8Array(), bytes => {
    t.ok(fromBase64(Buffer.from(bytes).toString('base64'))!.equals(bytes))
  }))
  t.equal(fromBase64('')!.length, 0)
})

t.test('What is no base64', async t => {
  for (const value of ['a', 'aGVsbG8', 'aGVsbG8=\n', ' aGVsbG8=', 'aGV sbG8=', 'aGVsbG9=', '__8=', 'aGVsbG8==', 'ü', '=', 1, null, {}, []]) {
    t.equal(fromBase64(value), undefined, JSON.stringify(value))
  }
})
