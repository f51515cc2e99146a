// node:http, with the same bytes on the wire.
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { httpError } from './fastify.js'
import { CHUNKS, LARGE, MESSAGE, SMALL } from './payloads.js'

const handlers = {
  '/refused' (response) { answer(response, 422, MESSAGE) },
  '/thrown' () { throw httpError(422, MESSAGE) },
  '/failed' () { throw httpError(500, MESSAGE) },
  '/small' (response) { json(response, SMALL) },
  '/large' (response) { json(response, LARGE) },
  '/stream' (response) {
    response.writeHead(200, { 'content-type': 'application/octet-stream' })
    Readable.from(CHUNKS, { objectMode: false }).pipe(response)
  }
}

export default async () => {
  const server = createServer((request, response) => {
    try {
      handlers[request.url](response)
    } catch (error) {
      answer(response, error.statusCode, error.message)
    }
  })
  await new Promise(resolve => { server.listen(0, '127.0.0.1', resolve) })
  return server
}

function answer (response, statusCode, message) {
  response.writeHead(statusCode, message, { 'EB-REASON-PHRASE': message, 'content-length': '0' }).end()
}

function json (response, value) {
  const body = JSON.stringify(value)
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) }).end(body)
}
