import fc from 'fast-check'
import * as library from 'structured-headers'
import t from 'tap'
import { parseDictionary, serializeDictionary, serializeMember } from '../../../lib/signature/structured-fields.js'

/** Parses and serializes a dictionary; returns undefined if the text is not a dictionary. */
function reserialize (text: string): string | undefined {
  try {
    return serializeDictionary(parseDictionary(text))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return undefined
  }
}

t.test('parses and serializes dictionaries (RFC 9651 section 4.1)', async t => {
  const cases: Array<[text: string, serialized?: string]> = [
    [''], ['a'], ['a=1'], ['  a=1', 'a=1'], ['a=1  ', 'a=1'], ['a=1\t', 'a=1'], ['a=1 ,\t b=2', 'a=1, b=2'], ['a=1,b=2,a=3', 'a=3, b=2'], ['*a.b_c-d*=1'],
    ['a=?1', 'a'], ['a=?1;b', 'a;b'], ['a=?0'], ['a;b=?1;c=?0', 'a;b;c=?0'], ['a=1;  b=2;b=3;c', 'a=1;b=3;c'], ['a=1;b;c;b=2', 'a=1;b=2;c'],
    ['a=0'], ['a=-0', 'a=0'], ['a=00060', 'a=60'], ['a=-007', 'a=-7'], ['a=999999999999999'], ['a=-999999999999999'],
    ['a=60.0'], ['a=60.00', 'a=60.0'], ['a=60.000', 'a=60.0'], ['a=1.50', 'a=1.5'], ['a=-0.0', 'a=0.0'], ['a=-0.00', 'a=0.0'], ['a=-0.5'], ['a=0.001'], ['a=01.10', 'a=1.1'], ['a=999999999999.999'], ['a=-999999999999.0'], ['a=100000000000.0'],
    ['a=""'], ['a=" !#[]~"'], ['a="\\"\\\\"'], ['a="a\\"b\\\\c"'],
    ['a=tok'], ['a=*'], ['a=a:/!#$%&\'*+-.^_`|~9'],
    ['a=::'], ['a=:AQ==:'], ['a=:AQ:', 'a=:AQ==:'], ['a=:AQI:', 'a=:AQI=:'], ['a=:AR==:', 'a=:AQ==:'], ['a=:+/+/:'],
    ['a=@0'], ['a=@-0', 'a=@0'], ['a=@1659578233'], ['a=@-12'], ['a=@0012', 'a=@12'], ['a=@999999999999999'], ['a=@1;b=@2, c=(@3 @4);d=@5'],
    ['a=%""'], ['a=%"a b"'], ['a=%"%c3%a9"'], ['a=%"%61"', 'a=%"a"'], ['a=%"%25%22%0a%7f%00"'], ['a=%"%ef%bb%bfa"'], ['a=%"%f0%9f%94%91"'],
    ['a=()'], ['a=(  )', 'a=()'], ['a=( 1   2 )', 'a=(1 2)'], ['a=(1.0;b=2.0 "x";c);d=3.0'], ['a=(?1 ?0;a=?1)', 'a=(?1 ?0;a)'], ['a=(tok :AQ==: %"x" @1)']
  ]
  for (const [text, serialized = text] of cases) t.equal(reserialize(text), serialized, text)
})

t.test('throws a SyntaxError for a text that is not a dictionary', async t => {
  for (const text of [
    'A', '1', '=', 'a=', 'a,', 'a, ', ',a', 'a;', 'a;1', 'a;b=', 'a b', 'a=1 2', 'a\t=1', '\ta', 'a=\t1', 'a=1;\tb', 'é', 'a=é',
    'a=1.', 'a=.1', 'a=--1', 'a=-', 'a=+1', 'a=1.2345', 'a=1.2.3', 'a=1234567890123.1', 'a=1234567890123456', 'a=1e3', 'a=-a',
    'a="', 'a="\\', 'a="\\a"', 'a="\\""x', 'a="\t"', 'a="\x7f"', 'a="é"', "a='b'",
    'a=:', 'a=:A:', 'a=:AAAAA:', 'a=:AA=:', 'a=:A=A=:', 'a=:=:', 'a=:==:', 'a=:AAAA=:', 'a=:AA===:', 'a=:%:', 'a=:A A=:', 'a=:_-:',
    'a=?', 'a=?2', 'a=?10', 'a=@', 'a=@1.0', 'a=@1.', 'a=@a', 'a=@1234567890123456', 'a=@--1',
    'a=%', 'a=%"', 'a=%"%"', 'a=%"%4"', 'a=%"%4A"', 'a=%"%c3"', 'a=%"%c0%80"', 'a=%"%ed%a0%80"', 'a=%"é"', 'a=%"\n"', 'a=%x',
    'a=(', 'a=(1', 'a=(1 ', 'a=(1\t2)', 'a=(1,2)', 'a=((1))', 'a=("a""b")', 'a=(1)2', 'a=)', 'a=[]', 'a=&'
  ]) {
    t.equal(reserialize(text), undefined, JSON.stringify(text))
  }
})

