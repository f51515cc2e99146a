import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import t from 'tap'
import reasonPhrase, { serverOptions } from '../../../index.js'
import signature, { memoryStore, type Key } from '../../../plugins/signature/index.js'
import { assertInjectedError } from '../../fixtures/service.js'
import { KEY, sign, type Signing } from '../../fixtures/sign.js'
import { build, bytes, keyed, keys, MISMATCH, NOT_VALID, send, signedBytes, UNSIGNED } from '../../fixtures/signed-service.js'
import { exchange, assertErrorResponse, listen, valuesOf } from '../../fixtures/wire.js'

t.test('sends a message that explains the problem with the signature, and Accept-Signature', async t => {
  const created = Math.floor(Date.now() / 1000)
  const port = await listen(t, await build(t, { replay: { store: memoryStore() } }))
  const GET = (signing?: Signing): Buffer => signedBytes('GET', '/any', undefined, signing)
  const cases: Array<[request: Buffer, reason: string]> = [
    [bytes('GET', '/any'), UNSIGNED],
    [bytes('GET', '/any', { 'signature-input': 'sig1=(', signature: 'sig1=:AA==:' }), 'The Signature-Input field is malformed'],
    [bytes('GET', '/any', { 'signature-input': 'sig1=()', signature: ':' }), 'The Signature field is malformed'],
    [bytes('GET', '/any', { 'signature-input': 'sig1=();created=1', signature: 'sig1=:AA==:' }), 'The request has no signature with the parameter keyid'],
    [GET({ key: { id: 'none', secret: KEY.secret } }), NOT_VALID],
    [GET({ key: { id: KEY.id, secret: 'wrong' } }), NOT_VALID],
    [GET({ components: ['"@method"', '"@path"'] }), 'The signature must cover "@query"'],
    [GET({ components: ['"@method"', '"@path"', '"@query"', '"@path"'] }), 'The signature covers "@path" twice'],
    [GET({ components: ['"@method"', '"@path"', '"@query"', '"date"'] }), 'The signature covers "date", but the request has no value for it'],
    [GET({ created: created - 400 }), 'The signature was created more than 300 seconds ago: sign each request when you send it, and set the clock'],
    [GET({ created: created + 400 }), 'The signature was created in the future: set the clock'],
    [GET({ created: 0.5 }), 'The signature must have the parameter created, in whole seconds since 1970'],
    [GET({ parameters: `;nonce="a";expires=${created - 1}` }), 'The signature has expired'],
    [GET({ parameters: ';nonce="a";alg="rsa-pss-sha512"' }), 'The algorithm of the key is hmac-sha256'],
    [GET({ parameters: '' }), 'The signature must have a nonce of 1 to 256 characters'],
    [signedBytes('POST', '/any', '{"a":1}', { components: ['"@method"', '"@path"', '"@query"'] }), 'The signature must cover "content-digest"'],
    [signedBytes('POST', '/any', '{"a":1}', {}, { 'content-digest': 'md5=:AA==:' }), NOT_VALID],
    [signedBytes('POST', '/any', '{"a":1}', { values: { '"content-digest"': 'md5=:AA==:' } }, { 'content-digest': 'md5=:AA==:' }), 'The request must have a Content-Digest with sha-256 or sha-512'],
    [signedBytes('POST', '/any', '{"a":1}', {}, {}, '{"a":2}'), MISMATCH],
    [signedBytes('GET', '/any', '{"a":1}'), 'A GET request must have no body'],
    [signedBytes('POST', '/any', undefined, { components: ['"@method"', '"@path"', '"@query"', '"content-digest"'], values: { '"content-digest"': 'sha-256=:AA==:' } }, { 'content-digest': 'sha-256=:AA==:' }), MISMATCH]
  ]
  for (const [request, reason] of cases) {
    const response = await exchange(port, request)
    assertErrorResponse(t, response, 401, reason, request.toString())
    t.strictSame(valuesOf(response, 'www-authenticate'), ['HMAC'])
    const hasBody = request.includes('\r\ncontent-length:')
    t.match(valuesOf(response, 'accept-signature'), [new RegExp(`^sig1=\\("@method" "@path" "@query"${hasBody ? ' "content-digest"' : ''}\\);created;nonce="[\\w-]{22}";alg="hmac-sha256"$`)])
  }
})

