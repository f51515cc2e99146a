import sensible from '@fastify/sensible'
import { fastify } from './fastify.js'
import { MESSAGE } from './payloads.js'

export default async () => {
  let httpErrors
  return await fastify({
    async register (app) {
      await app.register(sensible)
      httpErrors = app.httpErrors
    },
    refuse (_request, reply) { reply.unprocessableEntity(MESSAGE) },
    errorOf (statusCode, message) { return httpErrors.createError(statusCode, message) }
  })
}
