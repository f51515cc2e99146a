import { createHash, createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { httpbis } from 'http-message-signatures'
import t, { type Test } from 'tap'
import { signer, type Key, type SignerOptions } from '../../client/index.js'
import { createFieldSigner } from '../../client/signer.js'
import { createSignatureBase, getComponentValue, type SignableRequest } from '../../lib/signature/signature-base.js'
import { parseDictionary, serializeMember, type InnerList } from '../../lib/signature/structured-fields.js'
import { serve, findSignatureError, type Received } from './fixtures/servers.js'

const key = { id: 'dev', secret: 'hush, hüsh' }
const url = 'http://127.0.0.1/v2/topic'

/** Signs requests, sends them to a server, and returns what the server received. */
async function received (t: Test, requests: Array<[target: string, init?: RequestInit]>, options?: SignerOptions): Promise<Received[]> {
  const all: Received[] = []
  const origin = await serve(t, (request, response) => {
    all.push(request)
    response.end()
  })
  const sign = signer(key, options)
  for (const [target, init] of requests) await (await fetch(await sign(new Request(origin + target, init)))).text()
  return all
}

/** Asserts with another implementation that the signature is valid, and that it is not for another request. */
async function isVerified (t: Test, { method, url, headers }: Received, title: string): Promise<void> {
  const message = { method, url: `http://${headers.host}${url}`, headers: headers as Record<string, string> }
  const config = {
    all: true,
    requiredParams: ['created', 'nonce', 'keyid', 'alg'],
    requiredFields: ['@method', '@path', '@query'],
    keyLookup: async ({ keyid }: { keyid?: string }) => keyid !== key.id
      ? null
      : { id: key.id, algs: ['hmac-sha256'], verify: async (data: Buffer, mac: Buffer) => createHmac('sha256', key.secret).update(data).digest().equals(mac) }
  }
  t.equal(await httpbis.verifyMessage(config, message), true, title)
  t.equal(await httpbis.verifyMessage(config, { ...message, method: 'PURGE' }), false)
  t.equal(await httpbis.verifyMessage(config, { ...message, url: `${message.url}a` }), false)
}

t.test('creates signatures that node:crypto and another implementation verify', async t => {
  const form = new FormData()
  form.append('name', 'a')
  form.append('file', new Blob(['\0\xff']), 'a.bin')
  const requests: Array<[string, RequestInit?]> = [
    ['/v2/topic'],
    ['/'],
    ['/v2/topic?limit=1&name=a%20b+c'],
    ['/v2/topic?'],
    ['/v2/a%2Fb/%C3%A9?%C3%A9=a?b'],
    ['/v2/topic/é|"?q=é"|'],
    ['/v2/topic', { method: 'HEAD' }],
    ['/v2/topic', { method: 'DELETE' }],
    ['/v2/topic', { method: 'POST' }],
    ['/v2/topic', { method: 'POST', body: '' }],
    ['/v2/topic', { method: 'POST', body: 'text, técnico' }],
    ['/v2/topic', { method: 'PUT', body: new Uint8Array([0, 255, 10, 13]) }],
    ['/v2/topic', { method: 'PATCH', body: new Blob(['{}'], { type: 'application/json' }) }],
    ['/v2/topic', { method: 'POST', body: new URLSearchParams({ name: 'a b' }) }],
    ['/v2/topic', { method: 'POST', body: form }],
    ['/v2/topic', { method: 'POST', body: new Blob(['a', 'b']).stream(), duplex: 'half' }]
  ]
  const all = await received(t, requests)
  t.equal(all.length, requests.length)
  for (const [index, request] of all.entries()) {
    const title = `${request.method} ${request.url} ${index}`
    t.equal(findSignatureError(request, key.id, key.secret), undefined, title)
    await isVerified(t, request, title)
  }
  t.strictSame(all.map(({ body }) => body.length > 0), [...Array(10).fill(false), ...Array(6).fill(true)])
})

t.test('components', async t => {
  const components = ['@authority', '@scheme', '@target-uri', '@request-target', '@path', 'content-type', 'x-name', 'x-absent']
  const covered = ({ headers }: Received) => /\((.*)\)/.exec(String(headers['signature-input']))![1]
  const always = '"@method" "@path" "@query"'
  const derived = '"@authority" "@scheme" "@target-uri" "@request-target"'

  t.test('are covered; a header field only in requests that have it', async t => {
    const [get, post] = await received(t, [
      ['/a?b=c'],
      ['/a', { method: 'POST', body: 'text', headers: { 'x-name': 'a' } }]
    ], { components })
    t.equal(covered(get!), `${always} ${derived}`)
    t.equal(covered(post!), `${always} "content-digest" ${derived} "content-type" "x-name"`)
    await isVerified(t, get!, 'GET')
    await isVerified(t, post!, 'POST')
  })

  t.test('always include the idempotency key of a request that has one, once', async t => {
    const init = { method: 'POST', body: 'text', headers: { 'Idempotency-Key': '"k1"', 'x-name': 'a' } }
    for (const [components, expected] of [
      [undefined, '"idempotency-key"'], [[], '"idempotency-key"'], [['x-name'], '"x-name" "idempotency-key"'], [['idempotency-key', 'x-name'], '"idempotency-key" "x-name"']
    ] as const) {
      const [keyed, plain] = await received(t, [['/a', init], ['/a', { method: 'POST' }]], { components: components && [...components] })
      t.equal(covered(keyed!), `${always} "content-digest" ${expected}`)
      t.equal(covered(plain!), always)
      t.equal(findSignatureError(keyed!, key.id, key.secret), undefined)
      await isVerified(t, keyed!, String(components))
    }
  })

  t.test('are signed as the bytes on the wire if a value is not ASCII', async t => {
    const [request] = await received(t, [['/', { headers: { 'x-name': 'é\xff' } }]], { components: ['@authority', 'x-name'] })
    t.equal(request!.headers['x-name'], 'é\xff')
    t.equal(findSignatureError(request!, key.id, key.secret), undefined)
  })

  t.test('are rejected if no request has them', async t => {
    for (const name of ['@status', '@query-param', '@signature-params', '@Method']) {
      await t.rejects(signer(key, { components: [name] })(new Request(url)), new TypeError(`fastify-reason-phrase: components contains "${name}", which no request has`))
    }
    await t.rejects(signer(key, { components: ['a b'] })(new Request(url)), TypeError)
  })
})

t.test('signature fields', async t => {
  const sign = signer(key)
  const before = Math.floor(Date.now() / 1000)

  t.test('without a body cover the method, path and query', async t => {
    const { headers } = await sign(new Request(url))
    const [, created, nonce] = /^sig1=\("@method" "@path" "@query"\);created=(\d+);nonce="([\w-]{22})";keyid="dev";alg="hmac-sha256"$/.exec(headers.get('signature-input')!)!
    t.ok(Number(created) >= before && Number(created) <= Date.now() / 1000)
    t.equal(Buffer.from(nonce!, 'base64url').length, 16)
    t.match(headers.get('signature'), /^sig1=:[\w+/]{43}=:$/)
    t.equal(headers.has('content-digest'), false)
  })

  t.test('with a body cover its digest, as in RFC 9530', async t => {
    const { headers } = await sign(new Request(url, { method: 'POST', body: '{"hello": "world"}\n' }))
    t.match(headers.get('signature-input'), /^sig1=\("@method" "@path" "@query" "content-digest"\);created=/)
    t.equal(headers.get('content-digest'), 'sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:')
  })

  t.test('are new for each signature, and replace earlier signature fields', async t => {
    const request = new Request(url)
    const nonces = new Set<string>()
    let signed = request
    // This is more than the signer creates at once.
    for (let i = 0; i < 150; i++) {
      signed = await sign(signed)
      nonces.add(/nonce="(.*?)"/.exec(signed.headers.get('signature-input')!)![1]!)
    }
    t.equal(nonces.size, 150)
    t.match(signed.headers.get('signature'), /^sig1=:[\w+/]{43}=:$/)
  })
})

t.test('signs any request like the general algorithm', async t => {
  const latin1 = fc.string({ unit: fc.integer({ min: 0x20, max: 0xff }).map(code => String.fromCharCode(code)), maxLength: 12 })
  const name = fc.constantFrom('content-digest', 'content-type', 'idempotency-key', 'x-a', 'constructor', '@method', '@path', '@query', '@authority', '@scheme', '@target-uri', '@request-target')
  const requests = fc.record({
    id: fc.string({ unit: fc.oneof(fc.constantFrom('"', '\\'), fc.string({ minLength: 1, maxLength: 1 })), minLength: 1, maxLength: 8 }),
    secret: fc.uint8Array({ minLength: 1, maxLength: 80 }),
    components: fc.array(name, { maxLength: 14 }),
    method: fc.constantFrom('GET', 'POST', 'M-SEARCH'),
    scheme: fc.constantFrom('http', 'https'),
    authority: fc.constantFrom('a', 'a.example:8080', '[::1]:3000'),
    target: fc.oneof(fc.webPath(), fc.constantFrom('', '*', '/', '?', '/?', '/a?', '/??', '/a?b?c', '//a', 'http://a', 'http://a/b?c', 'a:80'), latin1),
    fields: fc.dictionary(name, latin1),
    body: fc.uint8Array({ maxLength: 300 })
  })
  await fc.assert(fc.asyncProperty(requests, async ({ id, secret, components, fields, body, ...parts }) => {
    const withFields = (fields: Record<string, string>): SignableRequest => {
      const values = new Map(Object.entries(fields))
      return { ...parts, field: name => values.get(name) }
    }
    const sign = createFieldSigner({ id, secret }, { components })
    const { signature, 'signature-input': input, ...digest } = await sign(withFields(fields), Uint8Array.from(body))
    t.strictSame(digest, body.length === 0 ? {} : { 'content-digest': `sha-256=:${createHash('sha256').update(body).digest('base64')}:` })

    const sent = withFields({ ...fields, ...digest })
    const list = parseDictionary(input!).get('sig1') as InnerList
    const covered = list.items.map(item => ({ name: String(item.bare.value), parameters: item.parameters, identifier: serializeMember(item) }))
    const present = [...components, 'idempotency-key'].filter(name => name.startsWith('@') || sent.field(name, new Map()) !== undefined)
    t.strictSame(covered.map(({ name }) => name), [...new Set(['@method', '@path', '@query', ...Object.keys(digest), ...present])])
    t.equal(list.parameters.get('keyid')!.value, id)
    const base = createSignatureBase(covered, serializeMember(list), component => getComponentValue(sent, component)!)
    t.equal(signature, `sig1=:${createHmac('sha256', secret).update(base, 'latin1').digest('base64')}:`)
  }), { numRuns: 200 })
})

t.test('does not read the body of a request without one', async t => {
  const reads = t.capture(Request.prototype, 'arrayBuffer', Request.prototype.arrayBuffer)
  const sign = signer(key)
  await sign(new Request(url))
  t.equal(reads().length, 0)
  await sign(new Request(url, { method: 'POST', body: '' }))
  t.equal(reads().length, 1)
})

t.test('does not change the request, and copies it with all its properties', async t => {
  const controller = new AbortController()
  const request = new Request(`${url}?a=b`, { method: 'POST', body: 'text', headers: { 'x-a': 'b' }, redirect: 'manual', signal: controller.signal })
  const signed = await signer(key)(request)
  t.equal(request.headers.has('signature'), false)
  t.equal(request.bodyUsed, false)
  for (const field of ['method', 'url', 'redirect'] as const) t.equal(signed[field], request[field])
  t.equal(signed.headers.get('x-a'), 'b')
  t.equal(signed.headers.get('content-type'), 'text/plain;charset=UTF-8')
  t.equal(await signed.text(), 'text')
  t.equal(await request.text(), 'text')
  controller.abort()
  t.equal(signed.signal.aborted, true)
  await t.rejects(signer(key)(request), TypeError, 'rejects a body that was read')
})

t.test('secret', async t => {
  const request = { method: 'GET', url: '/v2/topic', headers: {}, body: Buffer.of() }
  const signed = async (id: string, secret: Key['secret']): Promise<Received> => ({
    ...request, headers: Object.fromEntries((await signer({ id, secret })(new Request(url))).headers)
  })

  t.test('is used as bytes, or as the UTF-8 bytes of a string', async t => {
    const bytes = Buffer.from(key.secret)
    for (const secret of [key.secret, new Uint8Array(bytes), bytes]) t.equal(findSignatureError(await signed('dev', secret), 'dev', bytes), undefined)
    const binary = Uint8Array.of(0, 255, 128)
    t.equal(findSignatureError(await signed('dev', binary), 'dev', binary), undefined)
    t.equal(findSignatureError(await signed('dev', 'another'), 'dev', bytes), 'Signature')
  })

  t.test('can be overwritten by the caller after signer() returns', async t => {
    const secret = Uint8Array.of(1, 2, 3)
    const sign = signer({ id: 'dev', secret })
    secret.fill(0)
    const { headers } = await sign(new Request(url))
    t.equal(findSignatureError({ ...request, headers: Object.fromEntries(headers) }, 'dev', Uint8Array.of(1, 2, 3)), undefined)
  })

  t.test('can have an id of any printable ASCII', async t => {
    for (const id of ['a', 'a b', 'a"b\\c', '!#~', 'a'.repeat(1000)]) t.equal(findSignatureError(await signed(id, 'b'), id, 'b'), undefined)
  })

  t.test('is imported only once', async t => {
    const imports = t.capture(crypto.subtle, 'importKey', crypto.subtle.importKey)
    const sign = signer(key)
    await Promise.all([sign(new Request(url)), sign(new Request(url))])
    await sign(new Request(url))
    t.equal(imports().length, 1)
  })

  t.test('is not visible on the signer or the signed request', async t => {
    const sign = signer({ id: 'dev', secret: 'hush' })
    t.notMatch(inspect([sign, await sign(new Request(url))], { depth: Infinity, showHidden: true }), /hush/)
  })
})

t.test('escapes the key id as a structured field string', async t => {
  const { headers } = await signer({ id: 'a"b\\\\c', secret: 'x' })(new Request(url))
  t.match(headers.get('signature-input'), ';keyid="a\\"b\\\\\\\\c";')
})

t.test('throws for an invalid key', async t => {
  const refused = { name: 'TypeError', message: 'fastify-reason-phrase: key must have an id of printable ASCII, and a secret that is not empty' }
  const wrong = [
    { id: '', secret: 'hush' }, { id: 'é', secret: 'hush' }, { id: 'a\n', secret: 'hush' }, { id: 'a\tb', secret: 'hush' },
    { id: 'a', secret: '' }, { id: 'a', secret: new Uint8Array(0) }
  ]
  const untyped: unknown[] = [{ secret: 'hush' }, { id: null, secret: 'hush' }, { id: 1, secret: 'hush' }, { id: 'a' }, { id: 'a', secret: 1 }, { id: 'a', secret: ['hush'] }]
  for (const key of [...wrong, ...untyped]) t.throws(() => signer(key as Key), refused, inspect(key))

  t.test('throws on a page without WebCrypto', async t => {
    t.intercept(globalThis, 'crypto', { value: {} })
    t.throws(() => signer(key), { name: 'TypeError', message: 'fastify-reason-phrase: signing needs WebCrypto, which browsers have only on https and on localhost' })
  })
})
