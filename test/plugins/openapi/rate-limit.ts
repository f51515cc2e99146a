import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { ReasonPhraseOptions } from '../../../plugins/reason-phrase/index.js'
import { documentOf, errorsOf, handler, NO_BODY } from '../../fixtures/openapi.js'

const contract: ReasonPhraseOptions = { statusCodes: { 429: 'Too Many Requests' } }

/** Returns the document of these routes in a service with a rate limit. */
async function limitedDocumentOf (t: Test, options: object, routes: (app: FastifyInstance) => void, settings: Parameters<typeof documentOf>[2] = { contract }): Promise<any> {
  return await documentOf(t, app => {
    app.register(rateLimit, options)
    app.register(async app => { routes(app) })
  }, settings)
}

t.test('documents 429 for each route with a limit', async t => {
  const { components, paths } = await limitedDocumentOf(t, {}, app => {
    app.get('/all', handler)
    app.get('/more', { config: { rateLimit: { max: 10 } }, onRequest: async () => {} }, handler)
    app.get('/none', { config: { rateLimit: false } }, handler)
    app.get('/own', { config: { errors: { 429: 'Wait a minute' } } }, handler)
  })
  for (const path of ['/all', '/more', '/own']) t.strictSame(errorsOf(paths[path].get), [429, 500, 503], path)
  t.strictSame(errorsOf(paths['/none'].get), [500, 503])
  t.strictSame(paths['/all'].get.responses[429], { $ref: '#/components/responses/429' })
  const headers = { 'EB-REASON-PHRASE': { $ref: '#/components/headers/EB-REASON-PHRASE' }, 'Retry-After': { $ref: '#/components/headers/Retry-After' } }
  t.strictSame(components.responses[429], { description: `Too Many Requests. ${NO_BODY}`, headers })
  t.strictSame(paths['/own'].get.responses[429], { description: `Wait a minute. ${NO_BODY}`, headers })
  t.match(components.headers['Retry-After'], { schema: { type: 'string' }, example: String })
})

t.test('documents 429 only for routes with their own limit', async t => {
  for (const hook of ['onRequest', 'preHandler']) {
    const { paths } = await limitedDocumentOf(t, { global: false, hook }, app => {
      app.get('/limited', { config: { rateLimit: { max: 10 } } }, handler)
      app.get('/hook', { preHandler: (app as unknown as { rateLimit: () => never }).rateLimit() }, handler)
      app.get('/free', { preHandler: async () => {} }, handler)
    })
    for (const path of ['/limited', '/hook']) t.strictSame(errorsOf(paths[path].get), [429, 500, 503], path)
    t.strictSame(errorsOf(paths['/free'].get), [500, 503])
  }
})

t.test('documents 400 if the service has no 429', async t => {
  const { components, paths } = await limitedDocumentOf(t, {}, app => { app.get('/', handler) }, {})
  t.strictSame(errorsOf(paths['/'].get), [400, 500, 503])
  t.notOk('Retry-After' in components.headers)
})

t.test('documents no 429 without a limit', async t => {
  const { paths } = await documentOf(t, app => { app.get('/', handler) }, { contract })
  t.strictSame(errorsOf(paths['/'].get), [500, 503])
})
