import { createHmac, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import net from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGunzip, gzipSync } from 'node:zlib'
import redis from '@fastify/redis'
import fc from 'fast-check'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { httpbis } from 'http-message-signatures'
import t from 'tap'
import { outcomeOf } from '../../../client/index.js'
import reasonPhrase, { serverOptions } from '../../../index.js'
import signature, { memoryStore, redisStore, type Key, type SignatureOptions } from '../../../plugins/signature/index.js'
import { isError } from '../../fixtures/service.js'
import { build, bytes, keys, signedBytes, slowKeys } from '../../fixtures/signed-service.js'
import { KEY, sign, type Signing } from '../../fixtures/sign.js'
import { connect, exchange, keepsContract, listen, parse, valuesOf } from '../../fixtures/wire.js'

const UNSIGNED = 'The request is not signed: it must have Signature-Input and Signature'
const NOT_VALID = 'The key or the signature is not valid'
const USED = 'The nonce was used before, so this request may have been processed'
const MISMATCH = 'The Content-Digest does not match the body'

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD'

async function send (app: FastifyInstance, method: Method, url: string, payload?: string, signing?: Signing, headers?: Record<string, string>) {
  return await app.inject({ method, url, payload, headers: { ...(payload !== undefined && { 'content-type': 'application/json' }), ...sign(method, url, payload, signing), ...headers } })
}

/** Sends the same request twice over HTTP/1.1, each on a connection of its own; how the second was answered. */
async function twice (port: number, method: string, path: string, body?: string) {
  const request = signedBytes(method, path, body)
  const first = connect(port)
  first.write(request)
  if (method === 'PUT') await first.closed()
  else await first.responses(1)
  first.destroy()
  const response = await exchange(port, request)
  const one = (name: string): string | undefined => valuesOf(response, name)[0]
  const headers = new Headers(response.lines as Array<[string, string]>)
  return { ':status': response.statusCode, reason: one('eb-reason-phrase'), 'retry-after': one('retry-after'), 'accept-signature': one('accept-signature'), outcome: outcomeOf(new Response(null, { status: response.statusCode, headers })).outcome }
}

/** As {@link twice}, over HTTP/2. */
async function twiceHttp2 (port: number, method: string, path: string, body?: string) {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  const headers = { ':method': method, ':path': path, ...(body !== undefined && { 'content-type': 'application/json' }), ...sign(method, path, body) }
  const ask = async (): Promise<http2.IncomingHttpHeaders & { ':status'?: number }> => await new Promise(resolve => {
    const stream = session.request(headers)
    stream.on('response', resolve).on('error', () => {}).on('close', () => { resolve({}) }).end(body)
  })
  await ask()
  const { ':status': status, 'eb-reason-phrase': reason, 'retry-after': retryAfter, 'accept-signature': accept } = await ask()
  session.destroy()
  return { ':status': status, reason, 'retry-after': retryAfter, 'accept-signature': accept, outcome: outcomeOf(new Response(null, { status })).outcome }
}

t.test('a good signature passes', async t => {
  const app = await build(t)
  t.same((await send(app, 'GET', '/any')).json(), { key: { id: 'test', permissions: ['topic:read'] }, body: null })
  t.same((await send(app, 'GET', '/any?a=1&b=%20')).statusCode, 200)
  t.same((await send(app, 'POST', '/any', '{"a":1}')).json().body, { a: 1 })
  t.same((await send(app, 'DELETE', '/any', '{"a":1}', { algorithm: 'sha-512' })).json().body, { a: 1 })
  t.equal((await send(app, 'GET', '/read')).body, 'read')
  isError(t, await send(app, 'GET', '/write'), 403, 'The key lacks the permission topic:write')
  t.same((await app.inject('/open')).json(), { key: null })
  t.same((await send(app, 'GET', '/open')).json(), { key: null }, 'an open route does not look')
})

t.test('on a real socket', async t => {
  const port = await listen(t, await build(t))
  const connection = connect(port)
  connection.write(Buffer.concat([
    signedBytes('GET', '/any?a=1'), signedBytes('POST', '/any', '{"a":1}'), bytes('GET', '/any'), signedBytes('HEAD', '/read'), signedBytes('GET', '/write')
  ]))
  const [get, post, none, head, write] = await connection.responses(5, { head: [false, false, false, true] })
  connection.destroy()
  t.same(JSON.parse(get.body), { key: { id: 'test', permissions: ['topic:read'] }, body: null })
  t.same(JSON.parse(post.body).body, { a: 1 })
  keepsContract(t, none, 401, UNSIGNED)
  t.equal(head.statusCode, 200)
  keepsContract(t, write, 403, 'The key lacks the permission topic:write')
})

t.test('RFC 9421 B.2.5', async t => {
  t.intercept(Date, 'now', { value: () => 1618884473_000 })
  const secret = Buffer.from('uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==', 'base64')
  const app = await build(t, { keys: id => id === 'test-shared-secret' ? { secret, permissions: [] } : undefined, required: ['date', '@authority', 'content-type'] }, {}, app => {
    app.post('/foo', async request => ({ key: request.key!.id, body: request.body }))
  })
  const port = await listen(t, app)
  const request = [
    'POST /foo?param=Value&Pet=dog HTTP/1.1',
    'Host: example.com',
    'Date: Tue, 20 Apr 2021 02:07:55 GMT',
    'Content-Type: application/json',
    'Content-Digest: sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
    'Content-Length: 18',
    'Signature-Input: sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    'Signature: sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:',
    '',
    '{"hello": "world"}'
  ].join('\r\n')
  t.same(JSON.parse((await exchange(port, request)).body), { key: 'test-shared-secret', body: { hello: 'world' } })
  keepsContract(t, await exchange(port, request.replace('02:07:55', '02:07:56')), 401, NOT_VALID)
  keepsContract(t, await exchange(port, request.replace('Host: example.com', 'Host: example.org')), 401, NOT_VALID)
  t.same((await exchange(port, request.replace('Host: example.com', 'Host: Example.COM:80'))).statusCode, 200)
})

t.test('every refusal says what to mend', async t => {
  const created = Math.floor(Date.now() / 1000)
  const port = await listen(t, await build(t, { replay: { store: memoryStore() } }))
  const GET = (signing?: Signing): Buffer => signedBytes('GET', '/any', undefined, signing)
  const cases: Array<[request: Buffer, reason: string]> = [
    [bytes('GET', '/any'), UNSIGNED],
    [bytes('GET', '/any', { 'signature-input': 'sig1=(', signature: 'sig1=:AA==:' }), 'The Signature-Input field is malformed'],
    [bytes('GET', '/any', { 'signature-input': 'sig1=()', signature: ':' }), 'The Signature field is malformed'],
    [bytes('GET', '/any', { 'signature-input': 'sig1=();created=1', signature: 'sig1=:AA==:' }), 'The request has no signature with the id of its key: keyid'],
    [GET({ key: { id: 'none', secret: KEY.secret } }), NOT_VALID],
    [GET({ key: { id: KEY.id, secret: 'wrong' } }), NOT_VALID],
    [GET({ components: ['"@method"', '"@path"'] }), 'The signature must cover "@query"'],
    [GET({ components: ['"@method"', '"@path"', '"@query"', '"@path"'] }), 'The signature covers "@path" twice'],
    [GET({ components: ['"@method"', '"@path"', '"@query"', '"date"'] }), 'The signature covers "date", of which the request has no value'],
    [GET({ created: created - 400 }), 'The signature was created more than 300 seconds ago: sign each request anew, and set the clock'],
    [GET({ created: created + 400 }), 'The signature was created in the future: set the clock'],
    [GET({ created: 0.5 }), 'The signature must say when it was created'],
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
    keepsContract(t, response, 401, reason, request.toString())
    t.strictSame(valuesOf(response, 'www-authenticate'), ['HMAC'])
    const hasBody = request.includes('\r\ncontent-length:')
    t.match(valuesOf(response, 'accept-signature'), [new RegExp(`^sig1=\\("@method" "@path" "@query"${hasBody ? ' "content-digest"' : ''}\\);created;nonce="[\\w-]{22}";alg="hmac-sha256"$`)])
  }
})

