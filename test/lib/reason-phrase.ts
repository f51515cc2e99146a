import { validateHeaderValue } from 'node:http'
import t from 'tap'
import { Random } from '../../fuzz/random.js'
import { MAX_HEADER_LENGTH, MAX_PHRASE_LENGTH, toReasonPhrase, toHeaderText } from '../../lib/reason-phrase.js'

/** Returns whether a character becomes a space: control characters and white space. */
const isBlank = (char: string): boolean => /[\s\p{Cc}]/u.test(char)

/** Returns why a text cannot be sent; undefined if it can. */
function flawOf (text: string): string | undefined {
  if (!/^[ -~]*$/.test(text)) return 'not printable ASCII'
  if (text.length > 512) return 'too long'
  if (text.includes('  ')) return 'a run of spaces'
  if (text !== text.trim()) return 'not trimmed'
  if (toHeaderText(text) !== text) return 'not the text that stands for itself'
  validateHeaderValue('eb-reason-phrase', text)

  const phrase = toReasonPhrase(text)
  if (phrase.length > 128) return 'its phrase is too long'
  if (phrase !== phrase.trim()) return 'its phrase is not trimmed'
  if (phrase !== text.slice(0, 128).trimEnd()) return 'its phrase is another text'
}

function named (char: string): string {
  return `U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
}

t.test('has the limits of the contract', async t => {
  t.equal(MAX_HEADER_LENGTH, 512)
  t.equal(MAX_PHRASE_LENGTH, 128)
})

t.test('keeps printable ASCII unchanged', async t => {
  const printable = Array.from({ length: 0x7f - 0x20 }, (_, i) => String.fromCharCode(0x20 + i)).join('')
  t.equal(toHeaderText(`[${printable}]`), `[${printable}]`)
  for (const message of ['No such topic', 'a', '%0d%0a', '\\r\\n', '{"a":[1]}']) t.equal(toHeaderText(message), message)
})

t.test('transliterates Unicode', async t => {
  for (const [message, text] of [
    ['Ünïcödé', 'Unicode'],
    ['Straße', 'Strasse'],
    ['Тема не найдена', 'Tema ne naydena'],
    ['Ω', 'O'],
    ['日本', 'RiBen'],
    ['e\u0301', 'e'],
    ['“quoted” – it’s…', '"quoted" - it\'s...'],
    ['5 €', '5 EUR'],
    ['bus 🚌', 'bus :bus:'],
    ['🇺🇦', 'UA'],
    ['👩‍👧', ':woman::girl:'],
    ['שלום', 'slvm'],
    ['\u200fשלום\u200e', 'slvm'],
    ['\u202eevil\u202c', 'evil'],
    ['zero\u200bwidth\u200c joiner\u200d', 'zerowidth joiner'],
    ['soft\u00adhyphen', 'softhyphen'],
    ['\ud800', ''],
    ['\udfff', ''],
    ['a\ud83db', 'ab'],
    ['\ude8c\ud83d', ''],
    ['\ufffd', '?'],
    ['\uffff', ''],
    ['\u{10ffff}', '']
  ] as const) t.equal(toHeaderText(message), text, [...message].map(named).join(' '))
})

t.test('replaces each run of control characters and white space with one space', async t => {
  for (const run of [
    '\0', '\t', '\n', '\r\n', '\v', '\f', '\x1b', '\x7f', '\x80', '\x85', '\x9f', '\xa0', '\u1680', '\u2000', '\u2009', '\u200a',
    '\u2028', '\u2029', '\u202f', '\u205f', '\u3000', '\ufeff', '  ', '\r\n\r\n', ' \0\t\x7f\x85\xa0\u2028\u3000\ufeff '
  ]) {
    const name = [...run].map(named).join(' ')
    t.equal(toHeaderText(`a${run}b`), 'a b', name)
    t.equal(toHeaderText(`é${run}é`), 'e e', `${name} in a text that is not ASCII`)
    t.equal(toHeaderText(`${run}a${run}`), 'a', `${name} trimmed`)
  }
})

t.test('prevents a message from splitting the response', async t => {
  t.equal(toHeaderText('x\r\nSet-Cookie: a=b\r\n\r\nHTTP/1.1 200 OK'), 'x Set-Cookie: a=b HTTP/1.1 200 OK')
  t.equal(toHeaderText('x\u010d\u010aSet-Cookie: a=b'), 'xcCSet-Cookie: a=b', 'nor by the low bytes of its characters')
})

t.test('leaves no second space where transliteration removes a character', async t => {
  t.equal(toHeaderText('a \u200b b'), 'a b', 'a character is removed between spaces')
  t.equal(toHeaderText('\u200b a \u200b'), 'a', 'a character is removed at the ends')
  t.equal(toHeaderText('a \u2800 b'), 'a b', 'a character becomes a space')
  t.equal(toHeaderText('\u2800a\u2800'), 'a')
})

t.test('returns an empty text for a message without visible characters', async t => {
  for (const message of ['', ' ', '\0', '\r\n', ' \t\x7f\x85 ', '\xa0\u2028\u3000\ufeff', '\u200b\u200d', '\ud800\udbff', '\u2800']) {
    t.equal(toHeaderText(message), '', [...message].map(named).join(' ') || 'no character')
  }
})

t.test('converts a long text like its single characters', async t => {
  const random = new Random(7)
  const parts = ['x', 'e\u0301', 'Ω', '日', '🚌', '🇺🇦', '\ud83d', '\ude8c', ' ', ' \n\u2028', '\u200b', '\u2800', 'Straße', '\0'.repeat(300), '👩‍👧'.repeat(80)]
  for (let i = 0; i < 500; i++) {
    const message = Array.from({ length: 1 + random.below(600) }, () => parts[random.below(parts.length)]).join('')
    const whole = Array.from(message.slice(0, 4096), char => isBlank(char) ? ' ' : toHeaderText(`.${char}.`).slice(1, -1)).join('')
    const expected = whole.replace(/ +/g, ' ').trim().slice(0, 512).trim()
    if (toHeaderText(message) !== expected) t.equal(toHeaderText(message), expected)
  }
  t.equal(toHeaderText(`${'日'.repeat(20)}${'\u200b'.repeat(491)}🚌`), `${'Ri'.repeat(20)}:bus:`, 'the cut is in the middle of a character')
})

t.test('cuts a text at 512 characters, without a space at its end', async t => {
  const x = (count: number): string => 'x'.repeat(count)
  for (const [name, message, text] of [
    ['512 characters', x(512), x(512)],
    ['513 characters', x(513), x(512)],
    ['a space in the last place', `${x(511)} yy`, x(511)],
    ['a space after the last place', `${x(512)} y`, x(512)],
    ['a blank in the last place', `${x(511)}\r\nyy`, x(511)],
    ['one character after a space', `${x(510)} yy`, `${x(510)} y`],
    ['blanks that make room for more', `a${' '.repeat(1000)}${x(600)}`, `a ${x(510)}`],
    ['blanks before it', `${'\n'.repeat(1000)}${x(600)}`, x(512)],
    ['a text that grows', 'ß'.repeat(300), 's'.repeat(512)],
    ['a character that is cut', `${x(510)}ßßß`, `${x(510)}ss`],
    ['a character in two places, one of them the last', `${x(511)}ß`, `${x(511)}s`],
    ['a character of two code units, one of them in the last place', `${x(511)}🚌`, `${x(511)}:`],
    ['a space in the last place of a text that is not ASCII', `é${x(510)} yy`, `e${x(510)}`],
    ['nothing but vanishing characters before it', `${'\u200b'.repeat(4095)}x`, 'x'],
    ['nothing but blanks before it', `${' \0'.repeat(2047)}\nx`, 'x']
  ] as const) t.equal(toHeaderText(message), text, name)
})

t.test('cuts the reason phrase at 128 characters, without a space at its end', async t => {
  const x = (count: number): string => 'x'.repeat(count)
  for (const [name, text, phrase] of [
    ['nothing', '', ''],
    ['a short text', 'No such topic', 'No such topic'],
    ['128 characters', x(128), x(128)],
    ['129 characters', x(129), x(128)],
    ['512 characters', x(512), x(128)],
    ['a space in the last place', `${x(127)} yy`, x(127)],
    ['a space after the last place', `${x(128)} y`, x(128)],
    ['one character after a space', `${x(126)} yy`, `${x(126)} y`]
  ] as const) t.equal(toReasonPhrase(text), phrase, name)
})

t.test('does not do more work for a longer message', async t => {
  const long = 10 * 1024 * 1024

  for (const pattern of ['x', 'é', 'a b\n', ' ', '\0', 'ﷺ', '🚌', '\ud800', 'ß\u3000']) {
    const message = pattern.repeat(long / pattern.length)
    t.equal(toHeaderText(message), toHeaderText(message.slice(0, 4096)), `10 MB of ${[...pattern].map(named).join(' ')} are as 4 KB`)
  }
  t.equal(toHeaderText(`${'\u200b'.repeat(4096)}x`), '', 'ignores characters after the first 4096')
  t.equal(toHeaderText(`${'\u200b'.repeat(4095)}🚌`), '', 'ignores the second half of a character at the limit')

  // This object has only the length and slice() of a text, so any other access throws.
  let inspected = 0
  const counting = (text: string): string => ({
    length: long,
    slice (start: number, end: number) {
      inspected += end - start
      return text.slice(start, end)
    }
  }) as unknown as string
  for (const text of ['x'.repeat(8192), ' é\n'.repeat(8192)]) {
    inspected = 0
    t.equal(toHeaderText(counting(text)), toHeaderText(text))
    t.ok(inspected > 0 && inspected <= 512 + 4096, `${inspected} characters inspected`)
  }
})

t.test('returns a text that can be sent for any code unit', async t => {
  const flaws: string[] = []
  const wrong: string[] = []
  const fill = 'x'.repeat(511)
  for (let unit = 0; unit <= 0xffff; unit++) {
    const char = String.fromCharCode(unit)
    for (const message of [`${char} ${char}🚌${char}`, fill + char]) {
      const flaw = flawOf(toHeaderText(message))
      if (flaw !== undefined) flaws.push(`${named(char)}: ${flaw}`)
    }

    const between = toHeaderText(`a${char}b`)
    const right = isBlank(char) ? between === 'a b' : unit < 0x80 ? between === `a${char}b` : /^a.*b$/.test(between)
    if (!right) wrong.push(`${named(char)}: ${between}`)
  }
  t.strictSame(flaws, [])
  t.strictSame(wrong, [])
})

t.test('returns a text that can be sent for any characters', async t => {
  const random = new Random(512)
  const sources: Array<() => string> = [
    () => String.fromCharCode(0x21 + random.below(0x5e)),
    () => String.fromCharCode(random.below(0x21)),
    () => String.fromCharCode(random.below(0x100)),
    () => String.fromCharCode(random.below(0x10000)),
    () => String.fromCharCode(0xd800 + random.below(0x800)),
    () => String.fromCodePoint(random.below(0x110000)),
    () => String.fromCodePoint(0x1f000 + random.below(0x1000)),
    () => '\u200b\u200f\ufeff\u2028\u2800\xa0 '.charAt(random.below(7))
  ]
  const flaws: string[] = []
  const lengths = new Set<number>()
  for (let i = 0; i < 4000; i++) {
    const some = sources.slice(0, 1 + random.below(sources.length))
    const length = random.below(i % 10 === 0 ? 6000 : 700)
    let message = ''
    for (let n = 0; n < length; n++) message += some[random.below(some.length)]!()
    const text = toHeaderText(message)
    const flaw = flawOf(text)
    if (flaw !== undefined) flaws.push(`${JSON.stringify(message)}: ${flaw}`)
    lengths.add(text.length)
  }
  t.strictSame(flaws, [])
  t.equal(lengths.has(512) && lengths.has(511) && lengths.size > 300, true, 'texts of many lengths, some of them cut')
})
