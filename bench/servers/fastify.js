import { Readable } from 'node:stream'
import Fastify from 'fastify'
import { CHUNKS, LARGE, MESSAGE, schemas, SMALL } from './payloads.js'

/**
 * The service on Fastify. What is not given is as Fastify has it.
 *
 * @param refuse answers 422, by whatever means
 * @param errorOf makes the error that is thrown, of a status code
 */
export async function fastify ({ options, register = () => {}, refuse = sendError, errorOf = httpError } = {}) {
  const app = Fastify(options)
  await register(app)
  app.get('/refused', refuse)
  app.get('/thrown', async () => { throw errorOf(422, MESSAGE) })
  app.get('/failed', async () => { throw errorOf(500, MESSAGE) })
  app.post('/named', { schema: schemas.named }, async () => SMALL)
  app.get('/small', { schema: schemas.small }, async () => SMALL)
  app.get('/large', { schema: schemas.large }, async () => LARGE)
  app.get('/stream', (_request, reply) => reply.type('application/octet-stream').send(Readable.from(CHUNKS, { objectMode: false })))
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}

function sendError (_request, reply) {
  reply.code(422).send(httpError(422, MESSAGE))
}

export function httpError (statusCode, message) {
  return Object.assign(new Error(message), { statusCode })
}

export default () => fastify()
