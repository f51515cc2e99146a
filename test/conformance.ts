import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import service from '../app.js'
import { createFieldSigner } from '../client/signer.js'
import { conformance } from '../conformance/index.js'
import { serverOptions } from '../index.js'
import { cert, key } from './fixtures/certificate.js'
import { sqlite } from './fixtures/database.js'
import { writeKeysFile } from './fixtures/service.js'
import { KEY } from './fixtures/sign.js'

// Each test sends several hundred requests.
t.setTimeout(300_000)

const sign = createFieldSigner(KEY)
const topic = { name: 'orders', description: '', mediaType: 'application/json' }

async function conforms (t: Test, app: FastifyInstance<any, any, any, any>) {
  t.teardown(() => app.close())
  await app.register(service, { ...await sqlite.open(t), keysFile: writeKeysFile(t) })
  await conformance(t, app, {
    requests: [
      { url: '/health' },
      { url: '/v2/topic' },
      { method: 'POST', url: '/v2/topic', body: topic },
      { url: '/docs/json' }
    ],
    headers: ({ headers, body, ...request }) => sign({ ...request, field: name => headers[name] }, body as Uint8Array<ArrayBuffer>)
  })
}

t.test('the example service keeps the contract', async t => {
  t.test('over HTTP/1.1', async t => conforms(t, Fastify(serverOptions())))
  t.test('over https', async t => conforms(t, Fastify(serverOptions({ https: { key, cert } }))))
  t.test('over HTTP/2 in the clear', async t => conforms(t, Fastify(serverOptions({ http2: true }))))
  t.test('over HTTP/2 and HTTP/1.1 on https', async t => conforms(t, Fastify(serverOptions({ http2: true, https: { key, cert, allowHTTP1: true } }))))
})