t.test('a challenge of one\'s own', async t => {
  const app = Fastify(serverOptions({}, { challenge: 'Signature realm="topics"' }))
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(signature, { keys })
  t.equal((await app.inject('/')).headers['www-authenticate'], 'Signature realm="topics"')
})

t.test('without a key, nobody learns which routes there are', async t => {
  const app = await build(t, { replay: { store: memoryStore() } }, {}, app => {
    app.post('/json', { bodyLimit: 10, schema: { body: { type: 'object', required: ['a'] } } }, async () => 'ok')
    app.get('/host', { constraints: { host: 'other.example' } }, async () => 'other')
    app.get('/versioned', { constraints: { version: '1.2.0' } }, async () => 'version')
    app.get('/number/:n(^\\d+$)', async () => 'a number')
    app.setNotFoundHandler(async (_request, reply) => reply.notFound('Nothing here'))
  })
  const port = await listen(t, app)
  const answer = async (request: Buffer): Promise<string> => {
    const connection = connect(port)
    connection.write(request)
    await connection.responses(1, { head: [request.toString().startsWith('HEAD')] })
    connection.destroy()
    return connection.received().replace(/Date: [^\r]+/i, '').replace(/nonce="[^"]+"/, '')
  }
  const long = 'x'.repeat(200)
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'PROPFIND', 'PURGE', 'QUERY', 'M-SEARCH']) {
    const expected = await answer(bytes(method, '/none'))
    t.match(expected, `HTTP/1.1 401 ${UNSIGNED}\r\n`)
    for (const target of ['/', '/any', '/read', '/write', '/json', '/host', '/versioned', '/number/1', '/number/x', '/thing/1', `/thing/${long}`, `/none/${long}`, '/%zz', '/any/', '//any', '/ANY', 'http://localhost/any', '/any?a', '/any#a', '*', '/open/none']) {
      t.equal(await answer(bytes(method, target)), expected, `${method} ${target}`)
    }
    for (const headers of [{ 'accept-version': '1.2.0' }, { host: 'other.example' }, { accept: 'text/plain' }, { 'content-type': 'text/html' }] as Array<Record<string, string>>) {
      t.equal(await answer(bytes(method, '/versioned', headers)), expected, `${method} ${JSON.stringify(headers)}`)
    }
  }
  const withBody = await answer(bytes('POST', '/none', {}, '{}'))
  t.match(withBody, '"content-digest"')
  for (const [target, body] of [['/json', '{}'], ['/json', '{"a":"much too long"}'], ['/json', '{'], ['/any', '{}'], ['/thing/1', '{}']]) {
    t.equal(await answer(bytes('POST', target, {}, body)), withBody, `${target} ${body}`)
  }
})

t.test('with one, all is as ever', async t => {
  const app = await build(t)
  const long = 'x'.repeat(200)
  isError(t, await send(app, 'GET', '/none'), 404, 'Route GET:/none not found')
  isError(t, await send(app, 'POST', '/none', '{}'), 404, 'Route POST:/none not found')
  isError(t, await send(app, 'GET', `/thing/${long}`), 400, `'/thing/${long}' is exceeding the max param length`)
  isError(t, await send(app, 'GET', '/%zz'), 400, "'/%zz' is not a valid url component")
  isError(t, await send(app, 'GET', '/%zz', undefined, { key: { id: KEY.id, secret: 'wrong' } }), 401, NOT_VALID)
  isError(t, await app.inject({ url: '/any', headers: sign('GET', '/other') }), 401, NOT_VALID)
  isError(t, await app.inject({ url: '/any', headers: sign('HEAD', '/any') }), 401, NOT_VALID)
  t.equal((await app.inject({ url: '/any?', headers: sign('GET', '/any') })).statusCode, 200, 'no query is an empty one')
})

t.test('an unknown key and a wrong MAC are the same to the byte', async t => {
  const port = await listen(t, await build(t))
  const [unknown, wrong] = await Promise.all([{ id: 'none', secret: KEY.secret }, { id: KEY.id, secret: 'wrong' }].map(async key => {
    const connection = connect(port)
    connection.write(signedBytes('POST', '/any', '{}', { key }))
    await connection.responses(1)
    connection.destroy()
    return connection.received().replace(/date: [^\r]+/i, '')
  }))
  t.match(wrong, NOT_VALID)
  t.equal(unknown, wrong)
})

t.test('keys that fail are never a pass', async t => {
  let fail: () => any = () => {}
  let ran = 0
  const app = await build(t, { keys: () => fail() }, {}, app => { app.get('/ran', { config: { permission: 'x' } }, async () => { ran++; return 'unsafe' }) })
  for (const thrown of [undefined, null, false, 0, '', NaN, 'a text', {}, { statusCode: 200 }, new Error('secret'), new TypeError('secret')]) {
    for (const way of [() => { throw thrown }, async () => { throw thrown }, () => ({ then (_resolve: unknown, reject: (error: unknown) => void) { reject(thrown) } })]) {
      fail = way
      isError(t, await send(app, 'GET', '/ran'), 500, 'Internal Server Error')
    }
  }
  fail = () => { throw Object.assign(new Error('The keys are not there'), { statusCode: 503, expose: true, headers: { 'retry-after': '9' } }) }
  const response = await send(app, 'GET', '/ran')
  isError(t, response, 503, 'The keys are not there')
  t.equal(response.headers['retry-after'], '9')
  fail = () => ({ secret: KEY.secret })
  isError(t, await send(app, 'GET', '/ran'), 500, 'Internal Server Error')
  fail = () => ({ secret: KEY.secret, permissions: ['y', 'xx'] })
  isError(t, await send(app, 'GET', '/ran'), 403, 'The key lacks the permission x')
  t.equal(ran, 0)
  fail = () => ({ secret: ['new', KEY.secret], permissions: ['x'] })
  t.equal((await send(app, 'GET', '/ran')).statusCode, 200)
})

t.test('registered', async t => {
  const app = await build(t)
  await t.rejects(async () => await app.register(signature, { keys }), { message: 'fastify-reason-phrase: signature is registered already' })
  await t.rejects(async () => await Fastify().register(signature, { keys }), { code: 'FST_ERR_PLUGIN_DEPENDENCY_NOT_REGISTERED' })
  await t.rejects(async () => await Fastify().register(reasonPhrase).register(signature, {} as SignatureOptions), { message: /option keys must be a function/ })
  const both = Fastify(serverOptions())
  t.teardown(() => both.close())
  await both.register(reasonPhrase)
  for (const secret of ['a', 'b']) {
    await both.register(async child => {
      await child.register(signature, { keys: () => ({ secret, permissions: [] }), prefix: '/x', logLevel: 'warn' })
      child.get('/', async () => secret)
    }, { prefix: `/${secret}` })
  }
  for (const [url, secret, statusCode] of [['/a', 'a', 200], ['/b', 'b', 200], ['/a', 'b', 401]] as const) {
    t.equal((await both.inject({ url, headers: sign('GET', url, undefined, { key: { id: 'k', secret } }) })).statusCode, statusCode)
  }
})