t.test('returns the values of strings, integers, booleans and byte sequences', async t => {
  const member = (text: string): unknown => {
    const member = parseDictionary(`a=${text}`).get('a')!
    return 'bare' in member ? member.bare.value : member.items.map(({ bare }) => bare.value)
  }
  t.equal(member('5'), 5)
  t.equal(member('"a\\"b\\\\"'), 'a"b\\')
  t.equal(member('?0'), false)
  t.strictSame(member(':AQI=:'), Buffer.from([1, 2]))
  t.strictSame(member('("a" ?1 1)'), ['a', true, 1])
  for (const text of ['5.0', 'tok', '@5', '%"a"']) t.equal(member(text), undefined, `${text} is of another type`)
  t.strictSame([...parseDictionary('a;b=1;c="d"').get('a')!.parameters].map(([key, { value }]) => [key, value]), [['b', 1], ['c', 'd']])
  t.equal(serializeMember(parseDictionary('a, b=("x";y);z').get('a')!), '?1')
  t.equal(serializeMember(parseDictionary('a, b=("x";y);z').get('b')!), '("x";y);z')
})

t.test('decodes the byte sequences of a member only on access', async t => {
  const { from } = Buffer
  t.teardown(() => { Buffer.from = from })
  let decoded = 0
  Buffer.from = ((...values: Parameters<typeof from>) => { decoded++; return from(...values) }) as typeof from
  const dictionary = parseDictionary(Array.from({ length: 100 }, (_, i) => `a${i}=:AAAA:;b=:AQ==:`).join())
  t.equal(decoded, 0)
  t.equal(serializeMember(dictionary.get('a5')!), ':AAAA:;b=:AQ==:')
  t.equal(decoded, 2)
})

t.test('throws a SyntaxError for more than 1,024 members, items and parameters', async t => {
  t.equal(parseDictionary(Array.from({ length: 1024 }, (_, i) => `a${i}`).join()).size, 1024)
  for (const text of [
    Array.from({ length: 1025 }, (_, i) => `a${i}`).join(), `${'a,'.repeat(1024)}a`, `a=(${'1 '.repeat(1024)})`, `a${';b'.repeat(1024)}`
  ]) {
    t.equal(reserialize(text), undefined, text.slice(0, 10))
  }
})

const string = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map(code => String.fromCharCode(code)), maxLength: 8 }).map(text => `"${text.replace(/[\\"]/g, '\\$&')}"`)
const bare = fc.oneof(
  string, fc.integer().map(String), fc.integer({ min: -999, max: 999 }).map(n => `${n}.5`), fc.constantFrom('?0', '?1'), fc.stringMatching(/^[A-Za-z*][!-+./:A-Za-z-]{0,6}$/).filter(text => !/["(),]/.test(text)),
  fc.uint8Array({ maxLength: 8 }).map(bytes => `:${Buffer.from(bytes).toString('base64')}:`)
)
const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,4}$/)
const parameters = fc.array(fc.tuple(key, fc.option(bare)), { maxLength: 3 }).map(list => list.map(([name, value]) => value === null ? `;${name}` : `;${name}=${value}`).join(''))
const item = fc.tuple(bare, parameters).map(parts => parts.join(''))
const member = fc.oneof(item, fc.tuple(fc.array(item, { maxLength: 4 }), parameters).map(([items, parameters]) => `(${items.join(' ')})${parameters}`))
const dictionary = fc.array(fc.tuple(key, member), { maxLength: 4 }).map(members => members.map(([key, member]) => `${key}=${member}`).join(','))

t.test('serializes dictionaries like the library structured-headers', async t => {
  fc.assert(fc.property(dictionary, text => {
    t.equal(reserialize(text), library.serializeDictionary(library.parseDictionary(text)), text)
  }), { numRuns: 300 })
})

t.test('serializes a serialized dictionary to the same text', async t => {
  fc.assert(fc.property(fc.oneof(dictionary, fc.string(), fc.tuple(dictionary, fc.nat(60), fc.string({ maxLength: 2 })).map(([text, at, more]) => text.slice(0, at) + more + text.slice(at))), text => {
    const once = reserialize(text)
    if (once !== undefined) t.equal(reserialize(once), once, text)
  }), { numRuns: 500 })
})
