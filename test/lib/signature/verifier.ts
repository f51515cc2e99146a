import { Hmac } from 'node:crypto'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { Fields } from '../../../lib/signature/fields.js'
import { NonceReusedError, SignatureError } from '../../../lib/signature/errors.js'
import type { Key } from '../../../lib/signature/keys.js'
import { memoryStore } from '../../../lib/signature/memory-store.js'
import type { SignatureOptions } from '../../../lib/signature/options.js'
import type { ReplayStore } from '../../../lib/signature/replay-store.js'
import type { SignedRequest } from '../../../lib/signature/signatures.js'
import { Verifier } from '../../../lib/signature/verifier.js'
import { KEY, sign, type Signing } from '../../fixtures/sign.js'

const NOT_VALID = 'The key or the signature is not valid'
const USED = 'The nonce was used before'
const NOW = 1_700_000_000
const original = Hmac.prototype.digest as () => Buffer

function known (id: string): Key | undefined {
  return id === KEY.id ? { secret: KEY.secret, permissions: ['a', 'b'] } : undefined
}

function request (fields: Record<string, string>, method = 'GET', target = '/path?a=1'): SignedRequest {
  const parsed = new Fields(Object.entries(fields).flat())
  return {
    method,
    scheme: 'https',
    authority: 'example.com',
    target,
    field: (name, parameters) => parameters.size === 0 ? fields[name] : parameters.get('sf')?.value === true ? `strict ${fields[name]}` : undefined,
    dictionary: name => parsed.dictionary(name)
  }
}

function signed (signing?: Signing): Record<string, string> {
  return sign('GET', '/path?a=1', undefined, { created: NOW, parameters: '', ...signing })
}

/** The fields of several signatures on one request. */
function several (...signings: Signing[]): Record<string, string> {
  const each = signings.map((signing, i) => signed({ label: `s${i}`, ...signing }))
  return { 'signature-input': each.map(fields => fields['signature-input']).join(', '), signature: each.map(fields => fields.signature).join(', ') }
}

/** What is said to a request, `ok` where it passes. */
async function verdict (verifier: Verifier, fields: Record<string, string>, hasBody = false): Promise<string> {
  try {
    await verifier.verify(request(fields), hasBody)
    return 'ok'
  } catch (error) {
    if (error instanceof NonceReusedError) return USED
    if (!(error instanceof SignatureError)) throw error
    if (error.statusCode !== 401) throw error
    return error.message
  }
}

function clock (t: Test, at = NOW): { seconds: number } {
  const clock = { seconds: at }
  t.intercept(Date, 'now', { value: () => clock.seconds * 1000 })
  return clock
}

t.test('a signature that is as it must be', async t => {
  clock(t)
  const verifier = new Verifier({ keys: known })
  const { key, covered } = await verifier.verify(request(signed()), false)
  t.strictSame(key, { id: 'test', permissions: ['a', 'b'] })
  t.strictSame([...covered], ['"@method"', '"@path"', '"@query"'])
  t.equal(await verdict(verifier, signed({ parameters: ';alg="hmac-sha256";nonce="n";tag="x";unknown=1' })), 'ok')
  t.equal(await verdict(verifier, signed({ components: ['"@path"', '"@query"', '"x-a"', '"@method"'], values: { '"x-a"': 'a, b' } })), 'The signature covers "x-a", of which the request has no value')
  t.equal(await verdict(verifier, { ...signed({ components: ['"@path"', '"@query"', '"x-a"', '"x-a";sf', '"@method"'], values: { '"x-a"': 'a, b', '"x-a";sf': 'strict a, b' } }), 'x-a': 'a, b' }), 'ok')
  t.equal(await verdict(verifier, { ...signed({ components: ['"@method"', '"@path"', '"@query"', '"content-digest"'], values: { '"content-digest"': 'd' } }), 'content-digest': 'd' }, true), 'ok')
})

t.test('secrets are texts and bytes, one or several', async t => {
  clock(t)
  const bytes = Uint8Array.from([0, 255, 128, 7])
  const text = 'sécret \u{1f511}'
  for (const secret of [bytes, Buffer.from(bytes), [bytes], ['other', bytes], [bytes, 'other'], ['x', 'y', bytes]]) {
    const verifier = new Verifier({ keys: () => ({ secret, permissions: [] }) })
    t.equal(await verdict(verifier, signed({ key: { id: 'any', secret: bytes } })), 'ok')
    t.equal(await verdict(verifier, signed({ key: { id: 'any', secret: 'else' } })), NOT_VALID)
  }
  const verifier = new Verifier({ keys: () => ({ secret: text, permissions: [] }) })
  t.equal(await verdict(verifier, signed({ key: { id: 'any', secret: Buffer.from(text) } })), 'ok')
})