t.test('components of the host, and trustProxy', async t => {
  const values = (scheme: string, authority: string, target: string): Signing => ({
    components: ['"@method"', '"@path"', '"@query"', '"@scheme"', '"@authority"', '"@target-uri"', '"@request-target"'],
    values: { '"@scheme"': scheme, '"@authority"': authority, '"@target-uri"': `${scheme}://${authority}${target}`, '"@request-target"': target }
  })
  const forwarded = { 'x-forwarded-host': 'Api.Example.com:443', 'x-forwarded-proto': 'https' }
  const plain = await listen(t, await build(t))
  const proxied = await listen(t, await build(t, {}, { trustProxy: true }))
  const cases: Array<[port: number, host: string, signing: Signing, headers: Record<string, string>, statusCode: number]> = [
    [plain, 'example.com', values('http', 'example.com', '/any?a'), {}, 200],
    [plain, 'EXAMPLE.com:80', values('http', 'example.com', '/any?a'), {}, 200],
    [plain, 'example.com:443', values('http', 'example.com:443', '/any?a'), {}, 200],
    [plain, 'example.com:8080', values('http', 'example.com:8080', '/any?a'), {}, 200],
    [plain, '[::1]:80', values('http', '[::1]', '/any?a'), {}, 200],
    [plain, 'example.com', values('http', 'example.org', '/any?a'), {}, 401],
    [plain, 'example.com', values('https', 'example.com', '/any?a'), {}, 401],
    [plain, 'inner', values('https', 'api.example.com', '/any?a'), forwarded, 401],
    [plain, 'inner', values('http', 'inner', '/any?a'), forwarded, 200],
    [proxied, 'inner', values('https', 'api.example.com', '/any?a'), forwarded, 200],
    [proxied, 'inner', values('http', 'inner', '/any?a'), forwarded, 401],
    [proxied, 'inner', values('http', 'inner', '/any?a'), {}, 200],
    [proxied, 'inner', values('https', 'last.example', '/any?a'), { 'x-forwarded-host': 'first.example, last.example', 'x-forwarded-proto': 'http, https' }, 200]
  ]
  for (const [port, host, signing, headers, statusCode] of cases) {
    const response = await exchange(port, signedBytes('GET', '/any?a', undefined, signing, { host, ...headers }))
    t.equal(response.statusCode, statusCode, `${host} ${JSON.stringify(headers)}`)
    t.equal((await exchange(port, signedBytes('GET', '/any?a', undefined, {}, { host, ...headers }))).statusCode, 200, 'none of it is required')
  }
})

t.test('the request target in absolute form', async t => {
  const port = await listen(t, await build(t, {}, {}, app => { app.get('/', async () => 'root') }))
  t.equal((await exchange(port, bytes('GET', 'http://a/any?b', sign('GET', '/any?b')))).statusCode, 200)
  t.equal((await exchange(port, signedBytes('GET', '/?x/any'))).body, 'root')
  keepsContract(t, await exchange(port, bytes('GET', 'http://a?x/any', sign('GET', '/?x/any'))), 401, NOT_VALID)
})

t.test('RFC 9421 section 2.1: fields', async t => {
  const port = await listen(t, await build(t))
  const components = (...more: string[]): string[] => ['"@method"', '"@path"', '"@query"', ...more]
  const dictionary = 'a=1,    b=2;x=1;y=2,   c=(a   b   c), d'
  const cases: Array<[component: string, value: string, lines: string, ok?: boolean]> = [
    ['"x-ows"', 'Leading and trailing whitespace.', 'X-OWS-Header: no\r\nX-OWS:   Leading and trailing whitespace.   \t \r\n'],
    ['"x-lines"', 'max-age=60, must-revalidate', 'x-lines: max-age=60\r\nX-Other: 1\r\nX-Lines:    must-revalidate\r\n'],
    ['"x-empty"', '', 'X-Empty: \r\n'],
    ['"x-nbsp"', '\u00a0a\u00a0', 'X-Nbsp: \u00a0a\u00a0\r\n'],
    ['"x-nbsp"', 'a', 'X-Nbsp: a\u00a0\r\n', false],
    ['"date"', 'one', 'Date: one\r\nDate: two\r\n', false],
    ['"date"', 'one, two', 'Date: one\r\nDate: two\r\n'],
    ['"cookie"', 'a=1; b=2', 'Cookie: a=1; b=2\r\n'],
    ['"example-dict"', dictionary, `Example-Dict:  ${dictionary}\r\n`],
    ['"example-dict";key="a"', '1', `Example-Dict:  ${dictionary}\r\n`],
    ['"example-dict";key="b"', '2;x=1;y=2', `Example-Dict:  ${dictionary}\r\n`],
    ['"example-dict";key="c"', '(a b c)', `Example-Dict:  ${dictionary}\r\n`],
    ['"example-dict";key="d"', '?1', `Example-Dict:  ${dictionary}\r\n`],
    ['"priority";sf', 'u=1, i', 'Priority:  u=1,   i=?1\r\n'],
    ['"priority";sf', 'u=1, i', 'Priority:  u=1\r\nPriority: i\r\n'],
    ['"example-header";bs', ':dmFsdWUsIHdpdGgsIGxvdHM=:, :b2YsIGNvbW1hcw==:', 'Example-Header: value, with, lots\r\nExample-Header: of, commas\r\n'],
    ['"example-header";bs', ':dmFsdWUsIHdpdGgsIGxvdHMsIG9mLCBjb21tYXM=:', 'Example-Header: value, with, lots, of, commas\r\n'],
    ['"x-latin";bs', ':6Q==:', 'X-Latin: \u00e9\r\n']
  ]
  const raw = (component: string, value: string, lines: string): Buffer => {
    const request = signedBytes('GET', '/any', undefined, { components: components(component), values: { [component]: value } }).toString('latin1')
    return Buffer.from(request.replace('\r\n\r\n', `\r\n${lines}\r\n`), 'latin1')
  }
  for (const [component, value, lines, ok = true] of cases) {
    const response = await exchange(port, raw(component, value, lines))
    t.equal(response.statusCode, ok ? 200 : 401, `${component} ${lines}`)
  }
  for (const [component, lines] of [
    ['"example-dict";key="e"', 'Example-Dict: a\r\n'], ['"example-dict";key=a', 'Example-Dict: a\r\n'], ['"example-dict";key="a"', 'Example-Dict: (((\r\n'], ['"example-dict";sf', 'Example-Dict: a\r\n'],
    ['"priority";sf', 'Priority: (\r\n'], ['"priority";sf;bs', 'Priority: a\r\n'], ['"priority";bs=1', 'Priority: a\r\n'], ['"priority";tr', 'Priority: a\r\n'], ['"priority";req', 'Priority: a\r\n'], ['"x-none"', 'X-Nones: a\r\n'], ['"x-none";bs', '']
  ]) {
    keepsContract(t, await exchange(port, raw(component, '', lines)), 401, `The signature covers ${component}, of which the request has no value`)
  }
})

