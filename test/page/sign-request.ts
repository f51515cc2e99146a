import t, { type Test } from 'tap'
import { signer } from '../../client/index.js'
import { signRequest, type PageRequest } from '../../page/sign-request.js'
import { findSignatureError, serve, type Received } from '../client/fixtures/servers.js'

const key = { id: 'dev', secret: 'hush, hüsh' }

/** Signs a request, sends it like Swagger UI, and returns the request that arrived and the one that Swagger UI shows. */
async function send (t: Test, target: string, request: Omit<PageRequest, 'url'>): Promise<{ received: Received, shown: Record<string, string> }> {
  let received!: Received
  const origin = await serve(t, (request, response) => {
    received = request
    response.end()
  })
  const signed = await signRequest({ ...request, url: origin + target }, signer(key))
  await (await signed.userFetch!()).text()
  return { received, shown: signed.headers! }
}

t.test('sends the bytes that the signature covers', async t => {
  const form = new FormData()
  form.append('name', 'à la carte')
  form.append('file', new Blob(['\0\xff\r\n']), 'a.bin')
  const requests: Array<[title: string, target: string, request: Omit<PageRequest, 'url'>]> = [
    ['no body', '/v2/topic?name=%C3%BCber%20%26&limit=5', { method: 'GET' }],
    ['an empty body', '/', { method: 'POST', body: '' }],
    ['text', '/', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"name":"é"}' }],
    ['parameters', '/', { method: 'POST', body: new URLSearchParams({ a: 'é b' }) }],
    ['a file', '/a%2Fb', { method: 'PUT', headers: { 'Content-Type': 'application/octet-stream' }, body: new Blob(['\0\xff']) }],
    ['a form', '/', { method: 'POST', headers: { 'Content-Type': 'multipart/form-data' }, body: form }],
    ['an idempotency key', '/', { method: 'POST', headers: { 'Idempotency-Key': 'a' }, body: '{}' }]
  ]
  for (const [title, target, request] of requests) {
    const { received, shown } = await send(t, target, request)
    t.equal(findSignatureError(received, key.id, key.secret), undefined, title)
    t.equal(received.url, target)
    for (const name of ['signature', 'signature-input', 'content-digest']) t.equal(shown[name], received.headers[name], `${title} shows ${name}`)
  }
})

t.test('covers the idempotency key', async t => {
  const { received } = await send(t, '/', { method: 'PUT', headers: { 'idempotency-key': 'a' } })
  t.match(received.headers['signature-input'], '"idempotency-key"')
})

t.test('lets the browser set the content type of a form, because it chooses the boundary', async t => {
  const body = new FormData()
  body.append('a', 'b')
  const { received } = await send(t, '/', { method: 'POST', headers: { 'Content-Type': 'multipart/form-data', accept: 'text/plain' }, body })
  const [, boundary] = /^multipart\/form-data; boundary=(.+)$/.exec(received.headers['content-type']!)!
  t.ok(received.body.includes(boundary!))
  t.equal(received.headers.accept, 'text/plain')
})