t.test('requires that a signature covers the idempotency key on every route, and names the key in Accept-Signature', async t => {
  const port = await listen(t, await build(t))
  for (const [method, path, body] of [['GET', '/any'], ['POST', '/any'], ['POST', '/any', '{"a":1}'], ['POST', '/none', '{"a":1}']] as const) {
    for (const key of ['k1', '"k1"', '']) {
      const response = await exchange(port, signedBytes(method, path, body, {}, { 'idempotency-key': key }))
      assertErrorResponse(t, response, 401, 'The signature must cover "idempotency-key"')
      t.strictSame(valuesOf(response, 'accept-signature'), [`sig1=("@method" "@path" "@query"${body === undefined ? '' : ' "content-digest"'} "idempotency-key");created;alg="hmac-sha256"`])
    }
    const fields = keyed(method, path, body)
    t.equal((await exchange(port, bytes(method, path, fields, body))).statusCode, path === '/none' ? 404 : 200)
    assertErrorResponse(t, await exchange(port, bytes(method, path, { ...fields, 'idempotency-key': 'k2' }, body)), 401, NOT_VALID)
  }
  const two = bytes('POST', '/any', { ...keyed('POST', '/any'), 'Idempotency-Key': 'k1' })
  assertErrorResponse(t, await exchange(port, two), 401, NOT_VALID, 'a second line was added')
  t.equal((await exchange(port, bytes('GET', '/open', { 'idempotency-key': 'k1' }))).statusCode, 200)
})

t.test('sends a 5xx if keys() fails, and never runs the handler', async t => {
  let fail: () => any = () => {}
  let ran = 0
  const app = await build(t, { keys: () => fail() }, {}, app => { app.get('/ran', { config: { permission: 'x' } }, async () => { ran++; return 'unsafe' }) })
  for (const thrown of [undefined, null, false, 0, '', NaN, 'a text', {}, { statusCode: 200 }, new Error('secret'), new TypeError('secret')]) {
    for (const way of [() => { throw thrown }, async () => { throw thrown }, () => ({ then (_resolve: unknown, reject: (error: unknown) => void) { reject(thrown) } })]) {
      fail = way
      assertInjectedError(t, await send(app, 'GET', '/ran'), 500, 'Internal Server Error')
    }
  }
  fail = () => { throw Object.assign(new Error('The keys are not there'), { statusCode: 503, expose: true, headers: { 'retry-after': '9' } }) }
  const response = await send(app, 'GET', '/ran')
  assertInjectedError(t, response, 503, 'The keys are not there')
  t.equal(response.headers['retry-after'], '9')
  fail = () => ({ secret: KEY.secret })
  assertInjectedError(t, await send(app, 'GET', '/ran'), 500, 'Internal Server Error')
  fail = () => ({ secret: KEY.secret, permissions: ['y', 'xx'] })
  assertInjectedError(t, await send(app, 'GET', '/ran'), 403, 'The key lacks the permission x')
  t.equal(ran, 0)
  fail = () => ({ secret: ['new', KEY.secret], permissions: ['x'] })
  t.equal((await send(app, 'GET', '/ran')).statusCode, 200)
})