t.test('what is refused, and why', async t => {
  clock(t)
  const verifier = new Verifier({ keys: known })
  const good = signed()
  const input = good['signature-input']
  const cases: Array<[fields: Record<string, string>, reason: string, hasBody?: boolean]> = [
    [{}, 'The request is not signed: it must have Signature-Input and Signature'],
    [{ signature: good.signature }, 'The request is not signed: it must have Signature-Input and Signature'],
    [{ 'signature-input': input }, 'The request is not signed: it must have Signature-Input and Signature'],
    [{ ...good, 'signature-input': '' }, 'The request has no signature with the id of its key: keyid'],
    [{ ...good, 'signature-input': '(' }, 'The Signature-Input field is malformed'],
    [{ ...good, 'signature-input': `${input},` }, 'The Signature-Input field is malformed'],
    [{ ...good, 'signature-input': input.toUpperCase() }, 'The Signature-Input field is malformed'],
    [{ ...good, 'signature-input': 'sig1="@method";keyid="test"' }, 'The Signature-Input field is malformed'],
    [{ ...good, 'signature-input': 'sig1' }, 'The Signature-Input field is malformed'],
    [{ ...good, signature: 'sig1=:%:' }, 'The Signature field is malformed'],
    [{ ...good, signature: 'sig1="text"' }, 'The Signature field is malformed'],
    [{ ...good, signature: 'sig1=(:AAAA:)' }, 'The Signature field is malformed'],
    [{ ...good, signature: good.signature.replace('sig1', 'sig2') }, 'The request has no signature with the id of its key: keyid'],
    [{ ...good, 'signature-input': input.replace(/;keyid="[^"]*"/, '') }, 'The request has no signature with the id of its key: keyid'],
    [{ ...good, 'signature-input': input.replace('"test"', 'test') }, 'The request has no signature with the id of its key: keyid'],
    [signed({ key: { id: KEY.id, secret: 'another' } }), NOT_VALID],
    [signed({ key: { id: 'nobody', secret: KEY.secret } }), NOT_VALID],
    [{ ...good, signature: 'sig1=::' }, NOT_VALID],
    [{ ...good, signature: good.signature.replace(/=:.{20}/, '=:') }, NOT_VALID],
    [{ ...good, signature: good.signature.replace('=:', '=:AAAA') }, NOT_VALID],
    [signed({ parameters: ';alg="hmac-sha512"' }), 'The algorithm of the key is hmac-sha256'],
    [signed({ parameters: ';alg=hmac-sha256' }), 'The algorithm of the key is hmac-sha256'],
    [signed({ parameters: ';alg' }), 'The algorithm of the key is hmac-sha256'],
    [signed({ created: 1.5 }), 'The signature must say when it was created'],
    [{ ...good, 'signature-input': input.replace(/;created=\d+/, '') }, 'The signature must say when it was created'],
    [{ ...good, 'signature-input': input.replace(/;created=\d+/, ';created') }, 'The signature must say when it was created'],
    [{ ...good, 'signature-input': input.replace(/;created=(\d+)/, ';created="$1"') }, 'The signature must say when it was created'],
    [{ ...good, 'signature-input': `${input.replace(/;created=\d+/, '')};created=@${NOW}` }, 'The signature must say when it was created'],
    [signed({ created: NOW - 301 }), 'The signature was created more than 300 seconds ago: sign each request anew, and set the clock'],
    [signed({ created: -NOW }), 'The signature was created more than 300 seconds ago: sign each request anew, and set the clock'],
    [signed({ created: NOW + 31 }), 'The signature was created in the future: set the clock'],
    [signed({ created: 999_999_999_999_999 }), 'The signature was created in the future: set the clock'],
    [signed({ parameters: `;expires=${NOW}` }), 'The signature has expired'],
    [signed({ parameters: ';expires=0' }), 'The signature has expired'],
    [signed({ parameters: `;expires="${NOW + 9}"` }), 'The signature does not say in seconds when it expires'],
    [signed({ parameters: ';expires' }), 'The signature does not say in seconds when it expires'],
    [signed({ components: ['"@method"', '"@path"'] }), 'The signature must cover "@query"'],
    [signed({ components: [] }), 'The signature must cover "@method"'],
    [signed(), 'The signature must cover "content-digest"', true],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"content-digest";sf'] }), 'The signature must cover "content-digest"', true],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"@method"'] }), 'The signature covers "@method" twice'],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"x-a"', '"x-a"'], values: { '"x-a"': 'a' } }), 'The signature covers "x-a" twice'],
    [{ 'signature-input': `sig1=("@method" "@path" "@query" "x-a";b;a=1 "x-a";a=1;b);created=${NOW};keyid="test"`, signature: good.signature }, 'The signature covers "x-a";a=1;b twice'],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"X-A"'] }), 'The signature covers a component whose name is no text in lower case'],
    [signed({ components: ['1', '"@method"', '"@path"', '"@query"'] }), 'The signature covers a component whose name is no text in lower case'],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"@status"'] }), 'The signature covers "@status", of which the request has no value'],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"@signature-params"'] }), 'The signature covers "@signature-params", of which the request has no value'],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"x-a";req'] }), 'The signature covers "x-a";req, of which the request has no value']
  ]
  for (const [fields, reason, hasBody] of cases) {
    t.equal(await verdict(verifier, fields, hasBody), reason, fields['signature-input'])
    t.match(reason, /^[ -~]{1,128}$/, 'it fits into a reason phrase')
  }
})

