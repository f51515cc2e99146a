import { Hmac } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { Key } from '../../../lib/signature/keys.js'
import { memoryStore } from '../../../lib/signature/memory-store.js'
import { Verifier } from '../../../lib/signature/verifier.js'
import { KEY, sign, type Signing } from '../../fixtures/sign.js'
import { createRequest, keys, NOT_VALID, NOW, PLAIN, several, signed, stopClock, verdict } from '../../fixtures/verify.js'

const digest = Hmac.prototype.digest as () => Buffer

t.test('accepts a valid signature, and returns its key and the components that it covers', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys })
  const { key, covered } = await verifier.verify(createRequest(signed()), PLAIN)
  t.strictSame(key, { id: 'test', permissions: ['a', 'b'] })
  t.strictSame([...covered], ['"@method"', '"@path"', '"@query"'])
  t.equal(await verdict(verifier, signed({ parameters: ';alg="hmac-sha256";nonce="n";tag="x";unknown=1' })), 'ok')
  t.equal(await verdict(verifier, signed({ components: ['"@path"', '"@query"', '"x-a"', '"@method"'], values: { '"x-a"': 'a, b' } })), 'The signature covers "x-a", but the request has no value for it')
  t.equal(await verdict(verifier, { ...signed({ components: ['"@path"', '"@query"', '"x-a"', '"x-a";sf', '"@method"'], values: { '"x-a"': 'a, b', '"x-a";sf': 'strict a, b' } }), 'x-a': 'a, b' }), 'ok')
  t.equal(await verdict(verifier, { ...signed({ components: ['"@method"', '"@path"', '"@query"', '"content-digest"'], values: { '"content-digest"': 'd' } }), 'content-digest': 'd' }, { hasContent: true }), 'ok')
})

t.test('returns the limits of the age of signatures', async t => {
  t.strictSame(new Verifier({ keys }).signatureAge, { maxAge: 300, clockSkew: 30 })
  t.strictSame(new Verifier({ keys, maxAge: 60, clockSkew: 0 }).signatureAge, { maxAge: 60, clockSkew: 0 })
})

t.test('rejects a wrong MAC and an unknown key with the same message', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys })
  const good = signed()
  const cases: Array<[fields: Record<string, string>, reason: string]> = [
    [signed({ key: { id: KEY.id, secret: 'another' } }), NOT_VALID],
    [signed({ key: { id: 'nobody', secret: KEY.secret } }), NOT_VALID],
    [{ ...good, signature: 'sig1=::' }, NOT_VALID],
    [{ ...good, signature: good.signature.replace(/=:.{20}/, '=:') }, NOT_VALID],
    [{ ...good, signature: good.signature.replace('=:', '=:AAAA') }, NOT_VALID]
  ]
  for (const [fields, reason] of cases) {
    t.equal(await verdict(verifier, fields), reason, fields['signature-input'])
    t.match(reason, /^[ -~]{1,128}$/, 'the message fits into a reason phrase')
  }
})

t.test('uses the first signature whose key is known', async t => {
  stopClock(t)
  const asked: string[] = []
  const verifier = new Verifier({ keys: id => { asked.push(id); return id === 'second' ? { secret: 'two', permissions: ['2'] } : keys(id) } })
  const stranger = { key: { id: 'stranger', secret: 'x' } }
  const second = { key: { id: 'second', secret: 'two' } }
  t.equal(await verdict(verifier, several(stranger, {})), 'ok')
  t.equal(await verdict(verifier, several({}, stranger)), 'ok')
  t.strictSame(asked, ['stranger', 'test', 'test', 'stranger'], 'each key is looked up')
  t.equal((await verifier.verify(createRequest(several(stranger, second, {})), PLAIN)).key.id, 'second', 'the first known key is used')
  t.equal((await verifier.verify(createRequest(several({}, second)), PLAIN)).key.id, 'test')
  t.equal(await verdict(verifier, several({ key: { id: KEY.id, secret: 'wrong' } }, second)), NOT_VALID, 'also if a later signature is valid')
  t.equal(await verdict(verifier, several(stranger, { created: NOW - 999 })), 'The signature was created more than 300 seconds ago: sign each request when you send it, and set the clock')
  t.equal(await verdict(verifier, several({ ...stranger, components: ['"x-proxy"'] }, {})), 'ok', 'signatures of unknown keys can cover other components')
  t.equal(await verdict(verifier, several({ ...stranger, created: 1 }, { parameters: ';expires=1' })), 'The signature has expired', 'the message is about the signature of the known key')
  const { 'signature-input': inputs, signature } = signed()
  t.equal(await verdict(verifier, { 'signature-input': `other=(), ${inputs}`, signature: `third=:AA==:, ${signature}` }), 'ok', 'labels in one field alone are ignored')
  t.equal(await verdict(verifier, several(...Array.from({ length: 7 }, () => stranger), {})), 'ok', 'eight signatures are accepted')
  t.equal(await verdict(verifier, several(...Array.from({ length: 8 }, () => stranger), {})), 'The request has more than 8 signatures')
  const fields = sign('GET', '/path?a=1', '', { components: Array.from({ length: 33 }, (_, i) => `"x-${i}"`) })
  t.equal(await verdict(verifier, fields), 'The signatures cover more than 32 components')
})

