import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import axios from 'axios'
import { transform } from 'esbuild'
import got from 'got'
import createOpenApiClient from 'openapi-fetch'
import t from 'tap'
import * as undici from 'undici'
import { outcomeOf, signer } from '../../client/index.js'
import { serveSigned } from './fixtures/servers.js'

const key = { id: 'dev', secret: 'hush' }
const sign = signer(key)
const body = JSON.stringify({ name: 'orders', description: 'técnico' })
const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
const answer = { method: 'POST', url: '/v2/topic?dry=true', body: Buffer.from(body).toString('latin1') }

const origin = await serveSigned(t, key.id, key.secret)
const url = `${origin}/v2/topic?dry=true`
// The fields that a client copies from a signed request.
const SIGNED = /^(?:signature|signature-input|content-digest)$/
const refused = { outcome: 'rejected', status: 401, reason: 'Signature-Input' }

t.test('signs requests of fetch', async t => {
  t.match(await (await fetch(await sign(new Request(url, init)))).json(), answer)
  t.strictSame(outcomeOf(await fetch(url, init)), refused, 'an unsigned request is rejected')
})

t.test('signs requests of undici', async t => {
  const { method, headers } = await sign(new Request(url, init))
  const response = await undici.request(url, { method, headers: Object.fromEntries(headers), body } as Parameters<typeof undici.request>[1])
  t.equal(response.statusCode, 200)
  t.match(await response.body.json(), answer)
  t.equal((await undici.request(url, { method: 'POST', body })).statusCode, 401)

  const other = await undici.fetch(url, { method, headers: [...headers], body })
  t.match(outcomeOf(other), { outcome: 'success', status: 200 }, 'signs requests of the fetch of undici')
})

t.test('signs each request of axios', async t => {
  const instance = axios.create({ baseURL: origin, validateStatus: () => true })
  t.equal((await instance.get('/v2/topic')).status, 401)
  instance.interceptors.request.use(async config => {
    const { headers } = await sign(new Request(instance.getUri(config), { method: config.method, body: config.data }))
    for (const [name, value] of headers) if (SIGNED.test(name)) config.headers.set(name, value)
    return config
  })
  const { data, status } = await instance.post('/v2/topic', body, { params: { dry: true }, headers: init.headers })
  t.equal(status, 200)
  t.match(data, answer)
  t.match((await instance.get('/v2/topic')).data, { method: 'GET', url: '/v2/topic', body: '' })
})

t.test('signs each request of got', async t => {
  t.equal((await got.post(url, { body, throwHttpErrors: false })).statusCode, 401)
  const instance = got.extend({
    hooks: {
      beforeRequest: [async options => {
        const { method, headers } = await sign(new Request(options.url!, { method: options.method, body: options.body as string | undefined }))
        t.equal(method, options.method)
        for (const [name, value] of headers) if (SIGNED.test(name)) options.headers[name] = value
      }]
    }
  })
  t.match(await instance.post(url, { json: { name: 'orders', description: 'técnico' } }).json(), answer)
  t.match(await instance.get(url).json(), { method: 'GET', body: '' })
})

// The types that openapi-typescript generates for a service. Errors have no content.
interface Topic { name: string }
interface paths {
  '/v2/topic/{topicId}': {
    get: {
      parameters: { path: { topicId: string } }
      responses: {
        200: { headers: Record<string, unknown>, content: { 'application/json': { method: string, url: string } } }
        404: { headers: { 'EB-REASON-PHRASE': string }, content?: never }
      }
    }
  }
  '/v2/topic': {
    post: {
      parameters: { query?: { dry?: boolean } }
      requestBody: { content: { 'application/json': Topic } }
      responses: {
        200: { headers: Record<string, unknown>, content: { 'application/json': { method: string, body: string } } }
        422: { headers: { 'EB-REASON-PHRASE': string }, content?: never }
      }
    }
  }
}

t.test('signs each request of openapi-fetch, with the types of the OpenAPI document', async t => {
  const client = createOpenApiClient<paths>({ baseUrl: origin, fetch: async request => fetch(await sign(request)) })

  const { data } = await client.GET('/v2/topic/{topicId}', { params: { path: { topicId: 'EBT-0' } } })
  t.match(data!.url satisfies string, '/v2/topic/EBT-0')

  const created = await client.POST('/v2/topic', { params: { query: { dry: true } }, body: { name: 'orders' } })
  t.match(created.data!.body satisfies string, '{"name":"orders"}')
  t.match(outcomeOf(created.response), { outcome: 'success', status: 200 })

  const unsigned = await createOpenApiClient<paths>({ baseUrl: origin }).POST('/v2/topic', { body: { name: 'orders' } })
  t.equal(unsigned.data, undefined)
  t.strictSame(outcomeOf(unsigned.response), refused)
})

t.test('retries requests of openapi-fetch with the same idempotency key, as docs/client.md shows', async t => {
  const page = await readFile(join(import.meta.dirname, '..', '..', 'docs', 'client.md'), 'utf8')
  const [source] = /\/\*\* Sends a request\. While[^]*?\n}\n/.exec(page)!
  const { code } = await transform(source, { loader: 'ts' })
  const sent: Request[] = []
  const fetchOnce = async (request: Request): Promise<Response> => {
    sent.push(request)
    if (sent.length === 1) throw new TypeError('fetch failed')
    return sent.length === 2 ? new Response(null, { status: 503, headers: { 'retry-after': '0' } }) : await fetch(request)
  }
  const module = `export default (sign, fetch, outcomeOf, setTimeout) => { ${code}; return fetchRepeatedly }`
  const { default: create } = await import(`data:text/javascript,${encodeURIComponent(module)}`)
  const fetchRepeatedly = create(sign, fetchOnce, outcomeOf, (resolve: () => void) => { resolve() })

  const api = createOpenApiClient<paths>({ baseUrl: origin, fetch: fetchRepeatedly })
  const { data } = await api.POST('/v2/topic', { body: { name: 'orders' }, headers: { 'Idempotency-Key': 'job-1' } })
  t.match(data, { method: 'POST', body: '{"name":"orders"}' })
  t.strictSame(sent.map(({ headers }) => headers.get('idempotency-key')), ['job-1', 'job-1', 'job-1'])
  t.equal(new Set(sent.map(({ headers }) => headers.get('signature'))).size, 3)

  sent.length = 0
  const lost: Response = await fetchRepeatedly(new Request(`${origin}/v2/topic`, { method: 'POST', body: '{"name":"orders"}' }))
  t.equal(outcomeOf(lost).outcome, 'unknown')
  t.equal(sent.length, 1, 'a POST without a key is not repeated')
})
