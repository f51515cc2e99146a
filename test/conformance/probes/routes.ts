import type { RouteOptions } from 'fastify'
import { Type } from '@sinclair/typebox'
import t from 'tap'
import { deriveRequests } from '../../../conformance/probes/routes.js'
import type { RequestOptions } from '../../../conformance/exchange/request.js'

function of (routes: object[], requests: RequestOptions[] = []): Record<string, RequestOptions> {
  const derived = deriveRequests(routes as RouteOptions[], requests, () => undefined, 10)
  for (const { texts } of derived) {
    t.ok(texts.sends && texts.why)
    t.equal(texts.source, 'docs/contract.md#unsuccessful-responses')
  }
  return Object.fromEntries(derived.map(({ id, request }) => [id, request]))
}

t.test('derives requests for a route without schemas', async t => {
  t.strictSame(of([{ method: ['GET', 'HEAD'], url: '/a/:id(^\\d+$)/*' }, { method: 'DELETE', url: '/a' }, { method: 'DELETE', url: '/a' }]), {
    'routes-get-a-id-d': { method: 'GET', url: '/a/a/a', headers: {} },
    'routes-get-a-id-d-head': { method: 'HEAD', url: '/a/a/a', headers: {} },
    'routes-delete-a': { method: 'DELETE', url: '/a', headers: {} },
    'routes-delete-a-body-too-large': { method: 'DELETE', url: '/a', headers: { 'content-type': 'application/json' }, body: '"aaaaaaaaaaa"' },
    'routes-delete-a-2': { method: 'DELETE', url: '/a', headers: {} },
    'routes-delete-a-2-body-too-large': { method: 'DELETE', url: '/a', headers: { 'content-type': 'application/json' }, body: '"aaaaaaaaaaa"' }
  })
})

t.test('makes one input invalid at a time', async t => {
  const requests = of([{
    method: 'POST',
    url: '/things/:thingId',
    bodyLimit: 3,
    constraints: { version: '1.0.0', host: 'example.com' },
    schema: {
      params: Type.Object({ thingId: Type.Integer() }),
      querystring: Type.Object({ aB: Type.Boolean() }),
      headers: Type.Object({ 'X-A': Type.String({ maxLength: 2, pattern: '^a' }), 'no token': Type.Optional(Type.Integer()) }),
      body: Type.Object({ c: Type.Integer() })
    }
  }])
  const fields = { 'accept-version': '1.0.0', host: 'example.com', 'x-a': 'a' }
  const valid = { method: 'POST', url: '/things/1?aB=true', headers: fields, body: { c: 1 } }
  const id = 'routes-post-things-thingid'
  t.strictSame(requests, {
    [id]: valid,
    [`${id}-params-thing-id-wrong-type`]: { ...valid, url: '/things/%7B%22an%22%3A%5B%22object%22%5D%7D?aB=true' },
    [`${id}-query-a-b-missing`]: { ...valid, url: '/things/1' },
    [`${id}-query-a-b-wrong-type`]: { ...valid, url: '/things/1?aB=%7B%22an%22%3A%5B%22object%22%5D%7D' },
    [`${id}-query-unknown-property`]: { ...valid, url: '/things/1?aB=true&noSuchProperty=a' },
    [`${id}-headers-x-a-missing`]: { ...valid, headers: { 'accept-version': '1.0.0', host: 'example.com' } },
    [`${id}-headers-x-a-wrong-type`]: { ...valid, headers: { ...fields, 'x-a': '{"an":["object"]}' } },
    [`${id}-headers-x-a-too-long`]: { ...valid, headers: { ...fields, 'x-a': 'aaa' } },
    [`${id}-headers-unknown-property`]: { ...valid, headers: { ...fields, nosuchproperty: 'a' } },
    [`${id}-body-c-missing`]: { ...valid, body: {} },
    [`${id}-body-c-wrong-type`]: { ...valid, body: { c: { an: ['object'] } } },
    [`${id}-body-unknown-property`]: { ...valid, body: { c: 1, noSuchProperty: 'a' } },
    [`${id}-body-null`]: { ...valid, body: null },
    [`${id}-body-array`]: { ...valid, body: [] },
    [`${id}-body-missing`]: { method: 'POST', url: '/things/1?aB=true', headers: fields },
    [`${id}-body-too-large`]: { ...valid, headers: { 'content-type': 'application/json', ...fields }, body: '"aaaa"' }
  })
})

t.test('takes the valid inputs from a known request', async t => {
  const known = { method: 'PUT', url: '/things/7?q=1', headers: { 'x-a': 'b' }, body: { d: 5 } }
  const requests = of([{
    method: 'PUT',
    url: '/things/:id',
    schema: { params: Type.Object({ id: Type.String() }), query: Type.Object({ q: Type.Optional(Type.Null()) }), body: { content: { 'application/json': { schema: Type.Object({ d: Type.Integer() }) } } } }
  }, { method: 'GET', url: '/things/:id' }], [known])
  t.strictSame(requests['routes-put-things-id'], known)
  t.strictSame(requests['routes-put-things-id-body-d-missing'], { ...known, body: {} })
  t.strictSame(requests['routes-put-things-id-query-unknown-property']!.url, '/things/7?q=1&noSuchProperty=a')
  t.strictSame(requests['routes-get-things-id']!.url, '/things/a', 'does not use a known request for other methods')
})

t.test('matches a known request to a wildcard route', async t => {
  t.equal(of([{ method: 'GET', url: '/files/*' }], [{ url: '/files/a.txt' }])['routes-get-files-head']!.url, '/files/a.txt')
})

t.test('supports schemas that do not describe objects', async t => {
  const schema = { body: Type.Array(Type.String()), params: { type: 'integer' }, querystring: Type.Object({ a: Type.Optional(Type.String()) }) }
  t.strictSame(Object.keys(of([{ method: 'POST', url: '/', schema }])), [
    'routes-post', 'routes-post-query-a-wrong-type', 'routes-post-query-unknown-property',
    'routes-post-body-null', 'routes-post-body-array', 'routes-post-body-missing', 'routes-post-body-too-large'
  ])
  t.strictSame(Object.keys(of([{ method: 'POST', url: '/', schema: { body: { content: { 'text/plain': {} } } } }])), ['routes-post', 'routes-post-body-too-large'])
})
