// The service behind the proxies: each way in which one can answer an error.
import { constants } from 'node:http2'
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from '../index.ts'

// Over the 128 characters of a reason phrase, under the 512 of the header.
export const LONG = `Das Thema „Bestellungen/Größe“ — ${'已存在 и уже занято '.repeat(9)}☃`

// What a request body has at most; the proxies let more than that through.
export const BODY_LIMIT = 16 * 1024

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH']

/**
 * Starts the service on a port of its own.
 *
 * Its route `/job/:id` loses the connection after the work and before the
 * answer. If the work is asked for again, the answer is 404: it is done. The
 * route `/stream` reads a body while it arrives.
 *
 * @param {{ http2?: boolean, noStore?: boolean, runs?: Map<string, Array<'new' | 'reused'>> }} options
 * `runs` has the connection of each run of `/job/:id`; several servers can share it.
 */
export async function startService ({ http2 = false, noStore = false, runs = new Map() } = {}) {
  const app = Fastify(serverOptions({ http2, bodyLimit: BODY_LIMIT, forceCloseConnections: true }))
  let connections = 0
  const made = new Set()
  // Connections that had a request before.
  const used = new WeakSet()
  // The requests whose handler began before the end of the body, by the field that names them.
  const begun = new Set()
  app.server.on('connection', () => { connections++ })
  await app.register(reasonPhrase)
  if (noStore) {
    app.addHook('onSend', async (request, reply) => {
      if (reply.statusCode >= 400) reply.header('cache-control', 'no-store')
    })
  }
  app.get('/topic', async () => ({ topics: [] }))
  app.post('/topic', async (request, reply) => reply.unprocessable(LONG))
  app.get('/topic/:name', async ({ params: { name } }, reply) => made.has(name) ? { name } : reply.notFound(`No topic ${name}`))
  app.put('/topic/:name', async ({ params: { name } }, reply) => {
    made.add(name)
    return reply.created({ name })
  })
  app.get('/away', async (request, reply) => reply.serviceUnavailable('We move', { retryAfter: 7 }))
  app.get('/slow', () => new Promise(() => {}))
  app.post('/ready', async ({ raw: { socket } }) => {
    used.add(socket)
    return {}
  })
  app.route({
    method: METHODS,
    url: '/job/:id',
    handler ({ params: { id }, raw: { socket, stream } }, reply) {
      const before = runs.get(id) ?? []
      runs.set(id, [...before, used.has(socket) ? 'reused' : 'new'])
      used.add(socket)
      if (before.length > 0) return reply.notFound('The work is done')
      reply.hijack()
      // Over HTTP/2 the stream is lost, and not the connection.
      if (http2) stream.close(constants.NGHTTP2_INTERNAL_ERROR)
      else socket.destroy()
    }
  })
  app.addContentTypeParser('application/octet-stream', (request, payload, done) => done(null, payload))
  app.post('/stream', async ({ headers, body }) => {
    begun.add(headers['x-request'])
    let length = 0
    for await (const chunk of body) length += chunk.length
    return { length }
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address()
  return { http2, port, url: `http://127.0.0.1:${port}`, connections: () => connections, runs, begun, close: () => app.close() }
}
