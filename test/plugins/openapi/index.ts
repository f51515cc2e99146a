import swagger from '@fastify/swagger'
import { validate } from '@readme/openapi-parser'
import { Type } from '@sinclair/typebox'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { STATUS_CODES } from '../../../lib/status-codes.js'
import { openapi, type OpenApiOptions } from '../../../plugins/openapi/index.js'
import reasonPhrase, { type ReasonPhraseOptions } from '../../../plugins/reason-phrase/index.js'
import signature from '../../../plugins/signature/index.js'

const NO_BODY = 'The response has no body; its message is in the header.'
const UNKNOWN = 'The execution status is unknown: the operation may have succeeded.'

const Item = Type.Object({ name: Type.String({ examples: ['a'] }) }, { description: 'An item' })

const handler = async () => ({})

interface Settings extends OpenApiOptions { contract?: ReasonPhraseOptions }

/** The document of these routes, as a client reads it. Whatever they are, it is valid. */
async function documentOf (t: Test, routes: (app: FastifyInstance) => void, { contract, ...options }: Settings = {}): Promise<any> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(reasonPhrase, contract ?? {})
  await app.register(swagger, openapi(app, options))
  routes(app)
  await app.ready()
  const text = JSON.stringify(app.swagger())
  t.strictSame(await validate(JSON.parse(text)), { valid: true, warnings: [], specification: 'OpenAPI' })
  t.equal(JSON.stringify(app.swagger()), text, 'asked again, it is the same')
  return JSON.parse(text)
}

/** The codes of the errors that an operation says it can answer. */
function errorsOf (operation: { responses: object }): number[] {
  return Object.keys(operation.responses).map(Number).filter(statusCode => statusCode >= 400)
}

t.test('without the plugin, it says what to do', async t => {
  t.throws(() => openapi(Fastify()), { message: 'fastify-reason-phrase: register the plugin before openapi() is called' })
})

t.test('the components', async t => {
  t.test('have the header, and each error of the table, once', async t => {
    const { openapi, components, paths } = await documentOf(t, () => {})
    t.equal(openapi, '3.1.0')
    t.strictSame(paths, {})
    t.strictSame(Object.keys(components.headers), ['EB-REASON-PHRASE'])
    const { description, required, schema } = components.headers['EB-REASON-PHRASE']
    t.match(description, /message of an unsuccessful response/)
    t.equal(required, true)
    t.match(schema, { type: 'string', maxLength: 512 })
    const pattern = new RegExp(schema.pattern, 'u')
    for (const text of ['a', ' ~', 'x'.repeat(512)]) t.match(text, pattern)
    for (const text of ['ü', 'a\n', '\t', '\x7f', 'a\0b']) t.notMatch(text, pattern)

    t.strictSame(Object.keys(components.responses), Object.keys(STATUS_CODES))
    for (const [statusCode, { meaning }] of Object.entries(STATUS_CODES)) {
      t.strictSame(components.responses[statusCode], {
        description: Number(statusCode) < 500 ? `${meaning} ${NO_BODY}` : `${meaning} ${UNKNOWN} ${NO_BODY}`,
        headers: { 'EB-REASON-PHRASE': { $ref: '#/components/headers/EB-REASON-PHRASE' } }
      }, statusCode)
    }
  })

  t.test('have what extends the table, and the name of the header, from the options', async t => {
    const contract = { header: 'X-Reason', statusCodes: { 429: 'Too Many Requests', 504: 'Gateway Timeout' } }
    const { info, components, paths } = await documentOf(t, app => {
      app.get('/', { config: { errors: { 429: 'Wait.' } } }, handler)
    }, { contract })
    t.strictSame(Object.keys(components.headers), ['X-Reason'])
    t.match(info.description, /`X-Reason` header/)
    const headers = { 'X-Reason': { $ref: '#/components/headers/X-Reason' } }
    t.strictSame(Object.keys(components.responses), [...Object.keys(STATUS_CODES), '429', '504'].sort())
    t.strictSame(components.responses[429], { description: `Too Many Requests. ${NO_BODY}`, headers })
    t.strictSame(components.responses[504], { description: `Gateway Timeout. ${UNKNOWN} ${NO_BODY}`, headers })
    t.strictSame(paths['/'].get.responses[429], { description: `Wait. ${NO_BODY}`, headers })
  })
})

t.test('the rest of the document is as it was given', async t => {
  const document = {
    info: { title: 'Items', version: '7', description: 'Of items.', license: { name: 'MIT', url: 'https://example.com' } },
    servers: [{ url: 'https://example.com' }],
    tags: [{ name: 'item' }],
    components: {
      headers: { Other: { schema: { type: 'string' } } },
      responses: { Other: { description: 'Another' } },
      schemas: { Other: { type: 'integer' } },
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } }
    }
  }
  const before = structuredClone(document)
  const { info, servers, tags, components } = await documentOf(t, app => { app.get('/', handler) }, { document })
  t.strictSame(document, before, 'and not changed')

  const { description, ...rest } = document.info
  t.match(info, rest)
  const [first, contract, ...others] = info.description.split('\n\n')
  t.equal(first, description)
  for (const said of ['no body', '`EB-REASON-PHRASE`', 'ASCII', '512', '128', 'reason phrase', '4xx the operation was rejected', '5xx its execution status is unknown', 'may have succeeded']) {
    t.ok(contract.includes(said), said)
  }
  t.strictSame(others, [])
  t.strictSame(servers, document.servers)
  t.strictSame(tags, document.tags)
  for (const part of ['headers', 'responses', 'schemas', 'securitySchemes'] as const) t.match(components[part], document.components[part])
  t.strictSame(Object.keys(components.headers), ['Other', 'EB-REASON-PHRASE'])

  const { info: own } = await documentOf(t, () => {})
  t.strictSame(own, { title: 'API', version: '0.0.0', description: contract })
})