t.test('another implementation signs, and it is verified', async t => {
  const port = await listen(t, await build(t, { replay: { store: memoryStore() } }))
  const key = { id: KEY.id, alg: 'hmac-sha256', sign: async (data: Buffer) => createHmac('sha256', KEY.secret).update(data).digest() }
  const digest = sign('POST', '/any', '{"a":1}')['content-digest']
  const message = { method: 'POST', url: 'http://localhost/any?b=c%20d&e=', headers: { host: 'localhost', 'content-digest': digest, 'x-a': ['1', '2'], priority: 'u=1,  i' } }
  const fields = ['@method', '@path', '@query', 'content-digest', '@authority', '@target-uri', '@scheme', '@request-target', '@query-param;name="b"', 'x-a', 'x-a;bs', 'priority;key="i"', 'priority;sf']
  for (const covered of [fields, fields.slice(0, 4), fields.toReversed()]) {
    const { headers } = await httpbis.signMessage({ key, fields: covered, params: ['created', 'expires', 'keyid', 'alg', 'nonce'], paramValues: { nonce: randomUUID() } }, message)
    const lines = Object.entries(headers).flatMap(([name, values]) => [values].flat().map(value => `${name}: ${value}\r\n`)).join('')
    const request = `POST /any?b=c%20d&e= HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 7\r\n${lines}\r\n{"a":1}`
    t.same(JSON.parse((await exchange(port, request)).body).body, { a: 1 })
    t.equal((await exchange(port, request)).statusCode, 503)
  }
})

t.test('and it verifies what is signed here', async t => {
  const headers = { ...sign('POST', '/any?a=1', '{}', { parameters: ';alg="hmac-sha256"' }), host: 'localhost' }
  const verify = async (data: Buffer, signature: Buffer): Promise<boolean> => createHmac('sha256', KEY.secret).update(data).digest().equals(signature)
  const config = { keyLookup: async () => ({ id: KEY.id, algs: ['hmac-sha256'], verify }) }
  t.equal(await httpbis.verifyMessage(config, { method: 'POST', url: 'http://localhost/any?a=1', headers }), true)
  t.equal(await httpbis.verifyMessage(config, { method: 'POST', url: 'http://localhost/any?a=2', headers }), false)
})

for (const [speed, lookUp] of [['at once', keys], ['later', slowKeys]] as const) {
  t.test(`the digest, with keys that come ${speed}`, async t => {
    let ran = 0
    let seen: unknown[] = []
    const app = await build(t, { keys: lookUp }, { bodyLimit: 100_000 }, app => {
      app.post('/ran', async request => { ran++; return request.body })
      app.post('/small', { bodyLimit: 4 }, async () => { ran++ })
      app.register(async child => {
        child.addHook('preParsing', async (request, _reply, payload) => {
          delete request.headers['content-length']
          return payload.pipe(createGunzip())
        })
        child.post('/gzip', async request => { ran++; return request.body })
      })
      app.register(async child => {
        child.removeAllContentTypeParsers()
        child.addContentTypeParser('*', (_request, payload, done) => { done(null, payload) })
        child.post('/stream', async request => {
          seen = []
          await pipeline(request.body as Readable, async source => { for await (const chunk of source) seen.push(chunk) })
          ran++
          return 'streamed'
        })
        child.post('/deaf', async request => await new Promise(resolve => {
          (request.body as Readable).on('data', () => {}).on('end', () => { ran++; resolve('heard the end') })
        }))
        child.post('/hijack', (request, reply) => {
          reply.hijack();
          (request.body as Readable).on('data', () => {}).on('end', () => { ran++ }).on('close', () => { reply.raw.end('closed') })
        })
        child.post('/unread', async () => 'unread')
      })
      app.register(async child => {
        child.removeAllContentTypeParsers()
        child.addContentTypeParser('*', (_request, payload, done) => {
          payload.once('data', chunk => { done(null, chunk.toString('latin1', 0, 1)) })
        })
        child.post('/first', async request => { ran++; return request.body })
      })
    })
    const port = await listen(t, app)

    const big = JSON.stringify('x'.repeat(90_000))
    const evil = big.replace('xxx', 'xyx')
    const inChunks = async (body: string | Buffer, digestOf: string | Buffer, target: string, isChunked: boolean, size: number): Promise<ReturnType<typeof parse>['responses'][0]> => {
      const connection = connect(port)
      connection.socket.setNoDelay(true)
      const content = Buffer.from(body)
      const headers = { host: 'a', 'content-type': 'application/json', ...sign('POST', target, digestOf), ...(isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(content.length) }) }
      connection.write(bytes('POST', target, headers))
      for (let i = 0; i < content.length; i += size) {
        const chunk = content.subarray(i, i + size)
        connection.write(isChunked ? Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]) : chunk)
        await new Promise(resolve => setImmediate(resolve))
      }
      if (isChunked) connection.write('0\r\nx-trailer: 1\r\n\r\n')
      const [response] = await connection.responses(1)
      connection.destroy()
      return response
    }

    for (const isChunked of [false, true]) {
      for (const size of [1, 7, 100_000]) {
        const [good, bad] = size === 1 ? ['{"a":1}', '{"a":2}'] : [big, evil]
        if (size === 7 && isChunked) continue
        ran = 0
        t.equal((await inChunks(good, good, '/ran', isChunked, size)).statusCode, 200)
        t.equal(ran, 1)
        for (const body of [bad, `${good} `, good.slice(0, -1), '{']) keepsContract(t, await inChunks(body, good, '/ran', isChunked, size), 401, MISMATCH)
        t.equal(ran, 1, 'before the handler runs')
      }
    }
    ran = 0
    keepsContract(t, await exchange(port, signedBytes('POST', '/small', '{"a":1}', {}, {}, '{"a":2}')), 400, 'Request body is too large')
    keepsContract(t, await inChunks('{"a":2}', '{"a":1}', '/small', true, 1), 400, 'Request body is too large')
    keepsContract(t, await exchange(port, signedBytes('POST', '/ran', '{"a":')), 400, "Body is not valid JSON but content-type is set to 'application/json'")

    const zipped = gzipSync('{"a":1}')
    const other = gzipSync('{"a":2}')
    const encoding = { 'content-encoding': 'gzip' }
    t.equal((await exchange(port, signedBytes('POST', '/gzip', zipped, {}, encoding))).body, '{"a":1}')
    ran = 0
    for (const sent of [other, gzipSync('{"a":1}', { level: 0 }), Buffer.concat([zipped, zipped]), Buffer.concat([other, Buffer.alloc(20)])]) {
      keepsContract(t, await exchange(port, signedBytes('POST', '/gzip', zipped, {}, encoding, sent)), 401, MISMATCH)
    }
    keepsContract(t, await exchange(port, signedBytes('POST', '/gzip', '{"a":1}', {}, encoding, zipped)), 401, MISMATCH, 'of what is in it')

    const connection = connect(port)
    connection.write(signedBytes('POST', '/gzip', zipped, {}, encoding, Buffer.concat([other, Buffer.alloc(50_000)])).subarray(0, -1))
    await new Promise(resolve => setTimeout(resolve, 100))
    t.equal(connection.received(), '', 'what a parser does not read must be there, too')
    connection.write('\0')
    keepsContract(t, (await connection.responses(1))[0], 401, MISMATCH)
    connection.destroy()
    const padded = Buffer.concat([zipped, Buffer.alloc(50_000)])
    t.equal((await exchange(port, signedBytes('POST', '/gzip', padded, {}, encoding))).body, '{"a":1}')
    keepsContract(t, await exchange(port, signedBytes('POST', '/first', 'abc', {}, {}, 'abd')), 401, MISMATCH)
    t.equal((await exchange(port, signedBytes('POST', '/first', 'abc'))).body, 'a')
    t.equal(ran, 2)

    ran = 0
    t.equal((await exchange(port, signedBytes('POST', '/stream', big))).body, 'streamed')
    t.equal(Buffer.concat(seen as Buffer[]).toString(), big)
    t.equal((await exchange(port, signedBytes('POST', '/deaf', big))).body, 'heard the end')
    t.equal(ran, 2)
    keepsContract(t, await exchange(port, signedBytes('POST', '/stream', big, {}, {}, evil)), 401, MISMATCH)
    keepsContract(t, await exchange(port, signedBytes('POST', '/stream', 'a', {}, {}, 'b')), 401, MISMATCH)
    keepsContract(t, await exchange(port, signedBytes('POST', '/deaf', big, {}, {}, evil)), 401, MISMATCH)
    keepsContract(t, await exchange(port, signedBytes('POST', '/deaf', 'a', {}, {}, 'b')), 401, MISMATCH)
    // By the time, the mismatch may be known before anybody reads.
    t.match(await (async () => {
      const connection = connect(port)
      connection.write(signedBytes('POST', '/hijack', 'a', {}, { connection: 'close' }, 'b'))
      return await connection.closed()
    })(), new RegExp(`closed|401 ${MISMATCH}`))
    t.equal(ran, 2, 'nobody is told of an end')

    const alive = connect(port)
    for (const sent of ['a', 'b', big]) alive.write(signedBytes('POST', '/unread', 'a', {}, {}, sent))
    alive.write(signedBytes('GET', '/read'))
    const unread = (await alive.responses(4)).map(({ statusCode, body }) => statusCode === 401 ? MISMATCH : body)
    t.match(unread, ['unread', new RegExp(`^unread|${MISMATCH}$`), new RegExp(`^unread|${MISMATCH}$`), 'read'], 'a body that nobody reads is dropped')
    alive.destroy()
  })
}

