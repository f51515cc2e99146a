/** @type {import('fastify').FastifyPluginAsync} */
export default async function topic (app) {
  app.get('/', async () => ['orders'])
  app.get('/orders', async (_request, reply) => reply.notFound('The topic orders has no messages yet'))
}
