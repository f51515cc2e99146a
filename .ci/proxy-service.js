// The service behind the proxies: each way in which one can answer an error.
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from '../index.ts'

// Over the 128 characters of a reason phrase, under the 512 of the header.
export const LONG = `Das Thema „Bestellungen/Größe“ — ${'已存在 и уже занято '.repeat(9)}☃`

// What a request body has at most; the proxies let more than that through.
export const BODY_LIMIT = 16 * 1024

/**
 * Starts the service on a port of its own.
 *
 * @param {{ http2?: boolean, noStore?: boolean }} options
 */
export async function startService ({ http2 = false, noStore = false } = {}) {
  const app = Fastify(serverOptions({ http2, bodyLimit: BODY_LIMIT, forceCloseConnections: true }))
  let connections = 0
  const made = new Set()
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
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address()
  return { http2, port, url: `http://127.0.0.1:${port}`, connections: () => connections, close: () => app.close() }
}
