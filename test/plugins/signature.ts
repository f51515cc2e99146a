import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase, { serverOptions } from '../../index.js'
import signature, { memoryStore, type Key, type SignatureOptions } from '../../plugins/signature.js'
import { isError } from '../fixtures/service.js'
import { KEY, sign, type Signing } from '../fixtures/sign.js'

const keys = (id: string): Key | undefined => id === KEY.id ? { secret: KEY.secret, permissions: ['topic:read'] } : undefined

async function build (t: Test, options: Partial<SignatureOptions> = {}, server = {}): Promise<FastifyInstance> {
  const app = Fastify(serverOptions(server))
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(signature, { keys, ...options })
  app.all('/any', async request => ({ key: request.key, body: request.body ?? null }))
  app.get('/read', { config: { permission: 'topic:read' } }, async () => 'read')
  app.get('/write', { config: { permission: 'topic:write' } }, async () => 'written')
  app.get('/open', { config: { signature: false } }, async request => ({ key: request.key ?? null }))
  app.get('/thing/:id', async () => 'a thing')
  return app
}

type Method = 'GET' | 'POST' | 'DELETE'

async function send (app: FastifyInstance, method: Method, url: string, payload?: string, signing?: Signing, headers?: Record<string, string>) {
  return await app.inject({ method, url, payload, headers: { ...(payload !== undefined && { 'content-type': 'application/json' }), ...sign(method, url, payload, signing), ...headers } })
}

t.test('A good signature passes', async t => {
  const app = await build(t)
  t.same((await send(app, 'GET', '/any')).json(), { key: { id: 'test', permissions: ['topic:read'] }, body: null })
  t.same((await send(app, 'GET', '/any?a=1&b=%20')).statusCode, 200)
  t.same((await send(app, 'POST', '/any', '{"a":1}')).json().body, { a: 1 })
  t.same((await send(app, 'DELETE', '/any', '{"a":1}', { algorithm: 'sha-512' })).json().body, { a: 1 })
  t.equal((await send(app, 'GET', '/read')).body, 'read')
  isError(t, await send(app, 'GET', '/write'), 403, 'The key lacks the permission topic:write')
  t.same((await app.inject('/open')).json(), { key: null })
})

t.test('Without one, nobody learns which routes there are', async t => {
  const app = await build(t)
  const long = 'x'.repeat(200)
  for (const url of ['/any', '/none', `/thing/${long}`, `/none/${long}`, '/%zz', '/write']) {
    const response = await app.inject(url)
    isError(t, response, 401, 'The request is not signed: it must have Signature-Input and Signature')
    t.equal(response.headers['www-authenticate'], 'HMAC')
    t.equal(response.headers['accept-signature'], 'sig1=("@method" "@path" "@query");created;alg="hmac-sha256"')
  }
  isError(t, await send(app, 'GET', '/none'), 404, 'Route GET:/none not found')
  isError(t, await send(app, 'GET', `/thing/${long}`), 400, `'/thing/${long}' is exceeding the max param length`)
  isError(t, await send(app, 'GET', '/%zz'), 400, "'/%zz' is not a valid url component")
})

t.test('A digest', async t => {
  const app = await build(t)
  isError(t, await send(app, 'POST', '/any', '{"a":1}', {}, { 'content-digest': sign('POST', '/any', '{"a":2}')['content-digest'] }), 401, 'The key or the signature is not valid')
  const headers = { ...sign('POST', '/any', '{"a":1}'), 'content-type': 'application/json' }
  const response = await app.inject({ method: 'POST', url: '/any', headers, payload: '{"a":2}' })
  isError(t, response, 401, 'The Content-Digest does not match the body')
  t.equal(response.headers['accept-signature'], 'sig1=("@method" "@path" "@query" "content-digest");created;alg="hmac-sha256"')
})

t.test('Replay', async t => {
  const app = await build(t, { replay: { store: memoryStore() } })
  const headers = sign('GET', '/any')
  t.equal((await app.inject({ url: '/any', headers })).statusCode, 200)
  const response = await app.inject({ url: '/any', headers })
  isError(t, response, 401, 'The nonce was used before: sign each request anew')
  t.match(response.headers['accept-signature'], /;created;nonce="[\w-]{22}";alg=/)
})
