import swagger from '@fastify/swagger'
import swaggerUi, { type FastifySwaggerUiOptions } from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError } from '../fixtures/test-with-plugin.js'

const plugin = (options?: FastifySwaggerUiOptions) => async (app: FastifyInstance) => {
  await app.register(swagger, { openapi: { info: { title: 'Topics', version: '2' } } })
  await app.register(swaggerUi, { routePrefix: '/docs', ...options })
}

const routes = () => {}

t.test('@fastify/swagger-ui: serves its pages, and its errors keep the contract', async t => {
  testWithPlugin(t, { plugin: plugin(), routes, reasonPhrase: { requireSchemas: true } }, async (t, { request }) => {
    t.match(await request('/docs'), { statusCode: 200, body: /<title>Swagger UI<\/title>/, headers: { 'content-type': 'text/html; charset=utf-8' } })
    t.match(await request('/docs/static/swagger-ui.css'), { statusCode: 200, body: /\.swagger-ui/, headers: { 'content-type': 'text/css; charset=utf-8' } })
    t.match(await request('/docs/static/index.html'), { statusCode: 302, headers: { location: '/docs/' } })
    t.match(JSON.parse((await request('/docs/json')).body), { info: { title: 'Topics' } })
    t.match(await request('/docs/yaml'), { statusCode: 200, body: /title: Topics/ })

    assertError(t, await request('/docs/static/missing.js'), 404, 'Route GET:/docs/static/missing.js not found')
    assertError(t, await request({ method: 'HEAD', url: '/docs/static/missing.js' }), 404, 'Route HEAD:/docs/static/missing.js not found')
    assertError(t, await request('/docs/none'), 404, 'Route GET:/docs/none not found')
    assertError(t, await request('/docs/static//a'), 403, 'Forbidden')
    assertError(t, await request({ url: '/docs/static/swagger-ui.css', headers: { range: 'bytes=99999999-' } }), 400, 'Range Not Satisfiable')
  })
})

t.test('@fastify/swagger-ui: errors of its hooks and of the document keep the contract', async t => {
  const options: FastifySwaggerUiOptions = {
    uiHooks: { onRequest: (request, reply, next) => { request.headers.authorization === undefined ? reply.code(401).send({ message: 'Not for everybody' }) : next() } },
    transformSpecification: () => { throw new Error('a secret') }
  }
  testWithPlugin(t, { plugin: plugin(options), routes }, async (t, { request }) => {
    assertError(t, await request('/docs'), 401, 'Not for everybody')
    assertError(t, await request('/docs/json'), 401, 'Not for everybody')
    assertError(t, await request({ url: '/docs/json', headers: { authorization: 'a' } }), 500, 'Internal Server Error')
    assertError(t, await request({ url: '/docs/yaml', headers: { authorization: 'a' } }), 500, 'Internal Server Error')
  })
})
