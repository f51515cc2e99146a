import Fastify, { type FastifyRequest } from 'fastify'
import t from 'tap'
import { createRouteError, describeRouteOf } from '../../../plugins/reason-phrase/route-name.js'

t.test('names a route by its methods and its URL', async t => {
  t.equal(createRouteError({ method: 'GET', url: '/a' }, 'it is wrong').message, 'fastify-reason-phrase: Route GET /a: it is wrong')
  t.equal(createRouteError({ method: ['GET', 'HEAD'], url: '/a/:id' }, 'it is wrong').message, 'fastify-reason-phrase: Route GET, HEAD /a/:id: it is wrong')
})

t.test('names the route of a request, also after reply.callNotFound()', async t => {
  const app = Fastify()
  t.teardown(() => app.close())
  const names: string[] = []
  const addName = (request: FastifyRequest) => { names.push(describeRouteOf(request, 'it is wrong')) }
  app.get('/a/:id', (request, reply) => {
    addName(request)
    reply.callNotFound()
    addName(request)
  })
  await app.inject('/a/1?secret=2')
  t.strictSame(names, ['fastify-reason-phrase: Route GET /a/:id: it is wrong', 'fastify-reason-phrase: Route GET (not-found handler): it is wrong'])
})
