import { hash } from 'node:crypto'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { createFingerprint } from '../../../lib/idempotency/operation.js'
import idempotency from '../../../plugins/idempotency/index.js'
import reasonPhrase, { serverOptions } from '../../../index.js'
import signature, { memoryStore, type SignatureOptions } from '../../../plugins/signature/index.js'
import { TestStore, transactionOf } from '../../fixtures/keyed-service.js'
import { KEY, sign } from '../../fixtures/sign.js'

const COMPONENTS = ['"@method"', '"@path"', '"@query"', '"content-digest"', '"idempotency-key"']
const keys = (id: string) => [KEY.id, 'other'].includes(id) ? { secret: KEY.secret, permissions: [] } : undefined

async function createService (t: Test, { retention, ...options }: Partial<SignatureOptions> & { retention?: number } = {}) {
  const store = new TestStore()
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  await app.register(signature, { keys, ...options })
  await app.register(idempotency, { store, retention })
  app.post('/', { config: { idempotency: 'optional' } }, async request => {
    if (request.transaction !== undefined) transactionOf(request).insert('effect')
    return request.body
  })
  return { app, store }
}

/** Returns the header fields of a signed request with an idempotency key. */
function signKeyed (body: string, idempotencyKey: string, id = KEY.id): Record<string, string> {
  const values = { '"idempotency-key"': idempotencyKey }
  return { 'content-type': 'application/json', 'idempotency-key': idempotencyKey, ...sign('POST', '/', body, { components: COMPONENTS, values, key: { id, secret: KEY.secret } }) }
}

t.test('replays the recorded response for a copy of a signed request, although its nonce was used', async t => {
  const { app, store } = await createService(t, { replay: { store: memoryStore() } })
  const send = async (headers: Record<string, string>, payload = '{"a":1}') => await app.inject({ method: 'POST', url: '/', headers, payload })
  const headers = signKeyed('{"a":1}', 'k')
  for (const replayed of [undefined, 'true', 'true']) {
    const { statusCode, body, headers: { 'idempotent-replayed': mark } } = await send(headers)
    t.strictSame([statusCode, body, mark], [200, '{"a":1}', replayed])
  }
  t.match((await send(signKeyed('{"a":1}', 'k'))).headers, { 'idempotent-replayed': 'true' }, 'replays for a new signature')
  t.equal((await send(signKeyed('{"a":2}', 'k'), '{"a":2}')).statusCode, 422, 'rejects another body')
  t.strictSame(store.effects, ['effect'])
  t.match(await send(signKeyed('{"a":1}', 'k', 'other')), { statusCode: 200, headers: { 'idempotent-replayed': undefined } }, 'executes the request of another caller')
  t.strictSame(store.effects, ['effect', 'effect'])
})

t.test('uses the digest that the signature plugin has verified', async t => {
  const { app, store } = await createService(t)
  const payload = '{"a":1}'
  t.equal((await app.inject({ method: 'POST', url: '/', headers: signKeyed(payload, 'k'), payload })).statusCode, 200)
  t.strictSame([...store.settled.values()][0].fingerprint, createFingerprint('POST', '/', hash('sha256', payload, 'buffer')))
  t.equal((await app.inject({ method: 'POST', url: '/', headers: signKeyed(payload, 'other'), payload: '{"a":2}' })).statusCode, 401, 'rejects a body that does not match its digest')
  t.strictSame(store.effects, ['effect'])
})

t.test('rejects at start if a signature is valid for longer than the record is kept', async t => {
  const { app } = await createService(t, { maxAge: 300, clockSkew: 30, retention: 330 })
  await t.rejects(async () => await app.ready(), {
    message: 'fastify-reason-phrase: option retention of idempotency is 330 seconds, but it must be more than maxAge + clockSkew of signature, which are 330 seconds. Otherwise, a copy of a signed request could be executed again after its record is removed'
  })
  const { app: other } = await createService(t, { maxAge: 300, clockSkew: 30, retention: 331 })
  await t.resolves(async () => await other.ready())
})