t.test('sends the same message for a wrong MAC and for an unknown key, even if something else is wrong', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys })
  const shapes: Signing[] = [
    {}, { created: NOW - 999 }, { created: NOW + 999 }, { parameters: ';expires=1' }, { parameters: ';alg="x"' },
    { components: ['"@method"'] }, { components: ['"@method"', '"@path"', '"@query"', '"x-none"'] }
  ]
  const guess = (id: string): { key: { id: string, secret: string } } => ({ key: { id, secret: 'a guess' } })
  for (const one of shapes) {
    t.equal(await verdict(verifier, signed({ ...one, ...guess('test') })), await verdict(verifier, signed({ ...one, ...guess('none') })), 'alone')
    for (const other of shapes) {
      const [first, second, none] = await Promise.all([['test', 'none'], ['none', 'test'], ['none', 'nobody']].map(async ([a, b]) =>
        await verdict(verifier, several({ ...one, ...guess(a) }, { ...other, ...guess(b) }))))
      t.not(none, 'ok')
      t.equal(first, none)
      t.equal(second, none)
    }
  }
})

t.test('computes one MAC for a known key, and one for an unknown key', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys })
  const digests = t.capture(Hmac.prototype, 'digest', function (this: Hmac) { return digest.call(this) })
  for (const mac of ['', 'AAAA', Buffer.alloc(32).toString('base64')]) {
    for (const id of ['test', 'none']) {
      t.equal(await verdict(verifier, { 'signature-input': `sig1=("@method" "@path" "@query");created=${NOW};keyid="${id}"`, signature: `sig1=:${mac}:` }), NOT_VALID)
      t.equal(digests().length, 1, `${id}, ${mac.length}`)
    }
  }
})

t.test('looks up no key and computes no MAC if the parameters or the components are wrong', async t => {
  stopClock(t)
  const asked: string[] = []
  const verifier = new Verifier({ keys: id => { asked.push(id); return keys(id) } })
  const old = { created: NOW - 999 }
  const refused: Array<Record<string, string>> = [
    {}, signed(old), several(old, old, old), signed({ created: NOW + 999 }), signed({ parameters: ';expires=1' }), signed({ parameters: ';alg="x"' }), signed({ components: ['"@method"'] }),
    signed({ components: ['"@method"', '"@path"', '"@query"', '"x-none"'] }), signed({ components: ['"@method"', '"@path"', '"@query"', '"@path"'] }), signed({ components: Array.from({ length: 33 }, (_, i) => `"x-${i}"`) })
  ]
  const digests = t.capture(Hmac.prototype, 'digest', function (this: Hmac) { return digest.call(this) })
  for (const fields of refused) t.notMatch(await verdict(verifier, fields), new RegExp(`^ok$|${NOT_VALID}`))
  t.strictSame(asked, [])
  t.equal(digests().length, 0)
})

t.test('rejects a signature that expires while its key is looked up', async t => {
  const time = stopClock(t)
  t.intercept(performance, 'now', { value: () => time.seconds * 1000 })
  let delay = 0
  const slowKeys = (id: string): Key | undefined => { time.seconds += delay; return keys(id) }
  const verifier = new Verifier({ keys: slowKeys, keysTimeout: 10_000, maxAge: 60, clockSkew: 5, replay: { store: memoryStore() } })
  const fields = signed({ parameters: ';nonce="a"' })
  t.equal(await verdict(verifier, fields), 'ok')
  time.seconds += 60
  delay = 7
  t.match(await verdict(verifier, fields), /more than 60 seconds ago/, 'although the store has forgotten the nonce')
})

const text = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map(code => String.fromCharCode(code)), maxLength: 12 })
const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,6}$/)
const bare = fc.oneof(
  text.map(value => `"${value.replace(/[\\"]/g, '\\$&')}"`), fc.integer().map(String), fc.constantFrom('?0', '?1', 'tok', '-0', '1.5', '@1', '@-5', '%"%c3%a9"', '%"a b"', ':AA==:', ':aGk:', '999999999999999', '@999999999999999')
)
const parameters = fc.array(fc.tuple(fc.oneof(key, fc.constantFrom('created', 'expires', 'nonce', 'alg', 'sf', 'bs', 'key', 'name', 'req', 'tr')), fc.option(bare)), { maxLength: 5 })
  .map(list => list.map(([name, value]) => value === null ? `;${name}` : `;${name}=${value}`).join(''))
const component = fc.tuple(fc.oneof(fc.constantFrom('"@method"', '"@path"', '"@query"', '"@query-param"', '"@authority"', '"x-a"'), bare), parameters).map(parts => parts.join(''))
const inputs = fc.tuple(fc.array(component, { maxLength: 5 }), parameters).map(([components, parameters]) => `sig1=(${components.join(' ')})${parameters};keyid="test"`)

t.test('rejects random signatures with a 401', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys })
  await fc.assert(fc.asyncProperty(fc.oneof(inputs, fc.string({ unit: 'binary' }), text), fc.oneof(fc.constant('sig1=:AAAA:'), text), async (input, signature) => {
    t.not(await verdict(verifier, { 'signature-input': input, signature }), 'ok')
  }), { numRuns: 1500 })
})
