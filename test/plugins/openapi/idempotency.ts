import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import idempotency from '../../../plugins/idempotency/index.js'
import { memoryStore } from '../../../plugins/idempotency/stores/memory.js'
import { documentOf, errorsOf, handler, Item, NO_BODY, UNKNOWN_STATUS } from '../../fixtures/openapi.js'

const optional = { idempotency: 'optional' } as const
const required = { idempotency: 'required' } as const

/** Returns the document of a service with the idempotency plugin and these routes, or with the outcome routes. */
async function keyedDocumentOf (t: Test, routes?: (app: FastifyInstance) => void, settings?: Parameters<typeof documentOf>[2]): Promise<any> {
  return await documentOf(t, app => {
    app.register(idempotency, { store: memoryStore() as never, scope: () => 'caller', outcomes: routes === undefined ? '/operation' : undefined })
    if (routes !== undefined) app.register(async app => { routes(app) })
  }, settings)
}

const fields = (...names: string[]): object => Object.fromEntries(names.map(name => [name, { $ref: `#/components/headers/${name}` }]))
const MARKS = ['Idempotency-Status', 'Idempotent-Replayed']
const MESSAGE = 'EB-REASON-PHRASE'

t.test('describes the Idempotency-Key as optional or required', async t => {
  const { paths } = await keyedDocumentOf(t, app => {
    app.post('/optional', { config: optional }, handler)
    app.post('/required', { config: required, schema: { querystring: Item } }, handler)
    app.post('/none', handler)
  })
  const key = { name: 'Idempotency-Key', in: 'header', schema: { type: 'string', minLength: 1, maxLength: 255 }, description: /\w/ }
  t.match(paths['/optional'].post.parameters, [{ ...key, required: false }])
  t.match(paths['/required'].post.parameters, [{ name: 'name', in: 'query' }, { ...key, required: true }])
  t.equal(paths['/none'].post.parameters, undefined)
  for (const path of ['/optional', '/required']) t.strictSame(Object.keys(paths[path].post).filter(name => name.startsWith('x-')), [])
})

t.test('keeps the schema of a route for the Idempotency-Key', async t => {
  const { paths } = await keyedDocumentOf(t, app => {
    const headers = Type.Object({ 'idempotency-key': Type.String({ format: 'uuid' }), other: Type.String() })
    app.post('/', { config: required, schema: { headers } }, handler)
  })
  t.match(paths['/'].post.parameters, [{ name: 'idempotency-key', in: 'header', schema: { format: 'uuid' } }, { name: 'other' }])
  t.equal(paths['/'].post.parameters.length, 2)
})

t.test('describes the header fields of recorded responses', async t => {
  const { components, paths } = await keyedDocumentOf(t, app => {
    const response = { 201: { ...Item, headers: { 'Idempotent-Replayed': { type: 'integer' } } }, '2xx': Item, 302: Type.Null() }
    app.post('/', { config: { ...optional, errors: { 404: 'No such item.', 500: 'It broke.' } }, schema: { response } }, handler)
    app.post('/none', handler)
  })
  t.match(components.headers, {
    'Idempotency-Status': { schema: { type: 'string', enum: ['succeeded', 'rejected', 'executing', 'mismatch', 'closed', 'expired'] } },
    'Idempotent-Replayed': { schema: { type: 'string', enum: ['true'] } },
    'Retry-After': { schema: { type: 'string' } }
  })
  for (const status of components.headers['Idempotency-Status'].schema.enum) t.match(components.headers['Idempotency-Status'].description, `\`${status}\``)

  const { responses } = paths['/'].post
  t.match(responses[201].headers, { ...fields('Idempotency-Status'), 'Idempotent-Replayed': { schema: { type: 'integer' } } }, 'keeps the header fields of the route')
  t.strictSame(responses['2XX'].headers, fields(...MARKS))
  t.strictSame(responses[302].headers, fields(...MARKS))
  t.strictSame(responses[404].headers, fields(...MARKS, MESSAGE), 'describes the fields of a rejection, which is recorded')
  t.strictSame(responses[500].headers, fields(MESSAGE), 'leaves the fields out of a 5xx, which is not recorded')
  t.equal(paths['/none'].post.responses[200].headers, undefined)
})