t.test('the bounds of time', async t => {
  const time = clock(t)
  const verifier = new Verifier({ keys: known, maxAge: 10, clockSkew: 2 })
  const fields = signed({ parameters: `;expires=${NOW + 5}` })
  const verdicts: Array<[at: number, expected: RegExp]> = [[-2.001, /future/], [-2, /^ok/], [4.999, /^ok/], [5, /expired/], [10, /expired/], [10.001, /more than 10 seconds/]]
  for (const [at, expected] of verdicts) {
    time.seconds = NOW + at
    t.match(await verdict(verifier, fields), expected, `${at} s`)
  }
  const strict = new Verifier({ keys: known, maxAge: 1, clockSkew: 0 })
  for (const [at, expected] of [[-0.001, /future/], [0, /^ok/], [1, /^ok/], [1.001, /more than 1 seconds/]] as const) {
    time.seconds = NOW + at
    t.match(await verdict(strict, signed()), expected, `${at} s, strictly`)
  }
})

t.test('several signatures', async t => {
  clock(t)
  const asked: string[] = []
  const verifier = new Verifier({ keys: id => { asked.push(id); return id === 'second' ? { secret: 'two', permissions: ['2'] } : known(id) } })
  const stranger = { key: { id: 'stranger', secret: 'x' } }
  const second = { key: { id: 'second', secret: 'two' } }
  t.equal(await verdict(verifier, several(stranger, {})), 'ok')
  t.equal(await verdict(verifier, several({}, stranger)), 'ok')
  t.strictSame(asked, ['stranger', 'test', 'test', 'stranger'], 'each is looked up, whatever the others are')
  t.equal((await verifier.verify(request(several(stranger, second, {})), false)).key.id, 'second', 'the first that is known decides')
  t.equal((await verifier.verify(request(several({}, second)), false)).key.id, 'test')
  t.equal(await verdict(verifier, several({ key: { id: KEY.id, secret: 'wrong' } }, second)), NOT_VALID, 'also where a later one is good')
  t.equal(await verdict(verifier, several(stranger, { created: NOW - 999 })), 'The signature was created more than 300 seconds ago: sign each request anew, and set the clock')
  t.equal(await verdict(verifier, several({ ...stranger, components: ['"x-proxy"'] }, {})), 'ok', 'others cover what they like')
  t.equal(await verdict(verifier, several({ ...stranger, created: 1 }, { parameters: ';expires=1' })), 'The signature has expired', 'the holder of the key learns what to mend in its own')
  const { 'signature-input': inputs, signature } = signed()
  t.equal(await verdict(verifier, { 'signature-input': `other=(), ${inputs}`, signature: `third=:AA==:, ${signature}` }), 'ok', 'labels without a pair, and without a key')
  t.equal(await verdict(verifier, several(...Array.from({ length: 7 }, () => stranger), {})), 'ok', 'eight')
  t.equal(await verdict(verifier, several(...Array.from({ length: 8 }, () => stranger), {})), 'The request has more than 8 signatures')
  const fields = sign('GET', '/path?a=1', '', { components: Array.from({ length: 33 }, (_, i) => `"x-${i}"`) })
  t.equal(await verdict(verifier, fields), 'The signatures cover more than 32 components')
})

