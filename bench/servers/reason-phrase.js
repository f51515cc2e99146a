import reasonPhrase, { serverOptions } from '../../dist/index.js'
import { fastify } from './fastify.js'
import { MESSAGE } from './payloads.js'

export default ({ withServerOptions, register = () => {} }) => fastify({
  options: withServerOptions ? serverOptions() : {},
  async register (app) {
    // Its one warning is not what is measured.
    app.log.warn = () => {}
    await app.register(reasonPhrase)
    register(app)
  },
  refuse (_request, reply) { reply.unprocessable(MESSAGE) }
})
