import t from 'tap'
import type { SignedRequest } from '../../../lib/signature/signatures.js'
import { Verifier } from '../../../lib/signature/verifier.js'
import { createRequest, keys, NOT_VALID, NOW, PLAIN, several, signed, stopClock, verdict } from '../../fixtures/verify.js'

t.test('rejects components that are missing, repeated, malformed, or without a value', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys })
  const good = signed()
  const cases: Array<[fields: Record<string, string>, reason: string, hasBody?: boolean]> = [
    [signed({ components: ['"@method"', '"@path"'] }), 'The signature must cover "@query"'],
    [signed({ components: [] }), 'The signature must cover "@method"'],
    [signed(), 'The signature must cover "content-digest"', true],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"content-digest";sf'] }), 'The signature must cover "content-digest"', true],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"@method"'] }), 'The signature covers "@method" twice'],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"x-a"', '"x-a"'], values: { '"x-a"': 'a' } }), 'The signature covers "x-a" twice'],
    [{ 'signature-input': `sig1=("@method" "@path" "@query" "x-a";b;a=1 "x-a";a=1;b);created=${NOW};keyid="test"`, signature: good.signature }, 'The signature covers "x-a";a=1;b twice'],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"X-A"'] }), 'The signature covers a component whose name is not a lowercase string'],
    [signed({ components: ['1', '"@method"', '"@path"', '"@query"'] }), 'The signature covers a component whose name is not a lowercase string'],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"@status"'] }), 'The signature covers "@status", but the request has no value for it'],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"@signature-params"'] }), 'The signature covers "@signature-params", but the request has no value for it'],
    [signed({ components: ['"@method"', '"@path"', '"@query"', '"x-a";req'] }), 'The signature covers "x-a";req, but the request has no value for it']
  ]
  for (const [fields, reason, hasContent = false] of cases) {
    t.equal(await verdict(verifier, fields, { hasContent }), reason, fields['signature-input'])
    t.match(reason, /^[ -~]{1,128}$/, 'the message fits into a reason phrase')
  }
})

t.test('requires the components of the option, and components of content only if there is content', async t => {
  stopClock(t)
  const none = new Verifier({ keys, required: [] })
  t.equal(none.createAcceptSignature({ ...PLAIN, hasContent: true }), 'sig1=();created;alg="hmac-sha256"')
  t.equal(await verdict(none, signed({ components: [] }), { hasContent: true }), 'ok')
  const verifier = new Verifier({ keys, required: ['@authority', 'content-type', 'x-tenant', 'content-digest'] })
  t.equal(verifier.createAcceptSignature(PLAIN), 'sig1=("@authority" "x-tenant");created;alg="hmac-sha256"')
  t.equal(verifier.createAcceptSignature({ ...PLAIN, hasContent: true }), 'sig1=("@authority" "content-type" "x-tenant" "content-digest");created;alg="hmac-sha256"')
  t.equal(await verdict(verifier, signed()), 'The signature must cover "@authority"')
  const components = ['"@authority"', '"x-tenant"']
  const values = { '"@authority"': 'example.com', '"x-tenant"': 't' }
  t.equal(await verdict(verifier, { ...signed({ components, values }), 'x-tenant': 't' }), 'ok')
  t.equal(await verdict(verifier, { ...signed({ components, values }), 'x-tenant': 't' }, { hasContent: true }), 'The signature must cover "content-type"')
  t.equal(await verdict(verifier, { ...signed({ components, values }), 'x-tenant': 'u' }), NOT_VALID)
})

t.test('requires the idempotency key of a request that has one, once', async t => {
  stopClock(t)
  const keyed = { ...PLAIN, isKeyed: true }
  const verifier = new Verifier({ keys })
  t.equal(verifier.createAcceptSignature(keyed), 'sig1=("@method" "@path" "@query" "idempotency-key");created;alg="hmac-sha256"')
  t.equal(verifier.createAcceptSignature({ ...keyed, hasContent: true }), 'sig1=("@method" "@path" "@query" "content-digest" "idempotency-key");created;alg="hmac-sha256"')
  const named = new Verifier({ keys, required: ['idempotency-key', '@path'] })
  for (const isKeyed of [false, true]) t.equal(named.createAcceptSignature({ ...PLAIN, isKeyed }), 'sig1=("idempotency-key" "@path");created;alg="hmac-sha256"')

  const components = ['"@method"', '"@path"', '"@query"', '"idempotency-key"']
  const covering = { ...signed({ components, values: { '"idempotency-key"': 'a' } }), 'idempotency-key': 'a' }
  for (const time of ['first', 'second']) {
    t.equal(await verdict(verifier, { ...signed(), 'idempotency-key': 'a' }, keyed), 'The signature must cover "idempotency-key"', time)
    t.equal(await verdict(verifier, covering, keyed), 'ok', time)
    t.equal(await verdict(verifier, { ...covering, 'idempotency-key': 'b' }, keyed), NOT_VALID, time)
    t.equal(await verdict(verifier, covering, { ...keyed, hasContent: true }), 'The signature must cover "content-digest"', time)
  }
  const strict = signed({ components: [...components.slice(0, 3), '"idempotency-key";sf'], values: { '"idempotency-key";sf': 'strict a' } })
  t.equal(await verdict(verifier, { ...strict, 'idempotency-key': 'a' }, keyed), 'The signature must cover "idempotency-key"', 'without parameters')
})

t.test('reads the value of each component once, and no value of a request that is rejected earlier', async t => {
  stopClock(t)
  const verifier = new Verifier({ keys })
  const counted = (fields: Record<string, string>): [request: SignedRequest, asked: string[]] => {
    const asked: string[] = []
    const plain = createRequest(fields)
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
  const lax = new Verifier({ keys, required: [] })
  const [big, asked] = counted({ ...several(...Array.from({ length: 8 }, () => ({ components, key: { id: 'none', secret: '' } }))), 'x-a': 'a' })
  await t.rejects(lax.verify(big, PLAIN), { message: NOT_VALID })
  t.strictSame(asked.sort(), ['?a', 'signature', 'signature-input', 'x-a', 'x-a;sf=?1'])

  for (const signing of [{ components }, { components: [...components, '"@path"', '"@query"'], created: 1 }, { components: [...components, '"@path"', '"@query"', '"x-a"'] }]) {
    const [refused, asked] = counted({ ...signed(signing), 'x-a': 'a' })
    await t.rejects(verifier.verify(refused, PLAIN), { message: /^The signature / })
    t.strictSame(asked.sort(), ['signature', 'signature-input'])
  }
})
