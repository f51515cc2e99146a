import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { getRecordedRoutes } from '../../conformance/recorded-routes.js'

t.test('returns all routes of a server, from every encapsulated context', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.get('/a', { schema: { querystring: { type: 'object' } } }, async () => {})
  let child: FastifyInstance | undefined
  app.register(async app => {
    child = app
    app.post('/c', async () => {})
  }, { prefix: '/b' })
  await app.ready()
  const routes = getRecordedRoutes(app)
  t.match(routes, [{ method: 'GET', url: '/a', schema: { querystring: { type: 'object' } } }, { method: 'HEAD', url: '/a' }, { method: 'POST', url: '/b/c' }])
  t.equal(getRecordedRoutes(child!), routes)
})

t.test('returns undefined for anything else', async t => {
  t.equal(getRecordedRoutes({}), undefined)
})