t.test('an operation refers to the errors that it can answer', async t => {
  t.test('500 and 503 always', async t => {
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

  t.test('400 where it takes input', async t => {
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

  t.test('404, and 400, where its path has a parameter', async t => {
    const { paths } = await documentOf(t, app => {
      app.get('/schema/:name', { schema: { params: Item } }, handler)
      app.get('/none/:name', handler)
      app.get('/some/*', handler)
      app.get('/items::archive', handler)
    })
    t.strictSame(errorsOf(paths['/items:archive'].get), [500, 503], 'a colon is none')
    for (const path of ['/schema/{name}', '/none/{name}', '/some/{*}']) {
      const { responses } = paths[path].get
      t.strictSame(errorsOf({ responses }), [400, 404, 500, 503], path)
      t.strictSame(responses[404], { $ref: '#/components/responses/404' })
    }
  })

  t.test('401 and 403 where it has a security requirement', async t => {
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
    t.strictSame(errorsOf(all.paths['/open'].get), without, 'overridden')
  })

  t.test('those that it has no payload for', async t => {
    const { paths } = await documentOf(t, app => {
      app.get('/', { schema: { response: { 200: Item, 422: Type.Null() } } }, handler)
    })
    t.strictSame(errorsOf(paths['/'].get), [422, 500, 503])
    t.strictSame(paths['/'].get.responses[422], { $ref: '#/components/responses/422' })
  })

  t.test('those of its config.errors, in its own words', async t => {
    const { paths } = await documentOf(t, app => {
      app.get('/:name', { config: { errors: { 422: 'Taken.', 404: 'No such item.', 503: 'Closed at night.' } } }, handler)
      app.get('/', { config: { errors: { 501: 'Not yet.' } } }, handler)
    })
    const headers = { 'EB-REASON-PHRASE': { $ref: '#/components/headers/EB-REASON-PHRASE' } }
    const { 200: _, ...errors } = paths['/{name}'].get.responses
    t.strictSame(errors, {
      400: { $ref: '#/components/responses/400' },
      404: { description: `No such item. ${NO_BODY}`, headers },
      422: { description: `Taken. ${NO_BODY}`, headers },
      500: { $ref: '#/components/responses/500' },
      503: { description: `Closed at night. ${UNKNOWN} ${NO_BODY}`, headers }
    })
    t.strictSame(errorsOf(paths['/'].get), [500, 501, 503])
  })
})

t.test('an operation that is exempt from the contract has the errors that it declares', async t => {
  const { paths } = await documentOf(t, app => {
    app.get('/:id', { config: { reasonPhrase: false }, schema: { params: Type.Object({ id: Type.String() }), response: { 200: Item, 409: Item } } }, handler)
  })
  t.strictSame(errorsOf(paths['/{id}'].get), [409])
  t.hasOwnProp(paths['/{id}'].get.responses[409], 'content')
})

t.test('an operation says how it is signed', async t => {
  const document = await documentOf(t, app => {
    app.register(signature, { keys: () => undefined })
    app.get('/any', handler)
    app.get('/read', { config: { permission: 'read' } }, handler)
    app.get('/open', { config: { signature: false } }, handler)
    app.get('/own', { schema: { security: [{ own: [] }] } }, handler)
  }, { document: { components: { securitySchemes: { own: { type: 'http', scheme: 'basic' } } } } })
  t.strictSame(Object.keys(document.components.securitySchemes), ['signature', 'own'])
  const operation = (path: string) => document.paths[path].get
  t.strictSame(operation('/any').security, [{ signature: [] }])
  t.strictSame(operation('/read').security, [{ signature: ['read'] }])
  t.strictSame(operation('/open').security, [])
  t.strictSame(operation('/own').security, [{ own: [] }])
  for (const [path, statusCodes] of [['/any', ['401', '403', '500', '503']], ['/open', ['500', '503']]] as const) {
    t.strictSame(Object.keys(operation(path).responses).filter(code => code >= '400'), statusCodes)
  }
})

t.test('no error has a content', async t => {
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

t.test('201 and 202 document Location', async t => {
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
  }, "a route's own stay")
})

t.test('hidden routes are not in it', async t => {
  const { paths } = await documentOf(t, app => {
    app.get('/shown', handler)
    app.get('/hidden', { schema: { hide: true } }, handler)
    app.get('/tagged', { schema: { tags: ['X-HIDDEN'] } }, handler)
  })
  t.strictSame(Object.keys(paths), ['/shown'])
  t.strictSame(Object.keys(paths['/shown']), ['get'])
})

t.test('a parameter with a default need not be sent', async t => {
  const params = Type.Object({ name: Type.String({ default: 'a' }) })
  const querystring = Type.Object({
    limit: Type.Integer({ default: 0 }),
    must: Type.String(),
    can: Type.Optional(Type.String()),
    // Swagger has a content for it, and no schema beside it.
    json: Type.Object({ a: Type.String() }, { 'x-consume': 'application/json' })
  })
  const { paths } = await documentOf(t, app => {
    app.get('/:name', { schema: { params, querystring }, validatorCompiler: () => () => true }, handler)
  })
  const required = paths['/{name}'].get.parameters.map(({ name, required }: { name: string, required: boolean }) => [name, required])
  t.strictSame(Object.fromEntries(required), { limit: false, must: true, can: false, json: true, name: true })
})

t.test('schemas', async t => {
  const Once = Type.Object({ once: Type.Boolean() })
  const Inner = Type.Object({ inner: Type.Null() })
  const Shown = Type.Object({ item: Item, inner: Inner, at: Type.String({ examples: ['now'] }) }, {
    description: 'What is shown',
    examples: [{ item: { name: 'b' }, inner: { inner: null }, at: 'then' }]
  })
  const schemas = { Item, Once, Inner, Shown, Unused: Type.Integer() }
  const routes = (app: FastifyInstance) => {
    app.get('/items', { schema: { response: { 200: Type.Array(Item) } } }, handler)
    app.post('/', { schema: { body: Item, response: { 201: Shown } } }, handler)
    app.get('/once', { schema: { response: { 200: Once } } }, handler)
    app.get('/shown', { schema: { response: { 200: { content: { 'text/json': { schema: Shown } } } } } }, handler)
    app.get('/unnamed', { schema: { response: { 200: Type.Object({ same: Type.String() }), 202: Type.Object({ same: Type.String() }) } } }, handler)
  }

  t.test('that are used twice have their names, and their examples', async t => {
    const { components, paths } = await documentOf(t, routes, { schemas })
    t.strictSame(components.schemas.Item, JSON.parse(JSON.stringify(Item)))
    t.strictSame(components.schemas.Shown.examples, Shown.examples)
    t.strictSame(components.schemas.Shown.properties.at.examples, ['now'])
    t.equal(components.schemas.Shown.description, 'What is shown')

    const item = { $ref: '#/components/schemas/Item' }
    t.strictSame(paths['/items'].get.responses[200].content['application/json'].schema, { type: 'array', items: item })
    t.strictSame(paths['/'].post.requestBody.content['application/json'].schema, item)
    const shown = paths['/'].post.responses[201]
    t.equal(shown.description, 'What is shown')
    t.strictSame(shown.content['application/json'], { schema: { $ref: '#/components/schemas/Shown' }, example: Shown.examples[0] })
    t.strictSame(paths['/shown'].get.responses[200].content['text/json'].schema, { $ref: '#/components/schemas/Shown' })
  })

  t.test('refer to one another', async t => {
    const Items = Type.Object({ items: Type.Array(Item) })
    const { components, paths } = await documentOf(t, app => {
      app.get('/a', { schema: { response: { 200: Items } } }, handler)
      app.get('/b', { schema: { response: { 200: Items } } }, handler)
    }, { schemas: { Item, Items, make: () => Item } })
    t.strictSame(Object.keys(components.schemas).sort(), ['Item', 'Items'])
    t.strictSame(components.schemas.Item, JSON.parse(JSON.stringify(Item)))
    t.strictSame(components.schemas.Items.properties, { items: { type: 'array', items: { $ref: '#/components/schemas/Item' } } })
    t.strictSame(paths['/a'].get.responses[200].content['application/json'].schema, { $ref: '#/components/schemas/Items' })
  })

  t.test('that are used once, or have no name, stay where they are', async t => {
    const { components, paths } = await documentOf(t, routes, { schemas })
    t.notOk('Once' in components.schemas)
    t.notOk('Unused' in components.schemas)
    t.match(paths['/once'].get.responses[200].content['application/json'].schema, { type: 'object', properties: { once: { type: 'boolean' } } })
    t.match(paths['/unnamed'].get.responses[202].content['application/json'].schema, { type: 'object', properties: { same: { type: 'string' } } })

    const unnamed = await documentOf(t, routes)
    t.strictSame(unnamed.components.schemas, {})
    t.match(unnamed.paths['/'].post.requestBody.content['application/json'].schema, { type: 'object', properties: { name: { examples: ['a'] } } })
  })

  t.test('are not changed, nor is the route', async t => {
    const before = JSON.stringify(schemas)
    const routed: object[] = []
    await documentOf(t, app => {
      app.addHook('onRoute', ({ schema }) => { if (schema) routed.push(schema) })
      routes(app)
    }, { schemas })
    t.equal(JSON.stringify(schemas), before)
    t.ok(routed.length > 0)
    t.notMatch(JSON.stringify(routed), /\$ref|x-reason/)
  })
})
