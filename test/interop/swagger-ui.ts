import swagger from '@fastify/swagger'
import swaggerUi, { type FastifySwaggerUiOptions } from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { interop, refused } from '../fixtures/interop.js'

const plugin = (options?: FastifySwaggerUiOptions) => async (app: FastifyInstance) => {
  await app.register(swagger, { openapi: { info: { title: 'Topics', version: '2' } } })
  await app.register(swaggerUi, { routePrefix: '/docs', ...options })
}

const routes = () => {}

t.test('@fastify/swagger-ui', async t => {
  interop(t, { plugin: plugin(), routes, reasonPhrase: { requireSchemas: true } }, async (t, { ask }) => {
    t.match(await ask('/docs'), { statusCode: 200, body: /<title>Swagger UI<\/title>/, headers: { 'content-type': 'text/html; charset=utf-8' } })
    t.match(await ask('/docs/static/swagger-ui.css'), { statusCode: 200, body: /\.swagger-ui/, headers: { 'content-type': 'text/css; charset=utf-8' } })
    t.match(await ask('/docs/static/index.html'), { statusCode: 302, headers: { location: '/docs/' } })
    t.match(JSON.parse((await ask('/docs/json')).body), { info: { title: 'Topics' } })
    t.match(await ask('/docs/yaml'), { statusCode: 200, body: /title: Topics/ })

    refused(t, await ask('/docs/static/missing.js'), 404, 'Route GET:/docs/static/missing.js not found')
    refused(t, await ask({ method: 'HEAD', url: '/docs/static/missing.js' }), 404, 'Route HEAD:/docs/static/missing.js not found')
    refused(t, await ask('/docs/none'), 404, 'Route GET:/docs/none not found')
    refused(t, await ask('/docs/static//a'), 403, 'Forbidden')
    refused(t, await ask({ url: '/docs/static/swagger-ui.css', headers: { range: 'bytes=99999999-' } }), 400, 'Range Not Satisfiable')
  })
})

t.test('@fastify/swagger-ui behind a hook, and with a document that cannot be made', async t => {
  const options: FastifySwaggerUiOptions = {
    uiHooks: { onRequest: (request, reply, next) => { request.headers.authorization === undefined ? reply.code(401).send({ message: 'Not for everybody' }) : next() } },
    transformSpecification: () => { throw new Error('a secret') }
  }
  interop(t, { plugin: plugin(options), routes }, async (t, { ask }) => {
    refused(t, await ask('/docs'), 401, 'Not for everybody')
    refused(t, await ask('/docs/json'), 401, 'Not for everybody')
    refused(t, await ask({ url: '/docs/json', headers: { authorization: 'a' } }), 500, 'Internal Server Error')
    refused(t, await ask({ url: '/docs/yaml', headers: { authorization: 'a' } }), 500, 'Internal Server Error')
  })
})