t.test('requests without a body', async t => {
  const port = await listen(t, await build(t))
  const components = ['"@method"', '"@path"', '"@query"', '"content-digest"']
  const empty = sign('POST', '/any', 'x')['content-digest'].replace(/:.*:/, ':47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:')
  for (const length of [{}, { 'content-length': '0' }] as Array<Record<string, string>>) {
    t.equal((await exchange(port, signedBytes('POST', '/any', undefined, {}, length))).statusCode, 200)
    t.equal((await exchange(port, signedBytes('POST', '/any', undefined, { components, values: { '"content-digest"': empty } }, { ...length, 'content-digest': empty }))).statusCode, 200)
    keepsContract(t, await exchange(port, signedBytes('POST', '/any', undefined, { components, values: { '"content-digest"': empty.replace('4', '5') } }, { ...length, 'content-digest': empty.replace('4', '5') })), 401, MISMATCH)
    keepsContract(t, await exchange(port, signedBytes('POST', '/any', undefined, { components, values: { '"content-digest"': 'md5=:AA==:' } }, { ...length, 'content-digest': 'md5=:AA==:' })), 401, MISMATCH)
  }
  for (const method of ['GET', 'HEAD', 'TRACE']) keepsContract(t, await exchange(port, signedBytes(method, '/any', '{}')), 401, `A ${method} request must have no body`)
})

t.test('a digest that nothing requires is checked where it is covered', async t => {
  const port = await listen(t, await build(t, { required: [] }))
  const digest = sign('POST', '/any', '{"a":1}')['content-digest']
  for (const component of ['"content-digest"', '"content-digest";sf', '"content-digest";key="sha-256"', '"content-digest";bs']) {
    const value = component.includes('key') ? digest.slice(8) : component.includes('bs') ? `:${Buffer.from(digest).toString('base64')}:` : digest
    const signing = { components: [component], values: { [component]: value } }
    t.equal((await exchange(port, signedBytes('POST', '/any', '{"a":1}', signing))).statusCode, 200)
    keepsContract(t, await exchange(port, signedBytes('POST', '/any', '{"a":1}', signing, {}, '{"a":2}')), 401, MISMATCH)
  }
  t.equal((await exchange(port, signedBytes('POST', '/any', '{"a":1}', { components: [] }, {}, '{"a":2}'))).statusCode, 200)
  t.equal((await exchange(port, signedBytes('GET', '/any', '{"a":1}', { components: [] }))).statusCode, 200)
})

t.test('after a 401 the connection is of use, or closed', async t => {
  const port = await listen(t, await build(t))
  const connection = connect(port)
  connection.write(signedBytes('POST', '/any', '{"a":1}', { key: { id: 'none', secret: '' } }, {}, '{"a":2}'))
  connection.write(signedBytes('POST', '/any', '{"a":1}'))
  const [refused, passed] = await connection.responses(2)
  keepsContract(t, refused, 401, NOT_VALID)
  t.equal(passed.statusCode, 200)
  connection.write(signedBytes('POST', '/any', '{"a":1}', {}, {}, '{"a":2}'))
  const [, , mismatch] = await connection.responses(3)
  keepsContract(t, mismatch, 401, MISMATCH)
  t.strictSame(valuesOf(mismatch, 'connection'), ['close'])
  await connection.closed()
})

t.test('a 401 while a large body arrives', async t => {
  const port = await listen(t, await build(t))
  const connection = connect(port)
  const body = Buffer.alloc(5_000_000, 'x')
  const request = signedBytes('POST', '/any', body, { key: { id: 'none', secret: '' } })
  connection.write(request.subarray(0, 10_000))
  keepsContract(t, (await connection.responses(1))[0], 401, NOT_VALID)
  connection.write(request.subarray(10_000))
  connection.write(signedBytes('GET', '/read'))
  t.equal((await connection.responses(2))[1].body, 'read', 'it is dropped')
  connection.destroy()
})

t.test('clients that go away', async t => {
  for (const lookUp of [keys, slowKeys]) {
    const lines: string[] = []
    const app = await build(t, { keys: lookUp }, { logger: { level: 'error', stream: { write: (line: string) => { lines.push(line) } } } }, app => {
      app.register(async child => {
        child.removeAllContentTypeParsers()
        child.addContentTypeParser('*', (_request, payload, done) => { payload.once('data', () => { done(null, 'enough') }) })
        child.post('/early', async () => 'unsafe')
      })
    })
    const port = await listen(t, app)
    for (const target of ['/any', '/early', '/none']) {
      const request = signedBytes('POST', target, '{"a":1}')
      for (const sent of [request.subarray(0, -1), request.subarray(0, -7), request]) {
        const connection = connect(port)
        await once(connection.socket, 'connect')
        connection.write(sent)
        await new Promise(resolve => setTimeout(resolve, 5))
        connection.socket.resetAndDestroy()
      }
    }
    await new Promise(resolve => setTimeout(resolve, 60))
    t.equal((await exchange(port, signedBytes('POST', '/any', '{"a":1}'))).statusCode, 200, 'the service is there')
    t.strictSame(lines, [])
  }
})