t.test('sends a 5xx if keys() fails or hangs, and accepts the same request later', async t => {
  let answer: () => unknown = () => {}
  const app = await build(t, { keys: () => answer() as Key, keysTimeout: 10, replay: { store: memoryStore() } })
  const headers = sign('GET', '/any')
  const port = await listen(t, app)
  const failures: Array<[answer: () => unknown, status: number, reason: string]> = [
    [async () => await new Promise(() => {}), 503, 'Keys cannot be looked up for now'],
    [() => { throw new Error('a password') }, 500, 'Internal Server Error'],
    [() => { throw undefined }, 500, 'Internal Server Error'], // eslint-disable-line no-throw-literal
    [async () => await Promise.reject(null), 500, 'Internal Server Error'], // eslint-disable-line prefer-promise-reject-errors
    [async () => await Promise.reject(''), 500, 'Internal Server Error'], // eslint-disable-line prefer-promise-reject-errors
    [() => ({ get secret () { throw new Error('a password') }, permissions: [] }), 500, 'Internal Server Error']
  ]
  for (const [keys, status, reason] of failures) {
    answer = keys
    const response = await exchange(port, bytes('GET', '/any', headers))
    assertErrorResponse(t, response, status, reason)
    t.strictSame(valuesOf(response, 'retry-after'), status === 503 ? ['5'] : [])
  }
  answer = () => keys(KEY.id)
  t.equal((await exchange(port, bytes('GET', '/any', headers))).statusCode, 200)
})

t.test('leaves no unhandled rejection if keys() throws for one of two keys', async t => {
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(signature, {
    keys (id) {
      if (id === 'bad') throw new Error('not an id')
      return Promise.reject(new Error('away'))
    }
  })
  app.get('/', async () => 'never')
  const first = sign('GET', '/')
  const second = sign('GET', '/', '', { key: { id: 'bad', secret: 'a' }, label: 'sig2' })
  const headers = { 'signature-input': `${first['signature-input']}, ${second['signature-input']}`, signature: `${first.signature}, ${second.signature}` }
  t.equal((await app.inject({ url: '/', headers })).statusCode, 500)
  await sleep(10)
})

t.test('verifies requests without content', async t => {
  const port = await listen(t, await build(t))
  const components = ['"@method"', '"@path"', '"@query"', '"content-digest"']
  const empty = sign('POST', '/any', 'x')['content-digest'].replace(/:.*:/, ':47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:')
  for (const length of [{}, { 'content-length': '0' }] as Array<Record<string, string>>) {
    t.equal((await exchange(port, signedBytes('POST', '/any', undefined, {}, length))).statusCode, 200)
    t.equal((await exchange(port, signedBytes('POST', '/any', undefined, { components, values: { '"content-digest"': empty } }, { ...length, 'content-digest': empty }))).statusCode, 200)
    assertErrorResponse(t, await exchange(port, signedBytes('POST', '/any', undefined, { components, values: { '"content-digest"': empty.replace('4', '5') } }, { ...length, 'content-digest': empty.replace('4', '5') })), 401, MISMATCH)
    assertErrorResponse(t, await exchange(port, signedBytes('POST', '/any', undefined, { components, values: { '"content-digest"': 'md5=:AA==:' } }, { ...length, 'content-digest': 'md5=:AA==:' })), 401, MISMATCH)
  }
  for (const method of ['GET', 'HEAD', 'TRACE']) assertErrorResponse(t, await exchange(port, signedBytes(method, '/any', '{}')), 401, `A ${method} request must have no body`)
})

t.test('checks a digest that the signature covers although it is not required', async t => {
  const port = await listen(t, await build(t, { required: [] }))
  const digest = sign('POST', '/any', '{"a":1}')['content-digest']
  for (const component of ['"content-digest"', '"content-digest";sf', '"content-digest";key="sha-256"', '"content-digest";bs']) {
    const value = component.includes('key') ? digest.slice(8) : component.includes('bs') ? `:${Buffer.from(digest).toString('base64')}:` : digest
    const signing = { components: [component], values: { [component]: value } }
    t.equal((await exchange(port, signedBytes('POST', '/any', '{"a":1}', signing))).statusCode, 200)
    assertErrorResponse(t, await exchange(port, signedBytes('POST', '/any', '{"a":1}', signing, {}, '{"a":2}')), 401, MISMATCH)
  }
  t.equal((await exchange(port, signedBytes('POST', '/any', '{"a":1}', { components: [] }, {}, '{"a":2}'))).statusCode, 200)
  t.equal((await exchange(port, signedBytes('GET', '/any', '{"a":1}', { components: [] }))).statusCode, 200)
})
