import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { documentOf, errorsOf, handler, Item, NO_BODY, UNKNOWN_STATUS } from '../../fixtures/openapi.js'

t.test('adds references to the errors that an operation can send', async t => {
  t.test('500 and 503 for each operation', async t => {
    const { paths } = await documentOf(t, app => {
      app.get('/none', handler)
      app.get('/summary', { schema: { summary: 'A summary' } as object }, handler)
      app.get('/payload', { schema: { response: { 200: Item } } }, handler)
      app.route({ method: ['PUT', 'DELETE'], url: '/two', handler })
    })
    const operations = [paths['/none'].get, paths['/summary'].get, paths['/payload'].get, paths['/two'].put, paths['/two'].delete]
    for (const operation of operations) {
      t.strictSame(errorsOf(operation), [500, 503])
      for (const statusCode of [500, 503]) {
        t.strictSame(operation.responses[statusCode], { $ref: `#/components/responses/${statusCode}` })
      }
      t.hasOwnProp(operation.responses, '200')
      t.strictSame(Object.keys(operation).filter(key => key.startsWith('x-')), [])
    }
    t.equal(paths['/summary'].get.summary, 'A summary')
  })

  t.test('400 for an operation with input', async t => {
    const { paths } = await documentOf(t, app => {
      app.get('/querystring', { schema: { querystring: Item } }, handler)
      app.get('/query', { schema: { query: Item } as object }, handler)
      app.get('/headers', { schema: { headers: Item } }, handler)
      app.post('/body', { schema: { body: Item } }, handler)
    })
    for (const [path, operation] of [['/querystring', 'get'], ['/query', 'get'], ['/headers', 'get'], ['/body', 'post']]) {
      const { responses } = paths[path!][operation!]
      t.strictSame(errorsOf({ responses }), [400, 500, 503], path)
      t.strictSame(responses[400], { $ref: '#/components/responses/400' })
    }
  })

  t.test('400 and 404 for a path with a parameter', async t => {
    const { paths } = await documentOf(t, app => {
      app.get('/schema/:name', { schema: { params: Item } }, handler)
      app.get('/none/:name', handler)
      app.get('/some/*', handler)
      app.get('/items::archive', handler)
    })
    t.strictSame(errorsOf(paths['/items:archive'].get), [500, 503], 'takes two colons as one colon, not as a parameter')
    for (const path of ['/schema/{name}', '/none/{name}', '/some/{*}']) {
      const { responses } = paths[path].get
      t.strictSame(errorsOf({ responses }), [400, 404, 500, 503], path)
      t.strictSame(responses[404], { $ref: '#/components/responses/404' })
    }
  })

  t.test('401 and 403 for an operation with a security requirement', async t => {
    const components = { securitySchemes: { hmac: { type: 'apiKey', in: 'header', name: 'authorization' } } }
    const security = [{ hmac: [] }]
    const routes = (app: FastifyInstance) => {
      app.get('/own', { schema: { security } }, handler)
      app.get('/inherited', { schema: { response: { 200: Item } } }, handler)
      app.get('/bare', handler)
      app.get('/open', { schema: { security: [] } }, handler)
    }
    const without = [500, 503]
    const secured = [401, 403, ...without]

    const own = await documentOf(t, routes, { document: { components } })
    t.strictSame(errorsOf(own.paths['/own'].get), secured)
    for (const statusCode of [401, 403]) {
      t.strictSame(own.paths['/own'].get.responses[statusCode], { $ref: `#/components/responses/${statusCode}` })
    }
    for (const path of ['/inherited', '/bare', '/open']) t.strictSame(errorsOf(own.paths[path].get), without, path)

    const all = await documentOf(t, routes, { document: { components, security } })
    t.strictSame(all.security, security)
    for (const path of ['/own', '/inherited', '/bare']) t.strictSame(errorsOf(all.paths[path].get), secured, path)
    t.strictSame(errorsOf(all.paths['/open'].get), without, 'lets the route override the document')
  })

  t.test('neither 401 nor 403 for an operation without credentials', async t => {
    const securitySchemes = { basic: { type: 'http', scheme: 'basic' } }
    const { paths } = await documentOf(t, app => {
      app.get('/none', { schema: { security: [{}] } }, handler)
      app.get('/optional', { schema: { security: [{ basic: [] }, {}] } }, handler)
      app.get('/inherited', handler)
    }, { document: { components: { securitySchemes }, security: [{}] } })
    for (const path of ['/none', '/inherited']) t.strictSame(errorsOf(paths[path].get), [500, 503], path)
    t.strictSame(errorsOf(paths['/optional'].get), [401, 403, 500, 503], 'has 401 for wrong credentials')
  })

  t.test('501 for an operation that is not implemented', async t => {
    const { paths } = await documentOf(t, app => {
      app.get('/', { schema: { summary: 'A summary', description: 'More.' } as object }, app.notImplemented)
    })
    t.strictSame(errorsOf(paths['/'].get), [500, 501, 503])
    t.match(paths['/'].get, { 'x-not-implemented': true, summary: 'A summary', description: 'More.\n\nNot implemented yet: a valid request gets 501.' })
  })

  t.test('documented errors without their payload', async t => {
    const { paths } = await documentOf(t, app => {
      app.get('/', { schema: { response: { 200: Item, 422: Type.Null() } } }, handler)
    })
    t.strictSame(errorsOf(paths['/'].get), [422, 500, 503])
    t.strictSame(paths['/'].get.responses[422], { $ref: '#/components/responses/422' })
  })

  t.test('the errors of config.errors, with their descriptions', async t => {
    const { paths } = await documentOf(t, app => {
      app.get('/:name', { config: { errors: { 422: 'Taken.', 404: 'No such item.', 503: 'Closed at night.' } } }, handler)
      app.get('/', { config: { errors: { 501: 'Not yet' } } }, handler)
    })
    const headers = { 'EB-REASON-PHRASE': { $ref: '#/components/headers/EB-REASON-PHRASE' } }
    const { 200: _, ...errors } = paths['/{name}'].get.responses
    t.strictSame(errors, {
      400: { $ref: '#/components/responses/400' },
      404: { description: `No such item. ${NO_BODY}`, headers },
      422: { description: `Taken. ${NO_BODY}`, headers },
      500: { $ref: '#/components/responses/500' },
      503: { description: `Closed at night. ${UNKNOWN_STATUS} ${NO_BODY}`, headers }
    })
    t.strictSame(errorsOf(paths['/'].get), [500, 501, 503])
    t.equal(paths['/'].get.responses[501].description, `Not yet. ${NO_BODY}`, 'has no note about an unknown status')
  })
})