t.test('with inject, in streams, and with a parser that throws', async t => {
  const app = await build(t, { keys: slowKeys }, {}, app => {
    app.addContentTypeParser('x/throws', { parseAs: 'string' }, () => { throw new Error('no') })
  })
  const headers = { ...sign('POST', '/any', '{"a":1}'), 'content-type': 'application/json' }
  const stream = (text: string): Readable => Readable.from([...text].map(character => Buffer.from(character)))
  const chunked = { ...headers, 'transfer-encoding': 'chunked' }
  t.equal((await app.inject({ method: 'POST', url: '/any', headers: chunked, payload: stream('{"a":1}') })).statusCode, 200)
  isError(t, await app.inject({ method: 'POST', url: '/any', headers: chunked, payload: stream('{"a":2}') }), 401, MISMATCH)
  isError(t, await app.inject({ method: 'POST', url: '/any', headers, payload: '{"a":2}' }), 401, MISMATCH)
  isError(t, await app.inject({ method: 'POST', url: '/any', headers: { ...headers, 'content-digest': sign('POST', '/any', '{"a":2}')['content-digest'] }, payload: '{"a":2}' }), 401, NOT_VALID)
  isError(t, await app.inject({ method: 'POST', url: '/any', headers: { ...headers, 'content-type': 'x/throws' }, payload: '{"a":2}' }), 401, MISMATCH)
  isError(t, await app.inject({ method: 'POST', url: '/any', headers: { ...headers, 'content-type': 'x/throws' }, payload: '{"a":1}' }), 500, 'Internal Server Error')
})

for (const [speed, lookUp] of [['at once', keys], ['later', slowKeys]] as const) {
  t.test(`HTTP/2, with keys that come ${speed}`, async t => {
    const app = await build(t, { keys: lookUp, replay: { store: memoryStore() } }, { http2: true }, app => {
      app.register(async child => {
        child.removeAllContentTypeParsers()
        child.addContentTypeParser('*', (_request, payload, done) => { done(null, payload) })
        child.post('/deaf', async request => await new Promise(resolve => {
          (request.body as Readable).on('data', () => {}).on('end', () => { resolve('heard the end') })
        }))
      })
    })
    const port = await listen(t, app)
    const session = http2.connect(`http://127.0.0.1:${port}`)
    const ask = async (headers: http2.OutgoingHttpHeaders, chunks: Array<string | Buffer> = [], endStream = false): Promise<{ status: number, reason: unknown, body: string, headers: http2.IncomingHttpHeaders }> => {
      const stream = session.request(headers, { endStream })
      stream.on('error', () => {})
      for (const chunk of chunks) stream.write(chunk)
      stream.end()
      const [head] = await once(stream, 'response') as [http2.IncomingHttpHeaders & { ':status': number }]
      let body = ''
      for await (const chunk of stream.setEncoding('utf8')) body += chunk
      return { status: head[':status'], reason: head['eb-reason-phrase'], body, headers: head }
    }
    const fields = (method: string, path: string, body?: string, signing?: Signing): http2.OutgoingHttpHeaders => ({ ':method': method, ':path': path, 'content-type': 'application/json', ...sign(method, path, body, signing) })
    t.equal((await ask(fields('GET', '/read'), [], true)).body, 'read')
    const host = `127.0.0.1:${port}`
    const components = ['"@method"', '"@path"', '"@query"', '"@authority"', '"@target-uri"', '"cookie"']
    t.equal((await ask({ ...fields('GET', '/read', undefined, { components, values: { '"@authority"': host, '"@target-uri"': `http://${host}/read`, '"cookie"': 'a=1; b=2' } }), cookie: ['a=1', 'b=2'] }, [], true)).body, 'read')
    const refused = await ask({ ':path': '/read' })
    t.strictSame([refused.status, refused.reason], [401, UNSIGNED])
    t.equal(refused.headers['www-authenticate'], 'HMAC')
    t.match(refused.headers['accept-signature'], /^sig1=\(/)

    t.equal((await ask(fields('POST', '/any', '{"a":1}'), [...'{"a":1}'])).status, 200)
    t.equal((await ask({ ...fields('POST', '/any', '{"a":1}'), 'content-length': 7 }, ['{"a":1}'])).status, 200)
    for (const path of ['/any', '/deaf']) {
      for (const chunks of [['{"a":2}'], [...'{"a":2}'], ['{"a":1}', ' '], ['{"a":1'], []]) {
        const { status, reason } = await ask(fields('POST', path, '{"a":1}'), chunks)
        t.strictSame([status, reason], [401, MISMATCH], `${path} ${chunks.join('|')}`)
      }
    }
    t.equal((await ask(fields('POST', '/any'), [], true)).status, 400, 'a body that cannot be')
    const zero = await ask({ ...fields('POST', '/any'), 'content-length': 0, 'content-type': undefined }, [])
    t.equal(zero.status, 200)

    const early = await ask(fields('POST', '/any', 'x', { key: { id: 'none', secret: '' } }), Array.from({ length: 40 }, () => Buffer.alloc(50_000)))
    t.strictSame([early.status, early.reason], [401, NOT_VALID], 'a 401 while a large body arrives')
    const gone = session.request(fields('POST', '/any', '{"a":1}'))
    gone.on('error', () => {})
    gone.write('{"a"')
    await new Promise(resolve => setTimeout(resolve, 10))
    gone.close(http2.constants.NGHTTP2_CANCEL)
    t.equal((await ask(fields('GET', '/read'), [], true)).body, 'read')
    session.destroy()
  })
}

t.test('replay', async t => {
  const lines: Array<{ level: number, msg: string }> = []
  const app = await build(t, { replay: { store: memoryStore({ max: 2 }) } }, { logger: { stream: { write: (line: string) => { lines.push(JSON.parse(line)) } } } })
  await app.ready()
  t.match(lines.filter(({ msg }) => msg.includes('nonces')), [{ level: 30, msg: 'fastify-reason-phrase: nonces are remembered by this process alone, at most 2 at a time, and are forgotten when it restarts' }])
  const headers = sign('GET', '/any')
  t.equal((await app.inject({ url: '/any', headers })).statusCode, 200)
  const response = await app.inject({ url: '/any', headers })
  isError(t, response, 503, USED)
  t.notHas(response.headers, { 'retry-after': /./ })
  t.notHas(response.headers, { 'accept-signature': /./ })
  isError(t, await app.inject({ method: 'POST', url: '/any', headers: { ...sign('POST', '/any', '{"a":1}'), 'content-type': 'application/json' }, payload: '{"a":2}' }), 401, MISMATCH)
  const full = await send(app, 'GET', '/any')
  isError(t, full, 503, 'Nonces cannot be looked up for now')
  t.equal(full.headers['retry-after'], '5')
  isError(t, await app.inject({ url: '/any', headers }), 503, USED)
})

t.test('of many with one nonce at once, one passes', async t => {
  const app = await build(t, { keys: slowKeys, replay: { store: memoryStore() } })
  const headers = sign('GET', '/any')
  const responses = await Promise.all(Array.from({ length: 20 }, async () => await app.inject({ url: '/any', headers })))
  t.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1)
  for (const response of responses) if (response.statusCode !== 200) isError(t, response, 503, USED)
})

