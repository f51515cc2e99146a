import fp from 'fastify-plugin'

/**
 * Ends the connections of the requests that are in flight when the service closes: kept alive, they would be idle
 * afterwards, and hold up the process until their clients let go of them.
 */
export default fp(async function drain (app) {
  let closing = false
  app.addHook('preClose', async () => { closing = true })
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close')
  })
}, { name: 'drain' })
