import fc from 'fast-check'
import t from 'tap'
import { readCommonForm } from '../../../lib/signature/common-form.js'
import { KnownLists } from '../../../lib/signature/component-list.js'
import { parseSignatures, type Signature } from '../../../lib/signature/signatures.js'
import { Verifier } from '../../../lib/signature/verifier.js'
import { KEY, type Signing } from '../../fixtures/sign.js'
import { createRequest, keys, NOW, PLAIN, signed, stopClock, verdict } from '../../fixtures/verify.js'

const REQUIRED = ['"@method"', '"@path"', '"@query"']
const LISTS = [REQUIRED, [...REQUIRED, '"x-a"'], [...REQUIRED, '"x-a";sf'], [...REQUIRED, '"content-digest"'], ['"@method"']]
const FIELDS = { 'x-a': 'a', 'content-digest': 'sha-256=:AAAA:' }
const VALUES = { '"x-a"': 'a', '"x-a";sf': 'strict a', '"content-digest"': FIELDS['content-digest'] }

/** Returns the fields of a request with one signature. */
function fieldsOf (signing: Signing): Record<string, string> {
  return { ...FIELDS, ...signed({ values: VALUES, ...signing }) }
}

/** Returns a function that verifies fields with two verifiers: the first knows all lists, the second parses all lists. */
async function createVerdicts (): Promise<(fields: Record<string, string>, hasContent: boolean) => Promise<[known: string, fresh: string]>> {
  const known = new Verifier({ keys, required: [] })
  for (const components of LISTS) await known.verify(createRequest(fieldsOf({ components })), PLAIN)
  return async (fields, hasContent) => [await verdict(known, fields, { hasContent }), await verdict(new Verifier({ keys, required: [] }), fields, { hasContent })]
}

/** Returns the lists that a verifier knows after a valid signature with each of them. */
function knownLists (): KnownLists {
  const lists = new KnownLists()
  for (const components of LISTS) lists.add(parseSignatures(createRequest(fieldsOf({ components })), new KnownLists())[0].list)
  return lists
}

/** Returns the data of a signature, without methods. */
function dataOf ({ list, parameters, input, mac }: Signature): unknown {
  return { list: list.text, covered: [...list.covered], parameters: { ...parameters }, input, mac: Buffer.from(mac).toString('hex') }
}

const text = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map(code => String.fromCharCode(code)), maxLength: 8 })
const string = text.map(value => `"${value.replace(/[\\"]/g, '\\$&')}"`)
const value = fc.oneof(
  string, fc.nat().map(String), fc.constantFrom(String(NOW), `0${NOW}`, `-${NOW}`, `${NOW}.0`, '0', '-0', '00', '999999999999999', '1000000000000000', 'tok', '?1', '?0', ':AA==:', '@1', '%"a"', '"test"', '"hmac-sha256"', '"")("')
)
const name = fc.constantFrom('created', 'created', 'expires', 'nonce', 'keyid', 'keyid', 'alg', 'tag', 'x')
const parameter = fc.tuple(fc.constantFrom(';', ';', ';', '; ', ' ;'), name, fc.option(value)).map(([semicolon, name, value]) => value === null ? semicolon + name : `${semicolon}${name}=${value}`)
const parameters = fc.array(parameter, { maxLength: 5 }).map(list => list.join(''))

/** A text with a few characters replaced, inserted or removed. */
function mutated (text: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const edits = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 1 }), fc.constantFrom('', '"', '\\', '(', ')', ';', ',', ' ', '=', ':', 'a', 'A', '0', '\t', '\u00e9')), { maxLength: 2 })
  return fc.tuple(text, edits).map(([text, edits]) => edits.reduce((text, [at, removed, inserted]) => {
    const offset = at % (text.length + 1)
    return text.slice(0, offset) + inserted + text.slice(offset + removed)
  }, text))
}

