import fc from 'fast-check'
import * as library from 'structured-headers'
import t from 'tap'
import { v7 } from 'uuid'
import { checkKey, getKeyTime, InvalidKey, parseKey } from '../../../lib/idempotency/key.js'

const MALFORMED = 'The Idempotency-Key must be printable ASCII without quotes and commas, or a quoted string'
const EMPTY = 'The Idempotency-Key must not be empty'
const LONG = 'The Idempotency-Key must have at most 255 characters'
const SEVERAL = 'The request must have one Idempotency-Key, not several'

const printable = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 255 })

/** Parses a key; returns undefined if it is not valid. */
function parse (line: string): string | undefined {
  try {
    return parseKey([line])
  } catch (error) {
    if (!(error instanceof InvalidKey)) throw error
    return undefined
  }
}

t.test('returns a quoted or a bare key', async t => {
  const long = 'x'.repeat(255)
  const cases: Array<[line: string, key: string]> = [
    ['a', 'a'], ['"a"', 'a'], ['A', 'A'], ['8e03978e-40d5-43e8-bc93-6894a57f9324', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
    ['a b', 'a b'], ['"a b"', 'a b'], ['" "', ' '], ['"a,b"', 'a,b'], ['"a;b=c"', 'a;b=c'], ['a;b=c', 'a;b=c'],
    ['"\\""', '"'], ['"\\\\"', '\\'], ['"a\\"b\\\\c"', 'a"b\\c'], ['"\\\\\\""', '\\"'], ['a\\b', 'a\\b'], ['\\', '\\'],
    ["'a'", "'a'"], ['!~', '!~'], ['?1', '?1'], ['1.0', '1.0'], [':AQ==:', ':AQ==:'],
    [long, long], [`"${long}"`, long], [`"${'\\\\'.repeat(255)}"`, '\\'.repeat(255)]
  ]
  for (const [line, key] of cases) t.equal(parseKey([line]), key, line)
})

t.test('throws an InvalidKey that says what is wrong', async t => {
  const cases: Array<[lines: string[], message: string]> = [
    [['a', 'b'], SEVERAL], [['a', 'a'], SEVERAL], [['', 'a'], SEVERAL], [['"a"', 'a', 'b'], SEVERAL],
    [[''], EMPTY], [['""'], EMPTY],
    [['x'.repeat(256)], LONG], [[`"${'x'.repeat(256)}"`], LONG], [[`"${'\\\\'.repeat(256)}"`], LONG],
    ...[
      'a,b', 'a, b', ',', '"', 'a"', 'a"b', '"a', '"a"b', '"a""b"', '"a", "b"', '"a";b', '"a";b=1', '"a" ', '"\\', '"\\"', '"\\a"', '"a\\',
      'é', '"é"', 'a\tb', '"a\tb"', '\0', '\x7f', '"\x7f"', 'ключ', '\u00a0', 'a\nb', 'a\n', '"a"\n'
    ].map((line): [string[], string] => [[line], MALFORMED])
  ]
  for (const [lines, message] of cases) {
    t.throws(() => parseKey(lines), new InvalidKey(message), JSON.stringify(lines))
  }
  t.match(new InvalidKey(EMPTY), { statusCode: 400, message: EMPTY })
})

t.test('parses a quoted key as structured-headers does', async () => {
  fc.assert(fc.property(printable, key => parse(library.serializeItem(key)) === key))

  const text = fc.string({ unit: fc.constantFrom('"', '\\', 'a', ' ', ',', ';', '=', '1', '~', '\t', '\x7f', 'é'), maxLength: 8 })
  const expected = (line: string): string | undefined => {
    try {
      const [value, parameters] = library.parseItem(line)
      return parameters.size === 0 && value !== '' ? value as string : undefined
    } catch (error) {
      if (!(error instanceof library.ParseError)) throw error
      return undefined
    }
  }
  fc.assert(fc.property(text, text => {
    // The library skips spaces at the end of a field, and HTTP parsers remove them.
    const line = `"${text}`.trimEnd()
    return parse(line) === expected(line)
  }), { numRuns: 2000 })
})

t.test('returns a bare key as it is, unless it has a quote or a comma', async () => {
  fc.assert(fc.property(printable.filter(key => !key.startsWith('"')), key => parse(key) === (/[",]/.test(key) ? undefined : key)))
})

t.test('takes linear time for a long field', async t => {
  // With quadratic time, each of these would take seconds.
  for (const line of [`"${'\\"'.repeat(100_000)}`, `"${'a'.repeat(200_000)}`, `${'a'.repeat(200_000)}"`]) t.equal(parse(line), undefined)
})

t.test('checkKey() accepts each key that a field can have', async () => {
  fc.assert(fc.property(printable, key => checkKey(key) === undefined && parseKey([`"${key.replace(/["\\]/g, '\\$&')}"`]) === key))
})

t.test('checkKey() refuses a key that no field can have', async t => {
  const cases: Array<[key: string, message: string]> = [
    ['', EMPTY], ['a'.repeat(256), LONG],
    ...['é', 'a\n', '\n', 'a\u007f', '\u0000', '\u{1f600}'].map((key): [string, string] => [key, 'The idempotency key must be printable ASCII'])
  ]
  for (const [key, message] of cases) t.throws(() => checkKey(key), new InvalidKey(message), JSON.stringify(key))
})

t.test('getKeyTime() returns the time of a UUID of version 7', async t => {
  t.equal(getKeyTime('017F22E2-79B0-7CC3-98C4-DC0C0C07398F'), 1645557742000, 'the example of RFC 9562')
  t.equal(getKeyTime('00000000-0000-7000-8000-000000000000'), 0)
  t.equal(getKeyTime('ffffffff-ffff-7fff-bfff-ffffffffffff'), 2 ** 48 - 1)
  fc.assert(fc.property(fc.maxSafeNat().map(time => time % 2 ** 48), msecs => getKeyTime(v7({ msecs })) === msecs))
})

t.test('getKeyTime() returns undefined for other keys', async t => {
  for (const key of [
    'a', '', '017F22E2-79B0-4CC3-98C4-DC0C0C07398F', '017F22E2-79B0-7CC3-18C4-DC0C0C07398F', '017F22E2-79B0-7CC3-C8C4-DC0C0C07398F', '017F22E279B07CC398C4DC0C0C07398F',
    '{017F22E2-79B0-7CC3-98C4-DC0C0C07398F}', ' 017F22E2-79B0-7CC3-98C4-DC0C0C07398F', '017F22E2-79B0-7CC3-98C4-DC0C0C07398F0', '017G22E2-79B0-7CC3-98C4-DC0C0C07398F'
  ]) t.equal(getKeyTime(key), undefined, key)
})
