import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { routesOf } from '../../conformance/routes.js'

t.test('The routes of a server are known, whichever context they are of', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  app.get('/a', { schema: { querystring: { type: 'object' } } }, async () => {})
  let child: FastifyInstance | undefined
  app.register(async app => {
    child = app
    app.post('/c', async () => {})
  }, { prefix: '/b' })
  await app.ready()
  const routes = routesOf(app)
  t.match(routes, [{ method: 'GET', url: '/a', schema: { querystring: { type: 'object' } } }, { method: 'HEAD', url: '/a' }, { method: 'POST', url: '/b/c' }])
  t.equal(routesOf(child!), routes)
})

t.test('Of anything else, they are not', async t => {
  t.equal(routesOf({}), undefined)
})
