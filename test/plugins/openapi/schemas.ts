import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { documentOf, handler, Item } from '../../fixtures/openapi.js'

t.test('extracts schemas', async t => {
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

  t.test('that are used twice, with their names and examples', async t => {
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

  t.test('that refer to each other', async t => {
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

  t.test('but not those that are used once, or that have no name', async t => {
    const { components, paths } = await documentOf(t, routes, { schemas })
    t.notOk('Once' in components.schemas)
    t.notOk('Unused' in components.schemas)
    t.match(paths['/once'].get.responses[200].content['application/json'].schema, { type: 'object', properties: { once: { type: 'boolean' } } })
    t.match(paths['/unnamed'].get.responses[202].content['application/json'].schema, { type: 'object', properties: { same: { type: 'string' } } })

    const unnamed = await documentOf(t, routes)
    t.strictSame(unnamed.components.schemas, {})
    t.match(unnamed.paths['/'].post.requestBody.content['application/json'].schema, { type: 'object', properties: { name: { examples: ['a'] } } })
  })

  t.test('without changing them or the route', async t => {
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

t.test('names a schema with an $id', async t => {
  const Pet = Type.Object({ name: Type.String({ description: 'Its name' }) }, { $id: 'Pet', description: 'A pet', examples: [{ name: 'a' }] })
  const routes = (app: FastifyInstance) => {
    app.post('/pets', { schema: { body: Pet, response: { 201: Pet } } }, handler)
    app.get('/pets', { schema: { response: { 200: Type.Array(Pet) } } }, handler)
  }
  const refer = (name: string) => ({ $ref: `#/components/schemas/${name}` })
  const { $id, ...schema } = JSON.parse(JSON.stringify(Pet))

  t.test('by its $id, or by the given name', async t => {
    for (const [name, schemas] of [['Pet', {}], ['Pet', { Pet }], ['Animal', { Animal: Pet }]] as const) {
      const { components, paths } = await documentOf(t, routes, { schemas })
      t.strictSame(components.schemas, { [name]: schema })
      t.strictSame(paths['/pets'].post.requestBody.content['application/json'].schema, refer(name))
      t.strictSame(paths['/pets'].post.responses[201].content['application/json'].schema, refer(name))
      t.strictSame(paths['/pets'].get.responses[200].content['application/json'].schema, { type: 'array', items: refer(name) })
      t.equal(paths['/pets'].post.responses[201].description, 'A pet')
    }
  })

  t.test('that is used once not at all', async t => {
    const { components, paths } = await documentOf(t, app => { app.get('/', { schema: { response: { 200: Pet } } }, handler) })
    t.strictSame(components.schemas, {})
    t.match(paths['/'].get.responses[200].content['application/json'].schema, { type: 'object', properties: { name: {} } })
  })

  t.test('that a route refers to, by the $id', async t => {
    const { components, paths } = await documentOf(t, app => {
      app.addSchema(Pet)
      app.addSchema({ $id: 'http://example.com/Toy.json', type: 'object', properties: { owner: { $ref: 'Pet#' } } })
      app.get('/ref', { schema: { response: { 200: { $ref: 'Pet#' } } } }, handler)
      app.get('/property', { schema: { response: { 200: { type: 'object', properties: { name: { $ref: 'Pet#/properties/name' } } } } } }, handler)
      app.get('/toy', { schema: { response: { 200: { $ref: 'http://example.com/Toy.json#' } } } }, handler)
    })
    t.strictSame(Object.keys(components.schemas).sort(), ['Pet', 'Toy'])
    t.strictSame(components.schemas.Toy.properties.owner, refer('Pet'))
    const schemaOf = (path: string) => paths[path].get.responses[200].content['application/json'].schema
    t.strictSame(schemaOf('/ref'), refer('Pet'))
    t.strictSame(schemaOf('/property').properties.name, refer('Pet/properties/name'))
    t.strictSame(schemaOf('/toy'), refer('Toy'))
  })

  t.test('that is both inline and shared, once', async t => {
    const { components, paths } = await documentOf(t, app => {
      app.addSchema(Pet)
      app.get('/inline', { schema: { response: { 200: Pet } } }, handler)
      app.get('/ref', { schema: { response: { 200: { $ref: 'Pet#' } } } }, handler)
    })
    t.strictSame(Object.keys(components.schemas), ['Pet'])
    for (const path of ['/inline', '/ref']) t.strictSame(paths[path].get.responses[200].content['application/json'].schema, refer('Pet'))
  })

  t.test('that refers to itself, even if it is used once', async t => {
    const Node = Type.Recursive(This => Type.Object({ value: Type.String(), nodes: Type.Array(This) }), { $id: 'Node' })
    const { components, paths } = await documentOf(t, app => {
      app.post('/node', { schema: { body: Type.Object({ node: Node }) } }, handler)
      app.get('/hash', { schema: { response: { 200: { $id: 'List', type: 'object', properties: { next: { $ref: '#' }, first: { $ref: '#/properties/next' } } } } } }, handler)
    })
    t.strictSame(components.schemas.Node.properties.nodes, { type: 'array', items: refer('Node') })
    t.strictSame(paths['/node'].post.requestBody.content['application/json'].schema.properties.node, refer('Node'))
    t.strictSame(components.schemas.List.properties, { next: refer('List'), first: refer('List/properties/next') })
  })

  t.test('of a module', async t => {
    const module = Type.Module({ Owner: Type.Object({ pets: Type.Array(Type.Ref('Cat')) }), Cat: Type.Object({ name: Type.String() }) })
    const { components, paths } = await documentOf(t, app => { app.post('/', { schema: { body: module.Import('Owner') } }, handler) })
    t.strictSame(components.schemas.Owner.properties.pets, { type: 'array', items: refer('Cat') })
    t.match(components.schemas.Cat, { type: 'object', properties: { name: { type: 'string' } } })
    t.strictSame(paths['/'].post.requestBody.content['application/json'].schema, refer('Owner'))
  })

  t.test('by a name that no other schema has', async t => {
    const Other = Type.Object({ other: Type.String() }, { $id: 'Pet' })
    const { components, paths } = await documentOf(t, app => {
      routes(app)
      app.post('/others', { schema: { body: Other, response: { 200: Other } } }, handler)
    }, { document: { components: { schemas: { Pet: { type: 'integer' } } } } })
    t.strictSame(Object.keys(components.schemas).sort(), ['Pet', 'Pet2', 'Pet3'])
    t.strictSame(components.schemas.Pet, { type: 'integer' })
    t.strictSame(paths['/pets'].post.requestBody.content['application/json'].schema, refer('Pet2'))
    t.strictSame(paths['/others'].post.requestBody.content['application/json'].schema, refer('Pet3'))
  })

  t.test('that the given document contains, without a change', async t => {
    const { components } = await documentOf(t, routes, { document: { components: { schemas: { Pet } } } })
    t.strictSame(components.schemas, { Pet: schema })
  })

  t.test('by a name that a component can have', async t => {
    for (const [id, name] of [['urn:example:Cat', 'Cat'], ['pet/new', 'pet-new'], ['https://example.com/cat.json#', 'cat'], ['-', 'Schema']] as const) {
      const Cat = Type.Object({ name: Type.String() }, { $id: id })
      const { components } = await documentOf(t, app => { app.post('/', { schema: { body: Cat, response: { 200: Cat } } }, handler) })
      t.strictSame(Object.keys(components.schemas), [name], id)
    }
  })
})

t.test('names a nullable schema', async t => {
  const Maybe = Type.Object({ name: Type.String() }, { nullable: true })
  const Either = Type.Union([Item, Type.Null()])
  const { components, paths } = await documentOf(t, app => {
    app.get('/a', { schema: { response: { 200: Maybe, 201: Either } } }, handler)
    app.get('/b', { schema: { response: { 200: Type.Object({ maybe: Maybe, either: Either }) } } }, handler)
  }, { schemas: { Maybe, Either, Item } })
  t.strictSame(Object.keys(components.schemas).sort(), ['Either', 'Item', 'Maybe'])
  t.match(components.schemas.Maybe, { type: ['object', 'null'], properties: { name: { type: 'string' } } })
  t.strictSame(components.schemas.Either.anyOf[0], { $ref: '#/components/schemas/Item' })
  t.strictSame(paths['/a'].get.responses[200].content['application/json'].schema, { $ref: '#/components/schemas/Maybe' })
  t.strictSame(paths['/b'].get.responses[200].content['application/json'].schema.properties.maybe, { $ref: '#/components/schemas/Maybe' })
})

t.test('names a schema in any place of a route', async t => {
  const Color = Type.Union([Type.Literal('red'), Type.Literal('blue')], { description: 'A colour', examples: ['red'] })
  const Filter = Type.Object({ must: Type.String(), can: Type.Optional(Type.String()) }, { description: 'A filter' })
  const { components, paths } = await documentOf(t, app => {
    app.get('/', {
      schema: {
        querystring: Type.Object({ color: Color, filter: Filter }),
        response: { 200: { description: 'Fine', headers: { 'X-Color': Color }, content: { 'text/json': { schema: Type.Object({ filter: Filter, default: Type.Any() }) } } } }
      }
    }, handler)
  }, { schemas: { Color, Filter } })
  t.strictSame(components.schemas, JSON.parse(JSON.stringify({ Color, Filter })))
  const { parameters, responses } = paths['/'].get
  t.match(parameters, [
    { name: 'color', required: true, description: 'A colour', schema: { $ref: '#/components/schemas/Color' } },
    { name: 'filter', required: true, description: 'A filter', schema: { $ref: '#/components/schemas/Filter' } }
  ])
  t.strictSame(responses[200].headers['X-Color'].schema, { $ref: '#/components/schemas/Color' })
  t.strictSame(responses[200].content['text/json'].schema.properties.filter, { $ref: '#/components/schemas/Filter' })
})

t.test('does not take data for a schema', async t => {
  const data = { type: 'integer' }
  const { components, paths } = await documentOf(t, app => {
    app.post('/', { schema: { body: { type: 'object', properties: { a: { enum: [data] }, b: { const: data }, default: { type: 'object', default: data, examples: [data] } } } } }, handler)
  }, { schemas: { Data: data } })
  t.strictSame(components.schemas, {})
  t.strictSame(paths['/'].post.requestBody.content['application/json'].schema.properties.a, { enum: [data] })
})

t.test('keeps the schemas of the given document', async t => {
  const routes = (app: FastifyInstance) => { app.post('/', { schema: { body: Item, response: { 201: Item } } }, handler) }
  const document = (Item: object) => ({ components: { schemas: { Item } } })
  await t.rejects(documentOf(t, routes, { schemas: { Item }, document: document({ type: 'integer' }) }), {
    message: 'fastify-reason-phrase: openapi() got two schemas with the name Item: schemas.Item and document.components.schemas.Item. Rename one of them'
  })
  const { components, paths } = await documentOf(t, routes, { schemas: { Item }, document: document(Item) })
  t.strictSame(components.schemas, { Item: JSON.parse(JSON.stringify(Item)) })
  t.strictSame(paths['/'].post.requestBody.content['application/json'].schema, { $ref: '#/components/schemas/Item' })
})

t.test('does not change the schemas of validation libraries', async t => {
  class Other {
    type = 'object'
    properties = { item: Item }
  }
  const { components, paths } = await documentOf(t, app => {
    app.setValidatorCompiler(() => () => true)
    app.setSerializerCompiler(() => JSON.stringify)
    app.post('/', { schema: { body: new Other(), response: { 200: new Other(), 201: { 'x-response-description': 'New', ...Item } } } }, handler)
  }, { schemas: { Item } })
  t.strictSame(components.schemas, {})
  t.match(paths['/'].post.requestBody.content['application/json'].schema, { type: 'object', properties: { item: { type: 'object' } } })
  t.equal(paths['/'].post.responses[201].description, 'New')
})
