import express from 'express'
import { httpError } from './fastify.js'
import { MESSAGE } from './payloads.js'

export default async () => {
  const app = express()
  app.get('/refused', (_request, response) => { response.writeHead(422, MESSAGE).end() })
  app.get('/thrown', () => { throw httpError(422, MESSAGE) })
  app.get('/failed', () => { throw httpError(500, MESSAGE) })
  app.use((_request, response) => { response.writeHead(404, 'Not Found').end() })
  app.use((error, _request, response, _next) => { response.writeHead(error.statusCode ?? 500, error.message).end() })
  return await new Promise(resolve => {
    const server = app.listen(0, '127.0.0.1', () => resolve(server))
  })
}
