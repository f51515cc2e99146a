import plugin from 'fastify-http-errors-enhanced'
import { createError } from 'http-errors-enhanced'
import { fastify } from './fastify.js'
import { MESSAGE } from './payloads.js'

export default () => fastify({
  async register (app) { await app.register(plugin) },
  refuse (_request, reply) { reply.send(createError(422, MESSAGE)) },
  errorOf: createError
})
