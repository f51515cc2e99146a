import t from 'tap'
import { createClient, type RequestOptions } from '../../client/index.js'
import { echo, serve } from './fixtures/servers.js'

interface Echo { method: string, url: string, headers: Record<string, string>, body: string }

const origin = await serve(t, echo)
const client = createClient({ baseUrl: origin })

/** Sends a request to the echo server, and returns what the server received. */
async function sent (method: string, path: string, options?: RequestOptions, baseUrl = origin): Promise<Echo> {
  const result = await createClient({ baseUrl })<Echo>(method, path, options)
  if (result.outcome !== 'success') throw new Error(result.reason, { cause: result.cause })
  return result.body
}

t.test('sends the method in upper case, and rejects an invalid one', async t => {
  for (const method of ['GET', 'delete', 'Patch']) t.equal((await sent(method, '/')).method, method.toUpperCase())
  for (const method of ['', 'A B', 'TRACE', 1]) await t.rejects(client(method as string, '/'), TypeError, `${method}`)
})

t.test('path', async t => {
  t.test('is sent unchanged', async t => {
    for (const path of ['/', '/v2/topic', '/a//b', '/a%2Fb', '/a/', '/...', '/.a/b.', '/a?b=c', '/a?b=/../c', '/a?//b', '/a:b@c', '/%2E%2Ea']) t.equal((await sent('GET', path)).url, path)
    t.equal((await sent('GET', '/é b')).url, '/%C3%A9%20b')
  })

  t.test('is appended to the path of baseUrl', async t => {
    for (const prefix of ['', '/']) t.equal((await sent('GET', '/a', {}, origin + prefix)).url, '/a')
    for (const prefix of ['/v2', '/v2/', '/v2//']) t.equal((await sent('GET', '/a', {}, origin + prefix)).url, '/v2/a')
    t.equal((await sent('GET', '/', {}, `${origin}/v2/api`)).url, '/v2/api/')
  })

  t.test('is rejected if it would resolve to another resource', async t => {
    const wrong = [
      '', 'a', 'v2/topic', '?a', '//evil', '//evil/a', '/\\evil', '\\\\evil', 'http://evil/', '@evil', ':80', '.evil', '/\t/evil', '\t//evil', '/a\nb', '/a\0', '/a\x85',
      '/a#b', '/a?b#c', '/..', '/.', '/../a', '/a/../b', '/a/./b', '/a/..', '/a/..?b', '/a/%2e%2E/b', '/a/.%2e', '/%2e', '/a\\..\\b'
    ]
    for (const path of wrong) {
      await t.rejects(client('GET', path), {
        name: 'TypeError', message: 'fastify-reason-phrase: path must begin with one slash, and have no dot segment, fragment, backslash or control character'
      }, JSON.stringify(path))
    }
    await t.rejects(client('GET', undefined as never), TypeError)
  })
})

t.test('appends the query parameters', async t => {
  const url = async (query: RequestOptions['query'], path = '/') => (await sent('GET', path, { query })).url
  t.equal(await url({}), '/')
  t.equal(await url({ a: undefined }), '/')
  t.equal(await url({ a: 'b', c: 1, d: true, e: '', f: undefined }), '/?a=b&c=1&d=true&e=')
  t.equal(await url({ a: ['b', 1, undefined, false], c: [] }), '/?a=b&a=1&a=false')
  t.equal(await url({ 'a&': 'b=c d+é#' }), '/?a%26=b%3Dc+d%2B%C3%A9%23')
  t.equal(await url({ c: 'd' }, '/?a=b'), '/?a=b&c=d')
})

t.test('sends headers, and rejects invalid ones', async t => {
  for (const headers of [{ 'X-A': 'b' }, [['x-a', 'b']] as Array<[string, string]>, new Headers({ 'x-a': 'b' })]) t.equal((await sent('GET', '/', { headers })).headers['x-a'], 'b')
  for (const [name, value] of [['x a', 'b'], ['x-a', 'b\nc'], ['x-a', 'ж']]) {
    await t.rejects(client('GET', '/', { headers: { [name!]: value! } }), { name: 'TypeError', message: 'fastify-reason-phrase: headers must have valid names and values' })
  }
})

t.test('body', async t => {
  const post = async (options: RequestOptions) => {
    const { headers, body } = await sent('POST', '/', options)
    return { type: headers['content-type'], body }
  }

  t.test('is sent as fetch sends it', async t => {
    t.strictSame(await post({}), { type: undefined, body: '' })
    t.strictSame(await post({ body: undefined }), { type: undefined, body: '' })
    t.strictSame(await post({ body: '{}' }), { type: 'text/plain;charset=UTF-8', body: '{}' })
    t.strictSame(await post({ body: new Blob(['a'], { type: 'a/b' }) }), { type: 'a/b', body: 'a' })
    t.strictSame(await post({ body: Uint8Array.of(0, 255) }), { type: undefined, body: '\0\xff' })
    t.strictSame(await post({ body: Uint8Array.of(0, 255).buffer }), { type: undefined, body: '\0\xff' })
    t.strictSame(await post({ body: new DataView(Uint8Array.of(1, 2, 3).buffer, 1) }), { type: undefined, body: '\x02\x03' })
    t.strictSame(await post({ body: new URLSearchParams({ a: 'b c' }) }), { type: 'application/x-www-form-urlencoded;charset=UTF-8', body: 'a=b+c' })
    const form = new FormData()
    form.append('a', 'b')
    t.match(await post({ body: form }), { type: /^multipart\/form-data; boundary=/, body: /name="a"\r\n\r\nb\r\n/ })
  })

  t.test('is sent as JSON if fetch does not accept it', async t => {
    const date = new Date(0)
    for (const body of [{ a: 'é' }, {}, [], [1], 1, 0, true, false, null, Object.create(null), date]) {
      t.strictSame(await post({ body }), { type: 'application/json', body: Buffer.from(JSON.stringify(body)).toString('latin1') })
    }
    t.equal((await post({ body: {}, headers: { 'Content-Type': 'application/merge-patch+json' } })).type, 'application/merge-patch+json')
  })

  t.test('is streamed, unless the client signs', async t => {
    t.equal((await post({ body: new Blob(['a', 'b']).stream() })).body, 'ab')
    async function * pieces () { yield Buffer.from('ab') }
    t.equal((await post({ body: pieces() })).body, 'ab')
    const signing = createClient({ baseUrl: origin, key: { id: 'dev', secret: 'hush' } })
    for (const body of [new Blob(['a']).stream(), pieces()]) {
      await t.rejects(signing('POST', '/', { body }), { name: 'TypeError', message: 'fastify-reason-phrase: body must not be a stream if the client signs requests; read it into bytes first' })
    }
  })

  t.test('is rejected if it is not a JSON value', async t => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const body of [() => {}, Symbol('a'), 1n, circular]) await t.rejects(client('POST', '/', { body: body as object }), TypeError)
    await t.rejects(client('POST', '/', { body: (() => {}) as object }), { message: 'fastify-reason-phrase: body must be a body that fetch accepts, or a JSON value' })
    await t.rejects(client('GET', '/', { body: 'a' }), TypeError, 'GET has no body')
  })
})
