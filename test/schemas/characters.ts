import fc from 'fast-check'
import t from 'tap'
import { LINE, TEXT, VISIBLE_LINE } from '../../schemas/characters.js'

// The expected patterns use Unicode property escapes. The schemas avoid these, because some tools compile patterns without a flag.
const EXPECTED: Array<[name: string, pattern: string, expected: RegExp]> = [
  ['LINE', LINE, /^[^\p{Cc}\p{Cs}]+$/u],
  ['VISIBLE_LINE', VISIBLE_LINE, /^(?=[^]*\S)[^\p{Cc}\p{Cs}]+$/u],
  ['TEXT', TEXT, /^[^\u0000\p{Cs}]*$/u] // eslint-disable-line no-control-regex
]

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 5 }).map(units => String.fromCharCode(...units)),
  fc.array(fc.constantFrom('a', ' ', '\u00a0', '\u2028', '\0', '\n', '\x7f', '\x9f', '🚌', '\ud83d', '\ude8c'), { maxLength: 5 }).map(parts => parts.join(''))
)

t.test('the patterns match every character except control characters and lone surrogates', async t => {
  for (const [name, pattern, expected] of EXPECTED) {
    for (const flags of ['', 'u', 'v']) {
      const actual = new RegExp(pattern, flags)
      fc.assert(fc.property(text, text => actual.test(text) === expected.test(text)), { numRuns: 2000 })
      t.pass(`${name} with the flags "${flags}"`)
    }
  }
})

t.test('the patterns match a text of a megabyte', async t => {
  for (const [name, pattern] of EXPECTED) {
    const actual = new RegExp(pattern, 'u')
    t.ok(actual.test('a🚌'.repeat(350_000)), name)
    t.notOk(actual.test(`${'a🚌'.repeat(350_000)}\0`), name)
  }
})
