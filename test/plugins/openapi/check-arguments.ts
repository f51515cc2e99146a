import Fastify from 'fastify'
import t from 'tap'
import reasonPhrase from '../../../index.js'
import { openapi } from '../../../plugins/openapi/index.js'

const PREFIX = 'fastify-reason-phrase: '

t.test('openapi() throws for options that belong elsewhere, and shows the call to write', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  for (const [options, problem] of [
    [{ openapi: { info: {} } }, 'openapi() has the option "openapi" of @fastify/swagger. The document belongs in the option document. Write openapi(app, { document: { … } })'],
    [{ swagger: {} }, 'openapi() has the option "swagger" of @fastify/swagger. The document belongs in the option document. Write openapi(app, { document: { … } })'],
    [{ document: {}, info: {} }, 'openapi() has "info", which is a part of the document. Write openapi(app, { document: { info } })'],
    [{ servers: [] }, 'openapi() has "servers", which is a part of the document. Write openapi(app, { document: { servers } })'],
    [{ components: {} }, 'openapi() has "components", which is a part of the document. Write openapi(app, { document: { components } })'],
    [{ transform () {} }, 'openapi() has the option "transform" of @fastify/swagger, which openapi() sets itself. Remove it'],
    [{ hideUntagged: true }, 'openapi() has the option "hideUntagged" of @fastify/swagger. Write app.register(swagger, { ...openapi(app), hideUntagged })'],
    [{ mode: 'dynamic' }, 'openapi() has the option "mode" of @fastify/swagger. Write app.register(swagger, { ...openapi(app), mode })'],
    [{ schema: {} }, 'unknown option "schema" of openapi(); did you mean "schemas"? The options are document and schemas'],
    [null, 'options of openapi() must be an object, not null'],
    [{ document: 'a' }, "option document of openapi() must be an object, such as { info: { title: 'Topics' } }, not 'a'"],
    [{ schemas: [{}] }, 'option schemas of openapi() must be an object of schemas by name, such as { Topic }, not [ {} ]'],
    [{ schemas: null }, 'option schemas of openapi() must be an object of schemas by name, such as { Topic }, not null'],
    [{ schemas: 'a' }, "option schemas of openapi() must be an object of schemas by name, such as { Topic }, not 'a'"]
  ] as const) t.throws(() => openapi(app, options as object), { name: 'TypeError', message: PREFIX + problem }, problem)
  t.doesNotThrow(() => openapi(app, { document: undefined, schemas: undefined }))
})

t.test('openapi() throws for a first argument that is not a Fastify instance', async t => {
  const message = `${PREFIX}openapi() takes the Fastify instance as its first argument, as in openapi(app, { document }), not `
  t.throws(() => openapi({ document: {} } as never), { name: 'TypeError', message: `${message}{ document: {} }` })
  t.throws(() => openapi(undefined as never), { name: 'TypeError', message: `${message}undefined` })
})