for (const http2 of [false, true]) {
  t.test(`over HTTP/${http2 ? 2 : 1.1}, a request that is sent again after it was processed has an unknown outcome`, async t => {
    let runs = 0
    const app = await build(t, { replay: { store: memoryStore() } }, { http2 }, app => {
      app.put('/thing', async (_request, reply) => {
        runs++
        reply.raw.destroy()
        return await reply.hijack()
      })
    })
    const port = await listen(t, app)
    for (const [method, path, body] of [['PUT', '/thing', '{"a":1}'], ['DELETE', '/none', undefined]] as const) {
      const again = http2 ? await twiceHttp2(port, method, path, body) : await twice(port, method, path, body)
      t.strictSame(again, { ':status': 503, reason: USED, 'retry-after': undefined, 'accept-signature': undefined, outcome: 'unknown' })
    }
    t.equal(runs, 1)
  })
}

t.test('keys() that fails or hangs is a 5xx, and the request can be sent again', async t => {
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
    keepsContract(t, response, status, reason)
    t.strictSame(valuesOf(response, 'retry-after'), status === 503 ? ['5'] : [])
  }
  answer = () => keys(KEY.id)
  t.equal((await exchange(port, bytes('GET', '/any', headers))).statusCode, 200)
})

t.test('a store that is down is never a pass', async t => {
  const down = new Error('a password')
  const stores = {
    throws: () => { throw down },
    rejects: async () => { throw down },
    hangs: async () => await new Promise<boolean>(() => {}),
    nonsense: () => 'OK' as unknown as boolean
  }
  for (const [title, take] of Object.entries(stores)) {
    let ran = false
    const app = await build(t, { replay: { store: { take }, timeout: 10 } }, {}, app => { app.get('/ran', async () => { ran = true; return 'unsafe' }) })
    const response = await send(app, 'GET', '/ran')
    isError(t, response, 503, 'Nonces cannot be looked up for now')
    t.equal(response.headers['retry-after'], '5', title)
    isError(t, await app.inject('/ran'), 401, UNSIGNED)
    isError(t, await send(app, 'GET', '/ran', undefined, { key: { id: KEY.id, secret: 'x' } }), 401, NOT_VALID)
    t.equal(ran, false)
  }
})

const hasRedis = await new Promise<boolean>(resolve => {
  const socket = net.connect(6379, '127.0.0.1', () => { socket.end('PING\r\n') })
  socket.on('data', data => { resolve(data.toString().startsWith('+PONG')) })
  socket.on('error', () => { resolve(false) })
  socket.on('close', () => { resolve(false) })
})

t.test('with Redis, a nonce passes once in all of several processes', { skip: !hasRedis && 'no Redis answers at 127.0.0.1:6379' }, async t => {
  const prefix = `fastify-reason-phrase:test:${randomUUID()}:`
  const apps = await Promise.all([1, 2].map(async () => {
    const app = Fastify(serverOptions())
    t.teardown(() => app.close())
    await app.register(reasonPhrase)
    await app.register(redis, { host: '127.0.0.1' })
    await app.register(signature, { keys, maxAge: 20, replay: { store: redisStore(app.redis, { prefix }) } })
    app.get('/any', async () => 'any')
    return app
  }))
  for (let i = 0; i < 5; i++) {
    const headers = sign('GET', '/any', undefined, { parameters: `;nonce="n${i}"` })
    const codes = await Promise.all([...apps, ...apps].map(async app => (await app.inject({ url: '/any', headers })).statusCode))
    t.strictSame(codes.sort(), [200, 503, 503, 503])
  }
  const left = await apps[0].redis.pttl(`${prefix}4:test:n0`)
  t.ok(left > 45_000 && left <= 51_000, 'remembered for maxAge and clockSkew')
  await apps[0].redis.del(Array.from({ length: 5 }, (_, i) => `${prefix}4:test:n${i}`))

  const client = apps[0].redis.duplicate()
  client.disconnect()
  const app = await build(t, { replay: { store: redisStore(client) } })
  isError(t, await send(app, 'GET', '/any'), 503, 'Nonces cannot be looked up for now')
})

t.test('hooks and errors of the service see the key, and the error', async t => {
  const seen: unknown[] = []
  const app = await build(t, {}, {}, app => {
    app.addHook('preParsing', async (request: FastifyRequest) => { seen.push(request.key?.id) })
    app.setErrorHandler(async (error: Error & { statusCode?: number }, _request, reply) => { seen.push(error.name, error.statusCode); return await reply.send(error) })
  })
  await send(app, 'GET', '/any')
  isError(t, await app.inject('/any'), 401, UNSIGNED)
  t.strictSame(seen, ['test', 'Error', 401])
})

t.test('any one bit', async t => {
  const port = await listen(t, await build(t, { required: ['@method', '@path', '@query', 'content-digest', 'content-type', 'x-covered'] }))
  const components = ['"@method"', '"@path"', '"@query"', '"content-digest"', '"content-type"', '"x-covered"']
  /** The status code of the one answer, 0 where there is none. */
  const statusOf = async (request: Buffer): Promise<number> => {
    const connection = connect(port)
    connection.socket.end(request)
    return parse(await connection.closed(), [request.toString('latin1').startsWith('HEAD ')], true).responses[0]?.statusCode ?? 0
  }
  const visible = fc.stringMatching(/^[!-~]{1,20}$/)
  const target = fc.tuple(fc.webPath(), fc.option(fc.webQueryParameters())).map(([, query]) => `/any${query === null ? '' : `?${query}`}`)
  // Fastify refuses a member that is named __proto__.
  const body = fc.dictionary(fc.stringMatching(/^[ -~]{0,5}$/), fc.string({ maxLength: 30 }), { maxKeys: 3, noNullPrototype: true }).map(value => JSON.stringify(value))

  await fc.assert(fc.asyncProperty(fc.constantFrom('POST', 'PUT', 'PATCH', 'DELETE'), target, body, visible, fc.nat(), fc.uuid(), async (method, target, body, covered, random, nonce) => {
    const values = { '"content-type"': 'application/json', '"x-covered"': covered }
    const request = signedBytes(method, target, body, { components, values, parameters: `;nonce="${nonce}";alg="hmac-sha256"` }, { 'x-covered': covered, connection: 'close' })
    const text = request.toString('latin1')
    t.equal(await statusOf(request), 200, `as it is signed, it passes: ${text}`)
    const macAt = text.indexOf('\r\nsignature: sig1=:') + 19
    const parts: Array<[start: number, end: number]> = [
      [0, method.length + 1 + target.length],
      [text.indexOf('\r\ncontent-type: ') + 16, text.indexOf('\r\ncontent-type: ') + 32],
      [text.indexOf('\r\nx-covered: ') + 13, text.indexOf('\r\nx-covered: ') + 13 + covered.length],
      [text.indexOf('\r\ncontent-digest: ') + 18, text.indexOf('\r\n', text.indexOf('\r\ncontent-digest: ') + 18)],
      [text.indexOf('\r\nsignature-input: ') + 19, text.indexOf('\r\n', text.indexOf('\r\nsignature-input: ') + 19)],
      [macAt, macAt + 42],
      [request.length - body.length, request.length]
    ]
    for (const [start, end] of parts) {
      const changed = Buffer.from(request)
      changed[start + random % (end - start)] ^= 1 << (random % 8)
      const status = await statusOf(changed)
      t.ok(status === 401 || status === 400, `${status}: ${changed.toString('latin1')}`)
    }
    // Of its last character, base64 leaves out two bits.
    const mac = Buffer.from(text.slice(macAt, macAt + 44), 'base64')
    mac[random % 32] ^= 1 << (random % 8)
    t.equal(await statusOf(Buffer.from(text.slice(0, macAt) + mac.toString('base64') + text.slice(macAt + 44), 'latin1')), 401)
  }), { numRuns: 60 })
})