t.test('nobody learns which keys there are', async t => {
  clock(t)
  const verifier = new Verifier({ keys: known })
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

t.test('an unknown key costs a MAC', async t => {
  clock(t)
  const verifier = new Verifier({ keys: known })
  const digests = t.capture(Hmac.prototype, 'digest', function (this: Hmac) { return original.call(this) })
  for (const mac of ['', 'AAAA', Buffer.alloc(32).toString('base64')]) {
    for (const id of ['test', 'none']) {
      t.equal(await verdict(verifier, { 'signature-input': `sig1=("@method" "@path" "@query");created=${NOW};keyid="${id}"`, signature: `sig1=:${mac}:` }), NOT_VALID)
      t.equal(digests().length, 1, `${id}, ${mac.length}`)
    }
  }
})

t.test('a request that is refused costs no signature base, no MAC and no look-up of a key', async t => {
  clock(t)
  const asked: string[] = []
  const verifier = new Verifier({ keys: id => { asked.push(id); return known(id) } })
  const old = { created: NOW - 999 }
  const refused: Array<Record<string, string>> = [
    {}, signed(old), several(old, old, old), signed({ created: NOW + 999 }), signed({ parameters: ';expires=1' }), signed({ parameters: ';alg="x"' }), signed({ components: ['"@method"'] }),
    signed({ components: ['"@method"', '"@path"', '"@query"', '"x-none"'] }), signed({ components: ['"@method"', '"@path"', '"@query"', '"@path"'] }), signed({ components: Array.from({ length: 33 }, (_, i) => `"x-${i}"`) })
  ]
  const digests = t.capture(Hmac.prototype, 'digest', function (this: Hmac) { return original.call(this) })
  for (const fields of refused) t.notMatch(await verdict(verifier, fields), new RegExp(`^ok$|${NOT_VALID}`))
  t.strictSame(asked, [])
  t.equal(digests().length, 0)
})

t.test('asks for each component once, and for none once the request is refused', async t => {
  clock(t)
  const verifier = new Verifier({ keys: known })
  const counted = (fields: Record<string, string>): [request: SignedRequest, asked: string[]] => {
    const asked: string[] = []
    const plain = request(fields)
    return [{
      ...plain,
      field: (name, parameters) => {
        asked.push(name + [...parameters].map(([key, { text }]) => `;${key}=${text}`).join(''))
        return plain.field(name, parameters)
      },
      queryParameter: name => { asked.push(`?${name}`); return 'value' }
    }, asked]
  }
  const components = ['"@method"', '"@query-param";name="a"', '"x-a"', '"x-a";sf']
  const lax = new Verifier({ keys: known, required: [] })
  const [big, asked] = counted({ ...several(...Array.from({ length: 8 }, () => ({ components, key: { id: 'none', secret: '' } }))), 'x-a': 'a' })
  await t.rejects(lax.verify(big, false), { message: NOT_VALID })
  t.strictSame(asked.sort(), ['?a', 'signature', 'signature-input', 'x-a', 'x-a;sf=?1'])

  for (const signing of [{ components }, { components: [...components, '"@path"', '"@query"'], created: 1 }, { components: [...components, '"@path"', '"@query"', '"x-a"'] }]) {
    const [refused, asked] = counted({ ...signed(signing), 'x-a': 'a' })
    await t.rejects(verifier.verify(refused, false), { message: /^The signature / })
    t.strictSame(asked.sort(), ['signature', 'signature-input'])
  }
})

t.test('RFC 9421 section 2.5: the parameters are serialized strictly', async t => {
  clock(t)
  const verifier = new Verifier({ keys: known })
  for (const parameters of [
    ';ttl=60.0', ';a=1.5;b=-0.5;c=0.0', ';ttl=100000.0;keep', ';at=@123;x=1', ';name=%"caf%c3%a9 %0a"', ';x="a\\"b\\\\"', ';t=tok/en:*', ';b=:AQI=:', ';y;n=?0', ';expires=1700000009;ttl=60.0'
  ]) {
    t.equal(await verdict(verifier, signed({ parameters })), 'ok', parameters)
  }
  for (const [sent, strict] of [[';ttl=60.00', ';ttl=60.0'], [';ttl=1.50', ';ttl=1.5'], [';z=-0.0', ';z=0.0'], [';z=-0', ';z=0'], [';z=007', ';z=7'], [';y=?1', ';y'], [';b=:AR==:', ';b=:AQ==:'], [';  a=1;a=2', ';a=2'], [';d=%"%61"', ';d=%"a"']]) {
    const { signature, 'signature-input': input } = signed({ parameters: strict })
    t.equal(await verdict(verifier, { signature, 'signature-input': input.replace(strict, sent) }), 'ok', `${sent} is ${strict}`)
  }
  for (const [sent, other] of [[';ttl=60', ';ttl=60.0'], [';ttl=60.0', ';ttl=60'], [';t=tok', ';t="tok"'], [';at=@123', ';at=123']]) {
    const { signature, 'signature-input': input } = signed({ parameters: other })
    t.equal(await verdict(verifier, { signature, 'signature-input': input.replace(other, sent) }), NOT_VALID, `${sent} is not ${other}`)
  }
  t.equal(await verdict(verifier, { ...signed({ components: ['"@method"', '"@path"', '"@query"', '"x-a";sf'], values: { '"x-a";sf': 'strict a' } }), 'x-a': 'a' }), 'ok')
  const { signature, 'signature-input': input } = signed()
  t.equal(await verdict(verifier, { signature, 'signature-input': input.replace(`${NOW}`, `${NOW}.0`) }), 'The signature must say when it was created', 'a decimal is no integer')
  t.equal(await verdict(verifier, signed({ parameters: `;expires=${NOW + 9}.0` })), 'The signature does not say in seconds when it expires')
  t.equal(await verdict(verifier, signed({ components: [`"x-a"${Array.from({ length: 9 }, (_, i) => `;p${9 - i}`).join('')}`] })), 'The signature must cover "@method"', 'many parameters are not sorted')
})

t.test('keys that come later, fail, or are no keys', async t => {
  clock(t)
  const later = new Verifier({ keys: async id => await new Promise(resolve => setImmediate(() => { resolve(known(id)) })) })
  t.equal(await verdict(later, signed()), 'ok')
  t.equal(await verdict(later, signed({ key: { id: 'none', secret: '' } })), NOT_VALID)
  t.equal(await verdict(later, several({ key: { id: 'none', secret: '' } }, {})), 'ok')

  const nothing = new Verifier({ keys: id => known(id) ?? null as unknown as undefined })
  t.equal(await verdict(nothing, signed({ key: { id: 'none', secret: 'x' } })), NOT_VALID, 'null is none')
  t.equal(await verdict(nothing, several({ key: { id: 'none', secret: 'x' } }, {})), 'ok')

  const failure = new Error('no database')
  await t.rejects(new Verifier({ keys: () => { throw failure } }).verify(request(signed()), false), failure)
  await t.rejects(new Verifier({ keys: async () => { throw failure } }).verify(request(signed()), false), failure)
  await t.rejects(new Verifier({ keys: async id => { if (id === 'none') throw failure; return known(id) } }).verify(request(several({}, { key: { id: 'none', secret: '' } })), false), failure)

  for (const nothing of [undefined, null, '', 0]) {
    for (const keys of [() => { throw nothing }, async () => await Promise.reject(nothing)]) {
      const error = await new Verifier({ keys }).verify(request(signed()), false).then(() => 'passed', error => error)
      t.equal(error, nothing)
    }
  }

  const nonsense = [
    true, 1, 'secret', {}, [], () => {}, { secret: KEY.secret }, { permissions: [] }, { secret: '', permissions: [] }, { secret: [], permissions: [] },
    { secret: [KEY.secret, ''], permissions: [] }, { secret: [KEY.secret, undefined], permissions: [] }, { secret: 5, permissions: [] },
    { secret: new Uint8Array(0), permissions: [] }, { secret: KEY.secret, permissions: 'topic:read' }, { secret: KEY.secret, permissions: new Set(['a']) }
  ]
  for (const key of nonsense) {
    await t.rejects(new Verifier({ keys: () => key as unknown as Key }).verify(request(signed()), false), {
      name: 'TypeError', message: 'fastify-reason-phrase: keys() must return { secret, permissions }: a text or bytes, or several of them, and an array'
    })
  }
})

t.test('keys() that answers too late is a 503', async t => {
  clock(t)
  const late: Record<string, SignatureOptions['keys']> = {
    never: async () => await new Promise(() => {}),
    'with a key': async id => await new Promise(resolve => setTimeout(() => { resolve(known(id)) }, 20)),
    'with an error': async () => await new Promise((_resolve, reject) => setTimeout(() => { reject(new Error('late')) }, 20)),
    'with a thenable': () => ({ then: () => {} }) as unknown as Promise<Key>,
    'for one of two keys': id => id === KEY.id ? known(id) : new Promise(() => {})
  }
  const unhandled: unknown[] = []
  const note = (error: unknown): void => { unhandled.push(error) }
  process.on('unhandledRejection', note)
  t.teardown(() => { process.off('unhandledRejection', note) })
  for (const [title, keys] of Object.entries(late)) {
    const verifier = new Verifier({ keys, keysTimeout: 5 })
    await t.rejects(verifier.verify(request(several({}, { key: { id: 'other', secret: 'x' } })), false), {
      statusCode: 503, headers: { 'retry-after': '5' }, expose: true, message: 'Keys cannot be looked up for now', cause: { message: 'keys() did not answer within 5 ms' }
    }, title)
  }
  await new Promise(resolve => setTimeout(resolve, 30))
  t.strictSame(unhandled, [])
  const failure = new Error('no database')
  const oneFails = new Verifier({ keys: id => { if (id === 'other') throw failure; return new Promise(() => {}) }, keysTimeout: 5 })
  await t.rejects(oneFails.verify(request(several({}, { key: { id: 'other', secret: 'x' } })), false), failure)
  const thenable = new Verifier({ keys: id => ({ then: (resolve: (key?: Key) => void) => { resolve(known(id)) } }) as unknown as Promise<Key>, keysTimeout: 5 })
  t.equal(await verdict(thenable, signed()), 'ok')
})

t.test('each property of a key is read once', async t => {
  clock(t)
  const secrets = [KEY.secret, 'another']
  const permissions = [['a'], ['b']]
  const verifier = new Verifier({ keys: () => ({ get secret () { return secrets.shift()! }, get permissions () { return permissions.shift()! } }) })
  t.strictSame((await verifier.verify(request(signed()), false)).key.permissions, ['a'])
  t.strictSame(secrets, ['another'])
  const failure = new Error('no vault')
  await t.rejects(new Verifier({ keys: () => ({ get secret (): string { throw failure }, permissions: [] }) }).verify(request(signed()), false), failure)
})

t.test('what is required', async t => {
  clock(t)
  const none = new Verifier({ keys: known, required: [] })
  t.equal(none.createAcceptSignature(true), 'sig1=();created;alg="hmac-sha256"')
  t.equal(await verdict(none, signed({ components: [] }), true), 'ok')
  const verifier = new Verifier({ keys: known, required: ['@authority', 'content-type', 'x-tenant', 'content-digest'] })
  t.equal(verifier.createAcceptSignature(false), 'sig1=("@authority" "x-tenant");created;alg="hmac-sha256"')
  t.equal(verifier.createAcceptSignature(true), 'sig1=("@authority" "content-type" "x-tenant" "content-digest");created;alg="hmac-sha256"')
  t.equal(await verdict(verifier, signed()), 'The signature must cover "@authority"')
  const components = ['"@authority"', '"x-tenant"']
  const values = { '"@authority"': 'example.com', '"x-tenant"': 't' }
  t.equal(await verdict(verifier, { ...signed({ components, values }), 'x-tenant': 't' }), 'ok')
  t.equal(await verdict(verifier, { ...signed({ components, values }), 'x-tenant': 't' }, true), 'The signature must cover "content-type"')
  t.equal(await verdict(verifier, { ...signed({ components, values }), 'x-tenant': 'u' }), NOT_VALID)
})

t.test('options that cannot work', async t => {
  const cases: Array<[options: object, message: string]> = [
    [{}, 'option keys must be a function from the id of a key to the key, not \'undefined\''],
    [{ keys: { dev: 'a secret' } }, 'option keys must be a function from the id of a key to the key, not \'object\''],
    [{ keys: 'a secret' }, 'option keys must be a function from the id of a key to the key, not \'string\''],
    [{ keys: known, maxage: 1 }, 'unknown option "maxage" of signature, known are keys, keysTimeout, maxAge, clockSkew, required and replay'],
    ...[0, -1, 1.5, NaN, Infinity, '300', null].map((maxAge): [object, string] => [{ keys: known, maxAge }, 'option maxAge must be a positive number of whole seconds, not ']),
    ...[-1, 0.5, NaN, '30', null].map((clockSkew): [object, string] => [{ keys: known, clockSkew }, 'option clockSkew must be a number of whole seconds, not ']),
    ...['@path', null, ['Date'], ['@Path'], ['@status'], ['@query-param'], ['a b'], [''], [1], ['"date"'], ['date;sf']].map((required): [object, string] => [{ keys: known, required }, 'option required must be an array of field names in lower case and of @method, @target-uri, @authority, @scheme, @request-target, @path, @query, not ']),
    ...[true, null, {}, { store: {} }, { store: 'redis://:a secret@host' }, memoryStore()].map((replay): [object, string] => [{ keys: known, replay }, 'option replay.store must be an object with a method take, not ']),
    ...[0, -1, 1.5, '1000', null].map((timeout): [object, string] => [{ keys: known, replay: { store: memoryStore(), timeout } }, 'option replay.timeout must be a positive number of milliseconds, not ']),
    [{ keys: known, replay: { store: memoryStore(), timeout: 2 ** 31 } }, 'option replay.timeout must be at most 2147483647 milliseconds, not 2147483648'],
    ...[0, -1, 1.5, NaN, Infinity, '1000', null].map((keysTimeout): [object, string] => [{ keys: known, keysTimeout }, 'option keysTimeout must be a positive number of milliseconds, not ']),
    [{ keys: known, keysTimeout: 2 ** 31 }, 'option keysTimeout must be at most 2147483647 milliseconds, not 2147483648']
  ]
  for (const [options, message] of cases) {
    let error: Error | undefined
    try {
      new Verifier(options as SignatureOptions) // eslint-disable-line no-new
    } catch (thrown) {
      error = thrown as Error
    }
    t.ok(error instanceof TypeError, message)
    t.equal(error?.message.slice(0, message.length + 23), `fastify-reason-phrase: ${message}`)
    t.notMatch(error?.message, 'a secret')
  }
  t.doesNotThrow(() => new Verifier({ keys: known, maxAge: 1, clockSkew: 0, required: ['date', '@authority', 'x_y', '!x'], replay: { store: memoryStore(), timeout: 1 } }))
  t.doesNotThrow(() => new Verifier({ keys: known, keysTimeout: 2 ** 31 - 1, replay: { store: memoryStore(), timeout: 2 ** 31 - 1 } }))
})

t.test('replay', async t => {
  const time = clock(t)
  t.intercept(performance, 'now', { value: () => time.seconds * 1000 })
  const calls: unknown[][] = []
  const memory = memoryStore()
  const store: ReplayStore = { take: (...args) => { calls.push(args); return memory.take(...args) } }
  const verifier = new Verifier({ keys: id => id === 'test:1' ? { secret: 'x', permissions: [] } : known(id), maxAge: 60, clockSkew: 5, replay: { store } })
  t.match(verifier.createAcceptSignature(false), /^sig1=\("@method" "@path" "@query"\);created;nonce="[\w-]{22}";alg="hmac-sha256"$/)
  t.not(verifier.createAcceptSignature(false), verifier.createAcceptSignature(false))

  const NONCE = 'The signature must have a nonce of 1 to 256 characters'
  for (const parameters of ['', ';nonce', ';nonce=""', ';nonce=1', ';nonce=token', `;nonce="${'x'.repeat(257)}"`]) t.equal(await verdict(verifier, signed({ parameters })), NONCE, parameters)
  t.equal(await verdict(verifier, signed({ key: { id: KEY.id, secret: 'wrong' }, parameters: ';nonce="a"' })), NOT_VALID)
  t.equal(await verdict(verifier, signed({ key: { id: 'none', secret: KEY.secret }, parameters: ';nonce="a"' })), NOT_VALID)
  t.equal(await verdict(verifier, signed({ created: 1, parameters: ';nonce="a"' })), 'The signature was created more than 60 seconds ago: sign each request anew, and set the clock')
  t.strictSame(calls, [], 'a nonce is taken only from who has the key')

  t.equal(await verdict(verifier, signed({ parameters: `;nonce="${'x'.repeat(256)}"` })), 'ok')
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="a"' })), 'ok')
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="a"' })), USED)
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="a"', created: NOW - 1 })), USED, 'also of another signature')
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="A"' })), 'ok')
  t.equal(await verdict(verifier, signed({ key: { id: 'test:1', secret: 'x' }, parameters: ';nonce="b"' })), 'ok')
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="1:b"' })), 'ok', 'of another key')
  t.strictSame(calls.at(1), ['4:test:a', 66, NOW + 61])

  const late = signed({ created: NOW + 5, parameters: ';nonce="late"' })
  t.equal(await verdict(verifier, late), 'ok')
  time.seconds = NOW + 65
  t.equal(await verdict(verifier, late), USED, 'as long as its signature counts')
  time.seconds = NOW + 66
  t.match(await verdict(verifier, late), /more than 60 seconds ago/)
})

t.test('a nonce that was used before is a 503 without Retry-After', async t => {
  clock(t)
  const verifier = new Verifier({ keys: known, replay: { store: memoryStore() } })
  const fields = signed({ parameters: ';nonce="a"' })
  t.equal(await verdict(verifier, fields), 'ok')
  const error = await verifier.verify(request(fields), false).catch(error => error)
  t.strictSame({ ...error }, { statusCode: 503, expose: true })
  t.equal(error.message, 'The nonce was used before, so this request may have been processed')
  const forged = { ...fields, signature: 'sig1=:AAAA:' }
  t.equal(await verdict(verifier, forged), NOT_VALID, 'without the key, nobody learns which nonces were used')
  t.equal(await verdict(verifier, signed({ key: { id: KEY.id, secret: 'wrong' }, parameters: ';nonce="b"' })), NOT_VALID)
  t.equal(await verdict(verifier, signed({ parameters: ';nonce="b"' })), 'ok', 'without the key, nobody uses one up')
})

t.test('a copy that gets too old while its key is looked up does not pass', async t => {
  const time = clock(t)
  t.intercept(performance, 'now', { value: () => time.seconds * 1000 })
  let delay = 0
  const keys = (id: string): Key | undefined => { time.seconds += delay; return known(id) }
  const verifier = new Verifier({ keys, keysTimeout: 10_000, maxAge: 60, clockSkew: 5, replay: { store: memoryStore() } })
  const fields = signed({ parameters: ';nonce="a"' })
  t.equal(await verdict(verifier, fields), 'ok')
  time.seconds += 60
  delay = 7
  t.match(await verdict(verifier, fields), /more than 60 seconds ago/, 'although its nonce is forgotten by then')
})

t.test('a clock that is set back lets no request pass again', async t => {
  const wrapped = memoryStore()
  const wrapper: ReplayStore = { take: (nonce, lifetime) => wrapped.take(nonce, lifetime) }
  const stores = { memoryStore: memoryStore(), 'a store that hands on two arguments': wrapper }
  for (const [title, store] of Object.entries(stores)) {
    t.test(title, async t => {
      const time = clock(t)
      let elapsed = 0
      t.intercept(performance, 'now', { value: () => elapsed * 1000 })
      const pass = (seconds: number, set = 0): void => { elapsed += seconds; time.seconds += seconds + set }
      const verifier = new Verifier({ keys: known, maxAge: 60, clockSkew: 5, replay: { store } })
      const sent = (nonce: string) => signed({ created: Math.floor(time.seconds), parameters: `;nonce="${nonce}"` })
      const refused = async (fields: Record<string, string>): Promise<boolean> => await verifier.verify(request(fields), false).then(() => false, ({ statusCode }) => statusCode === 503)

      const first = sent('first')
      t.equal(await verdict(verifier, first), 'ok')
      pass(100, -100)
      t.equal(await verdict(verifier, first), USED, 'while its signature counts')
      t.equal(await verdict(verifier, sent('second')), 'ok', 'a new one passes')
      pass(70)
      t.match(await verdict(verifier, first), /more than 60 seconds ago/)
      const third = sent('third')
      t.equal(await verdict(verifier, third), 'ok')
      pass(1, -71)
      t.ok(await refused(first), 'its nonce may be forgotten')
      pass(80)
      t.equal(await verdict(verifier, sent('fourth')), 'ok', 'once the clock is where it was, requests pass')
      const fifth = sent('fifth')
      t.equal(await verdict(verifier, fifth), 'ok')
      pass(1, 3600)
      t.equal(await verdict(verifier, sent('sixth')), 'ok', 'a clock that was ahead')
      pass(1, -3600)
      t.ok(await refused(fifth), 'and is mended')
      // Without the third argument, the store cannot tell a new signature from a forgotten one.
      if (store !== wrapper) t.equal(await verdict(verifier, sent('seventh')), 'ok')
    })
  }
})

t.test('stores that fail, hang, or say nonsense', async t => {
  clock(t)
  const fields = signed({ parameters: ';nonce="a"' })
  const down = new Error('no store')
  const stores: Record<string, [take: () => unknown, cause: unknown]> = {
    throws: [() => { throw down }, down],
    rejects: [async () => { throw down }, down],
    'rejects with nothing': [async () => await Promise.reject(undefined), undefined], // eslint-disable-line prefer-promise-reject-errors
    hangs: [async () => await new Promise(() => {}), { message: 'The store of nonces did not answer within 5 ms' }],
    'rejects too late': [async () => await new Promise((_resolve, reject) => { setTimeout(() => { reject(down) }, 20) }), { message: 'The store of nonces did not answer within 5 ms' }],
    'answers too late': [async () => await new Promise(resolve => { setTimeout(() => { resolve(true) }, 20) }), { message: 'The store of nonces did not answer within 5 ms' }]
  }
  for (const [title, [take, cause]] of Object.entries(stores)) {
    const verifier = new Verifier({ keys: known, replay: { store: { take: take as ReplayStore['take'] }, timeout: 5 } })
    await t.rejects(verifier.verify(request(fields), false), { statusCode: 503, headers: { 'retry-after': '5' }, expose: true, message: 'Nonces cannot be looked up for now', cause }, title)
  }
  await new Promise(resolve => setTimeout(resolve, 30))

  for (const value of [undefined, null, 1, 'OK', {}]) {
    for (const take of [() => value, async () => value]) {
      const verifier = new Verifier({ keys: known, replay: { store: { take: take as unknown as ReplayStore['take'] } } })
      await t.rejects(verifier.verify(request(fields), false), { statusCode: 503, cause: { message: 'The store of nonces must answer true or false' } }, `${String(value)} is no true`)
    }
  }
  const verifier = new Verifier({ keys: known, replay: { store: { take: async () => true } } })
  t.equal(await verdict(verifier, fields), 'ok')
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

t.test('whatever is sent, it is refused with a 401', async t => {
  clock(t)
  const verifier = new Verifier({ keys: known })
  await fc.assert(fc.asyncProperty(fc.oneof(inputs, fc.string({ unit: 'binary' }), text), fc.oneof(fc.constant('sig1=:AAAA:'), text), async (input, signature) => {
    t.not(await verdict(verifier, { 'signature-input': input, signature }), 'ok')
  }), { numRuns: 1500 })
})
