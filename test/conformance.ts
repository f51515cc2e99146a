import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import service from '../app.js'
import { createFieldSigner } from '../client/signer.js'
import { conformance, type HeadersHook } from '../conformance/index.js'
import { serverOptions } from '../index.js'
import { cert, key } from './fixtures/certificate.js'
import { postgresql, sqlite } from './fixtures/database.js'
import { writeKeysFile } from './fixtures/service.js'
import { KEY } from './fixtures/sign.js'

// Each test sends several hundred requests, which takes time.
t.setTimeout(300_000)

const OTHER = { id: 'other', secret: 'the secret of another caller' }

/** Returns a hook that signs requests. */
function createSigningHook (key: typeof KEY): HeadersHook {
  const sign = createFieldSigner(key)
  return ({ headers, body, ...request }) => sign({ ...request, field: name => headers[name] }, body as Uint8Array<ArrayBuffer>)
}

const topic = { name: 'orders', description: '', mediaType: 'application/json' }

async function conforms (t: Test, app: FastifyInstance<any, any, any, any>, { database = sqlite, only }: { database?: typeof sqlite, only?: string[] } = {}) {
  t.teardown(() => app.close())
  await app.register(service, { ...await database.open(t), keysFile: writeKeysFile(t, [KEY, OTHER]) })
  app.post('/failing', { schema: { response: { 200: Type.Null() } }, config: { idempotency: 'optional' } }, async () => { throw new Error('of the test') })
  await conformance(t, app, {
    requests: [
      { url: '/health' },
      { url: '/v2/topic' },
      { method: 'POST', url: '/v2/topic', body: topic },
      { url: '/docs/json' }
    ],
    idempotent: [{ method: 'POST', url: '/v2/topic', body: { ...topic, name: '{{uuid}}' }, failing: { method: 'POST', url: '/failing' } }],
    headers: createSigningHook(KEY),
    otherHeaders: createSigningHook(OTHER),
    only
  })
}

t.test('the example service keeps the contract', async t => {
  t.test('over HTTP/1.1', { skip: sqlite.skip }, async t => conforms(t, Fastify(serverOptions())))
  t.test('over https', { skip: sqlite.skip }, async t => conforms(t, Fastify(serverOptions({ https: { key, cert } }))))
  t.test('over HTTP/2 in the clear', { skip: sqlite.skip }, async t => conforms(t, Fastify(serverOptions({ http2: true }))))
  t.test('over HTTP/2 and HTTP/1.1 on https', { skip: sqlite.skip }, async t => conforms(t, Fastify(serverOptions({ http2: true, https: { key, cert, allowHTTP1: true } }))))
  t.test('for idempotency keys on PostgreSQL', { skip: postgresql.skip }, async t => conforms(t, Fastify(serverOptions()), { database: postgresql, only: ['idempotency'] }))
})
