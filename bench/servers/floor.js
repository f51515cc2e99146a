// What somebody writes by hand on Fastify for one route to keep the contract.
import { fastify } from './fastify.js'
import { MESSAGE } from './payloads.js'

export default () => fastify({
  register (app) {
    app.setErrorHandler((error, _request, reply) => { answer(reply, error.statusCode, error.message) })
  },
  refuse (_request, reply) { answer(reply, 422, MESSAGE) }
})

function answer (reply, statusCode, message) {
  reply.raw.statusMessage = message
  reply.code(statusCode).header('EB-REASON-PHRASE', message).send()
}