t.test('describes the errors that the idempotency plugin sends', async t => {
  const { paths } = await keyedDocumentOf(t, app => {
    app.post('/optional', { config: optional }, handler)
    app.post('/required/:id', { config: required }, handler)
  })
  const UNUSABLE = 'The Idempotency-Key was used for another request, was closed, or has expired. This request did nothing.'
  const UNDECIDED = 'Another request with this Idempotency-Key is being executed, or the store of the keys is unavailable. Repeat the request with the same key.'
  const { responses } = paths['/optional'].post
  t.strictSame(errorsOf({ responses }), [400, 422, 500, 503])
  t.strictSame(responses[400], { description: `The Idempotency-Key is malformed. ${NO_BODY}`, headers: fields(...MARKS, MESSAGE) })
  t.strictSame(responses[422], { description: `${UNUSABLE} ${NO_BODY}`, headers: fields(...MARKS, MESSAGE) })
  t.strictSame(responses[500], { $ref: '#/components/responses/500' })
  t.strictSame(responses[503], {
    description: `The service is temporarily offline. ${UNDECIDED} ${UNKNOWN_STATUS} ${NO_BODY}`,
    headers: fields('Idempotency-Status', 'Retry-After', MESSAGE)
  })
  t.strictSame(errorsOf(paths['/required/{id}'].post), [400, 404, 422, 500, 503])
  t.strictSame(paths['/required/{id}'].post.responses[400].description,
    `The request is malformed, too large, or cannot be processed as it is. The Idempotency-Key is missing or malformed. ${NO_BODY}`)
  t.strictSame(paths['/required/{id}'].post.responses[404], { $ref: '#/components/responses/404' })
})

t.test('joins the errors of the idempotency plugin and of the route', async t => {
  const { paths } = await keyedDocumentOf(t, app => {
    app.post('/', { config: { ...required, errors: { 400: 'Two names', 422: 'The name is taken.', 503: 'Closed at night! ' } } }, handler)
  })
  const { 400: malformed, 422: unprocessable, 503: unavailable } = paths['/'].post.responses
  t.match(malformed.description, /^Two names\. The Idempotency-Key is missing or malformed\. The response/)
  t.match(unprocessable.description, /^The name is taken\. The Idempotency-Key was used for another request, /)
  t.match(unavailable.description, /^Closed at night! Another request with this Idempotency-Key /)
})

t.test('describes each method of a route, and a route that is not implemented', async t => {
  const { paths } = await keyedDocumentOf(t, app => {
    app.route({ method: ['PUT', 'DELETE'], url: '/', config: optional, handler })
    app.post('/', { config: optional }, app.notImplemented)
  })
  for (const method of ['put', 'delete', 'post']) {
    t.equal(paths['/'][method].parameters.length, 1, method)
    t.strictSame(paths['/'][method].responses[200].headers, fields(...MARKS), method)
  }
})

t.test('does not change a document without idempotent routes', async t => {
  const { components } = await keyedDocumentOf(t, app => { app.post('/', handler) })
  t.strictSame(Object.keys(components.headers), [MESSAGE])
})

t.test('keeps the header fields of the given document', async t => {
  const headers = { 'Retry-After': { description: 'Mine', schema: { type: 'integer' } } }
  const { components } = await keyedDocumentOf(t, app => { app.post('/', { config: optional }, handler) }, { document: { components: { headers } } })
  t.strictSame(components.headers['Retry-After'], headers['Retry-After'])
})

t.test('describes the outcome routes, with the key as a parameter of their path', async t => {
  const { components, paths } = await keyedDocumentOf(t)
  t.strictSame(Object.keys(paths), ['/operation/{key}'])
  t.hasOwnProps(components.headers, [MESSAGE, 'Idempotency-Status', 'Retry-After'])
  const { get, put } = paths['/operation/{key}']
  for (const { parameters, responses } of [get, put]) {
    t.match(parameters, [{ name: 'key', in: 'path', required: true, schema: { type: 'string', minLength: 1, maxLength: 255 }, description: /percent-encoded/ }])
    t.equal(parameters.length, 1)
    t.strictSame(errorsOf({ responses }), [400, 404, 422, 500, 503])
    t.match(responses[200].content['application/json'].schema, { properties: { key: {}, state: {} } })
    t.strictSame(responses[200].headers, fields('Idempotency-Status'))
    t.strictSame(responses[422].headers, fields('Idempotency-Status', MESSAGE), 'describes the status of an expired key')
    t.strictSame(responses[503].headers, fields('Idempotency-Status', 'Retry-After', MESSAGE))
  }
  t.match(get.responses[404], { description: /Its request may still arrive\. The response has no body/, headers: fields(MESSAGE) })
  t.match(put.requestBody.content['application/json'].schema, { properties: { state: { const: 'closed' } } })
})