t.test('keeps the declared errors of an operation that is exempt from the contract', async t => {
  const { paths } = await documentOf(t, app => {
    app.get('/:id', { config: { reasonPhrase: false }, schema: { params: Type.Object({ id: Type.String() }), response: { 200: Item, 409: Item } } }, handler)
  })
  t.strictSame(errorsOf(paths['/{id}'].get), [409])
  t.hasOwnProp(paths['/{id}'].get.responses[409], 'content')
})

t.test('removes the content of errors', async t => {
  const { components, paths } = await documentOf(t, app => {
    app.post('/:name', {
      schema: { params: Item, body: Item, response: { 200: Item, 404: Type.Null(), 422: Item, '4xx': Item, default: Item } },
      config: { errors: { 422: 'Taken.' } }
    }, handler)
  }, { contract: { errorSchemas: 'ignore' } })
  const { responses } = paths['/{name}'].post
  t.strictSame(Object.keys(responses), ['200', '400', '404', '422', '500', '503'])
  t.hasProp(responses[200], 'content')
  for (const statusCode of errorsOf({ responses })) t.notOk('content' in responses[statusCode], `${statusCode}`)
  for (const statusCode of errorsOf(components)) t.notOk('content' in components.responses[statusCode], `${statusCode}`)
})

t.test('adds Location to 201 and 202', async t => {
  const { paths } = await documentOf(t, app => {
    app.post('/own', { schema: { response: { 201: { ...Item, headers: { Location: { type: 'integer' }, Other: { type: 'string' } } } } } }, handler)
    app.post('/', { schema: { response: { 200: Item, 201: Item, 202: Type.Null() } } }, handler)
  })
  const { 200: ok, 201: created, 202: accepted } = paths['/'].post.responses
  t.notOk('headers' in ok)
  for (const { headers } of [created, accepted]) {
    t.strictSame(Object.keys(headers), ['Location'])
    t.match(headers.Location, { description: String, schema: { type: 'string' } })
  }
  t.hasProp(created, 'content')
  t.notOk('content' in accepted)
  t.strictSame(paths['/own'].post.responses[201].headers, {
    Location: { schema: { type: 'integer' } },
    Other: { schema: { type: 'string' } }
  }, 'the fields of the route are kept')
})

t.test('makes a parameter with a default optional', async t => {
  const params = Type.Object({ name: Type.String({ default: 'a' }) })
  const querystring = Type.Object({
    limit: Type.Integer({ default: 0 }),
    must: Type.String(),
    can: Type.Optional(Type.String()),
    // For this parameter, @fastify/swagger uses content instead of a schema.
    json: Type.Object({ a: Type.String() }, { 'x-consume': 'application/json' })
  })
  const { paths } = await documentOf(t, app => {
    app.get('/:name', { schema: { params, querystring }, validatorCompiler: () => () => true }, handler)
  })
  const required = paths['/{name}'].get.parameters.map(({ name, required }: { name: string, required: boolean }) => [name, required])
  t.strictSame(Object.fromEntries(required), { limit: false, must: true, can: false, json: true, name: true })
})
