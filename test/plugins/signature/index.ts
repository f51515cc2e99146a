import fc from 'fast-check'
import Fastify, { type FastifyRequest } from 'fastify'
import t from 'tap'
import reasonPhrase, { serverOptions } from '../../../index.js'
import { kSignatureAge, type Verifying } from '../../../plugins/reason-phrase/permissions.js'
import signature, { memoryStore, type SignatureOptions } from '../../../plugins/signature/index.js'
import { assertInjectedError } from '../../fixtures/service.js'
import { KEY, sign } from '../../fixtures/sign.js'
import { build, bytes, keys, MISMATCH, NOT_VALID, send, signedBytes, UNSIGNED } from '../../fixtures/signed-service.js'
import { connect, exchange, assertErrorResponse, listen, parse } from '../../fixtures/wire.js'

t.test('fails to register with invalid options, twice, or without fastify-reason-phrase', async t => {
  const app = await build(t)
  await t.rejects(async () => await app.register(signature, { keys }), { message: 'fastify-reason-phrase: fastify-reason-phrase/signature is registered already. Register it once' })
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

t.test('shows the age of signatures to other plugins of the instance and its children', async t => {
  const app = await build(t, { maxAge: 60, clockSkew: 5 })
  t.strictSame((app as Verifying)[kSignatureAge], { maxAge: 60, clockSkew: 5 })
  await app.register(async (child: Verifying) => { t.strictSame(child[kSignatureAge], { maxAge: 60, clockSkew: 5 }) })
  t.equal((Fastify() as Verifying)[kSignatureAge], undefined)
})

t.test('lets a request with a valid signature pass', async t => {
  const app = await build(t)
  t.same((await send(app, 'GET', '/any')).json(), { key: { id: 'test', permissions: ['topic:read'] }, body: null })
  t.same((await send(app, 'GET', '/any?a=1&b=%20')).statusCode, 200)
  t.same((await send(app, 'POST', '/any', '{"a":1}')).json().body, { a: 1 })
  t.same((await send(app, 'DELETE', '/any', '{"a":1}', { algorithm: 'sha-512' })).json().body, { a: 1 })
  t.equal((await send(app, 'GET', '/read')).body, 'read')
  assertInjectedError(t, await send(app, 'GET', '/write'), 403, 'The key lacks the permission topic:write')
  t.same((await app.inject('/open')).json(), { key: null })
  t.same((await send(app, 'GET', '/open')).json(), { key: null }, 'does not verify the signature on an open route')
})

t.test('verifies requests that are pipelined on one connection', async t => {
  const port = await listen(t, await build(t))
  const connection = connect(port)
  connection.write(Buffer.concat([
    signedBytes('GET', '/any?a=1'), signedBytes('POST', '/any', '{"a":1}'), bytes('GET', '/any'), signedBytes('HEAD', '/read'), signedBytes('GET', '/write')
  ]))
  const [get, post, none, head, write] = await connection.responses(5, { head: [false, false, false, true] })
  connection.destroy()
  t.same(JSON.parse(get.body), { key: { id: 'test', permissions: ['topic:read'] }, body: null })
  t.same(JSON.parse(post.body).body, { a: 1 })
  assertErrorResponse(t, none, 401, UNSIGNED)
  t.equal(head.statusCode, 200)
  assertErrorResponse(t, write, 403, 'The key lacks the permission topic:write')
})

t.test('sends the challenge of the option in a 401', async t => {
  const app = Fastify(serverOptions({}, { challenge: 'Signature realm="topics"' }))
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(signature, { keys })
  t.equal((await app.inject('/')).headers['www-authenticate'], 'Signature realm="topics"')
})

t.test('sends the same 401 for all paths without a valid key, so that nobody learns which routes exist', async t => {
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

t.test('sends 404 and 400 to the holder of a key', async t => {
  const app = await build(t)
  const long = 'x'.repeat(200)
  assertInjectedError(t, await send(app, 'GET', '/none'), 404, 'Route GET:/none not found')
  assertInjectedError(t, await send(app, 'POST', '/none', '{}'), 404, 'Route POST:/none not found')
  assertInjectedError(t, await send(app, 'GET', `/thing/${long}`), 400, `'/thing/${long}' is exceeding the max param length`)
  assertInjectedError(t, await send(app, 'GET', '/%zz'), 400, "'/%zz' is not a valid url component")
  assertInjectedError(t, await send(app, 'GET', '/%zz', undefined, { key: { id: KEY.id, secret: 'wrong' } }), 401, NOT_VALID)
  assertInjectedError(t, await app.inject({ url: '/any', headers: sign('GET', '/other') }), 401, NOT_VALID)
  assertInjectedError(t, await app.inject({ url: '/any', headers: sign('HEAD', '/any') }), 401, NOT_VALID)
  t.equal((await app.inject({ url: '/any?', headers: sign('GET', '/any') })).statusCode, 200, 'takes an empty query as no query')
})

t.test('sends the same bytes for an unknown key and for a wrong MAC', async t => {
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

t.test('shows the key to later hooks, and the error to the error handler', async t => {
  const seen: unknown[] = []
  const app = await build(t, {}, {}, app => {
    app.addHook('preParsing', async (request: FastifyRequest) => { seen.push(request.key?.id) })
    app.setErrorHandler(async (error: Error & { statusCode?: number }, _request, reply) => { seen.push(error.name, error.statusCode); return await reply.send(error) })
  })
  await send(app, 'GET', '/any')
  assertInjectedError(t, await app.inject('/any'), 401, UNSIGNED)
  t.strictSame(seen, ['test', 'Error', 401])
})

t.test('rejects a request with one changed bit in any covered part', async t => {
  const port = await listen(t, await build(t, { required: ['@method', '@path', '@query', 'content-digest', 'content-type', 'x-covered'] }))
  const components = ['"@method"', '"@path"', '"@query"', '"content-digest"', '"content-type"', '"x-covered"']
  /** Returns the status code of the only response; 0 if there is none. */
  const statusOf = async (request: Buffer): Promise<number> => {
    const connection = connect(port)
    connection.socket.end(request)
    return parse(await connection.closed(), [request.toString('latin1').startsWith('HEAD ')], true).responses[0]?.statusCode ?? 0
  }
  const visible = fc.stringMatching(/^[!-~]{1,20}$/)
  const target = fc.tuple(fc.webPath(), fc.option(fc.webQueryParameters())).map(([, query]) => `/any${query === null ? '' : `?${query}`}`)
  // Fastify rejects a member that is named __proto__.
  const body = fc.dictionary(fc.stringMatching(/^[ -~]{0,5}$/), fc.string({ maxLength: 30 }), { maxKeys: 3, noNullPrototype: true }).map(value => JSON.stringify(value))

  await fc.assert(fc.asyncProperty(fc.constantFrom('POST', 'PUT', 'PATCH', 'DELETE'), target, body, visible, fc.nat(), fc.uuid(), async (method, target, body, covered, random, nonce) => {
    const values = { '"content-type"': 'application/json', '"x-covered"': covered }
    const request = signedBytes(method, target, body, { components, values, parameters: `;nonce="${nonce}";alg="hmac-sha256"` }, { 'x-covered': covered, connection: 'close' })
    const text = request.toString('latin1')
    t.equal(await statusOf(request), 200, `accepts the unchanged request: ${text}`)
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
    // The last character of the base64 text has two unused bits.
    const mac = Buffer.from(text.slice(macAt, macAt + 44), 'base64')
    mac[random % 32] ^= 1 << (random % 8)
    t.equal(await statusOf(Buffer.from(text.slice(0, macAt) + mac.toString('base64') + text.slice(macAt + 44), 'latin1')), 401)
  }), { numRuns: 60 })
})

t.test('accepts random signed requests, and rejects them with one changed byte of content', async t => {
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
    assertErrorResponse(t, await exchange(port, signedBytes('POST', target, body, { algorithm }, headers, other)), 401, MISMATCH)
  }), { numRuns: 100 })
})