t.test('any good request', async t => {
  const app = await build(t, { replay: { store: memoryStore() } }, {}, app => {
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => { done(null, body.toString('base64')) })
  })
  const port = await listen(t, app)
  await fc.assert(fc.asyncProperty(fc.webQueryParameters(), fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.constantFrom('sha-256' as const, 'sha-512' as const), async (query, content, algorithm) => {
    const body = Buffer.from(content)
    const headers = { 'content-type': 'application/octet-stream' }
    const target = `/any?${query}`
    const response = await exchange(port, signedBytes('POST', target, body, { algorithm }, headers))
    t.equal(response.statusCode, 200)
    t.equal(JSON.parse(response.body).body, body.toString('base64'))
    const other = Buffer.from(body)
    other[other.length >> 1] ^= 4
    keepsContract(t, await exchange(port, signedBytes('POST', target, body, { algorithm }, headers, other)), 401, MISMATCH)
  }), { numRuns: 100 })
})

t.test('what came before a hook let it is part of the content', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.addHook('onRequest', async () => { await sleep(20) })
  await app.register(signature, { keys: id => id === KEY.id ? { secret: KEY.secret, permissions: [] } : undefined })
  app.post('/', async ({ body }) => body)
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const post = (body: string, signed = body) => fetch(origin, { method: 'POST', headers: { 'content-type': 'application/json', ...sign('POST', '/', signed) }, body })

  for (const body of ['{"a":1}', JSON.stringify(['x'.repeat(500_000)])]) {
    const response = await post(body)
    t.equal(response.status, 200)
    t.equal(await response.text(), body)
  }
  const refused = await post('{"a":2}', '{"a":1}')
  t.equal(refused.status, 401)
  t.equal(refused.headers.get('eb-reason-phrase'), 'The Content-Digest does not match the body')
})

t.test('keys that throw for one id leave nothing behind of another', async t => {
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

t.test('RFC 9421 section 2.5: any parameter of a signature, as it is serialized strictly', async t => {
  const port = await listen(t, await build(t))
  const components = ['"@method"', '"@path"', '"@query"']
  for (const parameters of [';ttl=60.0', ';a=1.5;b=0.0', ';at=@123;x=1', ';name=%"%c3%a9%0a"', ';t=a/b', ';b=:AQI=:', ';y;n=?0']) {
    t.equal((await exchange(port, signedBytes('GET', '/any', undefined, { parameters }))).statusCode, 200, parameters)
  }
  const dictionary = 'a=1.0,  b=01.50;q=2.00, c=(1.0 @5;d=3.0), d=@7;e=%"%61"'
  for (const [component, value, line] of [
    ['"example-dict";key="a"', '1.0', 'Example-Dict'], ['"example-dict";key="b"', '1.5;q=2.0', 'Example-Dict'], ['"example-dict";key="c"', '(1.0 @5;d=3.0)', 'Example-Dict'], ['"example-dict";key="d"', '@7;e=%"a"', 'Example-Dict'],
    ['"priority";sf', 'a=1.0, b=1.5;q=2.0, c=(1.0 @5;d=3.0), d=@7;e=%"a"', 'Priority']
  ]) {
    const signing = { components: [...components, component], values: { [component]: value } }
    t.equal((await exchange(port, signedBytes('GET', '/any', undefined, signing, { [line]: dictionary }))).statusCode, 200, component)
  }
  const nested = ['"signature-input";key="other"', '"content-digest";key="x"']
  const values = { '"signature-input";key="other"': '("@method");ttl=1.0', '"content-digest";key="x"': '2.0' }
  const fields = sign('GET', '/any', undefined, { components: [...components, ...nested], values })
  t.equal((await exchange(port, bytes('GET', '/any', { ...fields, 'signature-input': `${fields['signature-input']}, other=("@method");ttl=1.00`, 'content-digest': 'x=2.00' }))).statusCode, 401, 'a digest is of nothing here')
  const covered = { components: [...components, nested[0]], values }
  const good = sign('GET', '/any', undefined, covered)
  t.equal((await exchange(port, bytes('GET', '/any', { ...good, 'signature-input': `${good['signature-input']}, other=("@method");ttl=1.00` }))).statusCode, 200)
})

t.test('reads each header line and the query once, however much a request covers', async t => {
  let reads = 0
  let parses = 0
  const counted = (lines: string[]): string[] => new Proxy(lines, { get: (target, key) => { if (/^\d+$/.test(String(key))) reads++; return Reflect.get(target, key) } })
  const app = await build(t, {}, { rewriteUrl: (raw: { url: string, rawHeaders: string[] }) => { raw.rawHeaders = counted(raw.rawHeaders); return raw.url } })
  const { URLSearchParams } = globalThis
  t.teardown(() => { globalThis.URLSearchParams = URLSearchParams })
  globalThis.URLSearchParams = class extends URLSearchParams { constructor (init?: string) { super(init); parses++ } } as typeof URLSearchParams
  const created = Math.floor(Date.now() / 1000)
  const required = '"@method" "@path" "@query"'
  const each = (count: number, component: (i: number) => string): string => Array.from({ length: count }, (_, i) => component(i)).join(' ')
  const eight = (components: string): Record<string, string> => ({
    'signature-input': Array.from({ length: 8 }, (_, i) => `s${i}=(${components});created=${created};keyid="k${i}"`).join(', '),
    signature: Array.from({ length: 8 }, (_, i) => `s${i}=:AAAA:`).join(', ')
  })
  const one = (components: string): Record<string, string> => ({ 'signature-input': `s=(${components});created=${created};keyid="k"`, signature: 's=:AAAA:' })
  const dictionary = Array.from({ length: 1000 }, (_, i) => `k${i}`).join(',')
  const query = `?${Array.from({ length: 29 }, (_, i) => `x${i}=1`).join('&')}${'&%e9'.repeat(3000)}`
  const cases: Array<[title: string, target: string, headers: Record<string, string>, message: string]> = [
    ['query parameters', `/any${query}`, one(`${required} ${each(29, i => `"@query-param";name="x${i}"`)}`), NOT_VALID],
    ['one parameter, often', `/any${query}`, one(each(32, () => '"@query-param";name="x"')), 'The signature covers "@query-param";name="x" twice'],
    ['members', '/any', { ...one(`${required} ${each(29, i => `"x-a";key="k${i}"`)}`), 'x-a': dictionary }, NOT_VALID],
    ['strictly', '/any', { ...eight(`${required} "priority";sf`), priority: dictionary }, NOT_VALID],
    ['bytes', '/any', { ...eight(`${required} "x-a";bs`), 'x-a': dictionary }, NOT_VALID],
    ['the digest', '/any', { ...one(`${required} "content-digest";sf "content-digest";bs "content-digest";key="k1"`), 'content-digest': dictionary }, NOT_VALID]
  ]
  for (const [title, url, headers, message] of cases) {
    reads = 0
    parses = 0
    isError(t, await app.inject({ url, headers }), 401, message)
    const lines = 2 * (Object.keys(headers).length + 4)
    t.ok(reads > 0 && reads <= lines, `${title}: ${reads} reads of at most ${lines} names and values`)
    t.equal(parses, 0, `${title}: URLSearchParams, which takes 15 ms for such a query, reads none`)
  }
})