t.test('gives the same result for signatures with known and with unknown lists', async t => {
  stopClock(t)
  const signing = fc.record({
    components: fc.constantFrom(...LISTS),
    created: fc.constantFrom(NOW, NOW - 300, NOW - 301, NOW + 31),
    parameters,
    key: fc.constantFrom(KEY, { id: 'none', secret: 'x' }, { id: KEY.id, secret: 'wrong' }),
    label: fc.constantFrom('sig1', '*', 'a-b.c_d', 'Sig', '')
  })
  const verdicts = await createVerdicts()
  const seen = new Set<string>()
  await fc.assert(fc.asyncProperty(signing, fc.boolean(), async (signing, hasContent) => {
    const [known, fresh] = await verdicts(fieldsOf(signing), hasContent)
    seen.add(known)
    t.equal(known, fresh)
  }), { numRuns: 1000 })
  t.ok(seen.has('ok') && seen.size > 5, [...seen].join())
})

t.test('gives the same result for changed fields with known and with unknown lists', async t => {
  stopClock(t)
  const good = fc.constantFrom(...LISTS.map(components => fieldsOf({ components, parameters: ';nonce="n";alg="hmac-sha256"' })))
  const changed = good.chain(fields => fc.record({ 'signature-input': mutated(fc.constant(fields['signature-input'])), signature: mutated(fc.constant(fields.signature)) }))
  const verdicts = await createVerdicts()
  await fc.assert(fc.asyncProperty(changed, fc.boolean(), async (fields, hasContent) => {
    const [known, fresh] = await verdicts({ ...FIELDS, ...fields }, hasContent)
    t.equal(known, fresh)
  }), { numRuns: 1500 })
})

t.test('reads the same as the general parser, or nothing', async t => {
  const lists = knownLists()
  let read = 0
  const list = fc.constantFrom(...LISTS.map(components => `(${components.join(' ')})`))
  const input = mutated(fc.tuple(fc.constantFrom('sig1=', 'a='), list, fc.constantFrom(';keyid="k"', `;created=${NOW};keyid=""`), parameters).map(parts => parts.join('')))
  const mac = mutated(fc.tuple(fc.constantFrom('sig1=:', 'a=:'), fc.uint8Array({ minLength: 32, maxLength: 32 })).map(([start, bytes]) => `${start}${Buffer.from(bytes).toString('base64')}:`))
  fc.assert(fc.property(input, mac, (input, mac) => {
    const signature = readCommonForm(input, mac, lists)
    if (signature === undefined) return
    read++
    const [general, ...others] = parseSignatures(createRequest({ 'signature-input': input, signature: mac }), new KnownLists())
    t.strictSame(dataOf(signature), dataOf(general))
    t.strictSame(others, [])
  }), { numRuns: 10_000 })
  t.ok(read > 20, `${read} in the common form`)
})

t.test('reads nothing from other forms', async t => {
  const lists = knownLists()
  const { 'signature-input': input, signature } = signed()
  t.ok(readCommonForm(input, signature, lists))
  for (const [changed, mac = signature] of [
    ['sig1'], [input.replace(';keyid="test"', '')], [input.replace('"test"', '1')], [`${input};created=1`], [`${input};tag="a"`], [`${input} `], [`, ${input}`],
    [input, signature.replace('sig1', 'sig2')], [input, 'sig1=:AAAA:'], [input, `${signature};a`]
  ]) {
    t.equal(readCommonForm(changed, mac, lists), undefined, `${changed} ${mac}`)
  }
})

t.test('reads only known lists', async t => {
  const { 'signature-input': input, signature } = signed()
  t.equal(readCommonForm(input, signature, new KnownLists()), undefined)
  t.strictSame(readCommonForm(input, signature, knownLists())?.parameters, { keyid: KEY.id, created: NOW, expires: undefined, nonce: undefined, alg: undefined })
})

t.test('parses the list of a client once, and only that of a valid signature', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys })
  let parsed = 0
  const verify = async (signing?: Signing): Promise<string> => {
    const plain = createRequest(signed(signing))
    const request = { ...plain, dictionary: (name: string) => { parsed++; return plain.dictionary(name) } }
    return await verifier.verify(request, PLAIN).then(() => 'ok', error => error.message)
  }
  const wrong = { key: { id: KEY.id, secret: 'wrong' } }
  for (const [signing, expected] of [[wrong, 2], [wrong, 2], [{}, 2], [{}, 0], [wrong, 0], [{ parameters: ';tag="a"' }, 2]] as const) {
    parsed = 0
    await verify(signing)
    t.equal(parsed, expected)
  }
})
