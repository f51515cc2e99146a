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

  t.test('but not those that are used once, or have no name', async t => {
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
