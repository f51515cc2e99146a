// The service behind the proxies. It has a route for each way to send an error.
import { constants } from 'node:http2'
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from '../../index.ts'

// Longer than the limit of the reason phrase (128 characters), shorter than the limit of the header (512).
const LONG_MESSAGE = `Das Thema „Bestellungen/Größe“ — ${'已存在 и уже занято '.repeat(9)}☃`

// Smaller than the body limits of the proxies.
export const BODY_LIMIT = 16 * 1024

export const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH']

/**
 * Starts the service on a free port.
 *
 * The route `/job/:id` drops the connection after its work and before the
 * response. A second request for the same id gets a 404. The route `/stream`
 * reads a request body while it arrives.
 *
 * @param {{ http2?: boolean, noStore?: boolean, runs?: Map<string, Array<'new' | 'reused'>> }} options
 * `runs` lists, for each run of `/job/:id`, whether its connection is new; several servers can share it.
 */
export async function startService ({ http2 = false, noStore = false, runs = new Map() } = {}) {
  const app = Fastify(serverOptions({ http2, bodyLimit: BODY_LIMIT, forceCloseConnections: true }))
  let connections = 0
  const created = new Set()
  // The connections on which an earlier request arrived.
  const used = new WeakSet()
  // The x-request fields of the requests whose handler has begun.
  const begun = new Set()
  app.server.on('connection', () => { connections++ })
  await app.register(reasonPhrase)
  if (noStore) {
    app.addHook('onSend', async (request, reply) => {
      if (reply.statusCode >= 400) reply.header('cache-control', 'no-store')
    })
  }
  app.get('/topic', async () => ({ topics: [] }))
  app.post('/topic', async (request, reply) => reply.unprocessable(LONG_MESSAGE))
  app.get('/topic/:name', async ({ params: { name } }, reply) => created.has(name) ? { name } : reply.notFound(`No topic ${name}`))
  app.put('/topic/:name', async ({ params: { name } }, reply) => {
    created.add(name)
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
      // Over HTTP/2, drop only the stream.
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
