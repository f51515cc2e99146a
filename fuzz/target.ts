import { once } from 'node:events'
import { ServerResponse, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as tick } from 'node:timers/promises'
import { Readable, Writable } from 'node:stream'
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from '../index.js'
import signature from '../plugins/signature/index.js'

// The service for the request fuzzer and the soak test. target-process.ts starts it.

/** The memory and the handles of the process, after a garbage collection. */
export interface Measurement {
  heap: number
  rss: number
  connections: number
  requests: number
  resources: Record<string, number>
}

const counts = new WeakMap<Socket, number>()
let requests = 0

/** Numbers the responses in the order of their requests, so that duplicate and misordered responses are detected. */
class NumberedResponse extends ServerResponse {
  constructor (request: IncomingMessage) {
    super(request)
    const count = counts.get(request.socket) ?? 0
    counts.set(request.socket, count + 1)
    requests++
    this.setHeader('x-seq', count)
    this.setHeader('x-method', request.method!)
  }
}

const log = new Writable({ write (_chunk, _encoding, done) { done() } })
const app = Fastify(serverOptions({
  logger: { level: 'info', stream: log },
  bodyLimit: 10_000,
  requestTimeout: 3000,
  keepAliveTimeout: 3000,
  http: { ServerResponse: NumberedResponse as typeof ServerResponse, connectionsCheckingInterval: 500, headersTimeout: 3000 }
}))
await app.register(reasonPhrase)
app.removeAllContentTypeParsers()
app.addContentTypeParser('application/json', { parseAs: 'string' }, app.getDefaultJsonParser('error', 'error'))
app.addContentTypeParser('application/octet-stream', async (_request: unknown, payload: Readable) => {
  let length = 0
  for await (const chunk of payload) length += chunk.length
  return length
})

const all = { method: ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'] }
app.route({ ...all, url: '/ok', handler: () => ({ ok: true }) })
app.get('/text/:length', (request, reply) => reply.send('.'.repeat(Number((request.params as { length: string }).length) % 100_000)))
app.get('/stream', (_request, reply) => reply.send(Readable.from((async function * () {
  for (let count = 0; count < 10; count++) {
    yield 'a chunk'
    await tick()
  }
})())))
app.route({ ...all, url: '/late', handler: async () => { await tick(); await tick(); return { late: true } } })
app.get('/empty', (_request, reply) => { reply.code(204).send() })
app.get('/not-modified', (_request, reply) => { reply.code(304).header('etag', '"1"').send() })
app.get('/throw', () => { throw new Error('thrown') })
app.get('/reject', async () => { await tick(); throw Object.assign(new Error('rejected'), { statusCode: 422 }) })
app.route({ ...all, url: '/refuse', handler: (request, reply) => reply.unprocessable(`No: ${request.headers['x-field'] as string}`) })
app.route({
  ...all,
  url: '/raw',
  handler (_request, reply) {
    reply.hijack()
    reply.raw.writeHead(409, 'A conflict', { 'content-type': 'text/plain' })
    reply.raw.write('a')
    reply.raw.end('b')
  }
})
app.route({ ...all, url: '/valid/:id', schema: { params: { type: 'object', properties: { id: { type: 'integer' } } } }, handler: () => ({ valid: true }) })
app.get('/cut', (_request, reply) => {
  const stream = new Readable({ read () {} })
  stream.push('half of it')
  setImmediate(() => { stream.destroy(new Error('it fails')) })
  return reply.send(stream)
})
app.route({ ...all, url: '/before', onRequest: async (_request, reply) => reply.forbidden('Not for you'), handler: () => 'never' })
app.post('/echo', { schema: { body: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } } }, request => ({ length: JSON.stringify(request.body).length }))
app.put('/upload', request => ({ length: request.body }))
await app.register(async child => {
  await child.register(signature, { keys: id => id === 'dev' ? { secret: 'a secret', permissions: [] } : undefined })
  child.route({ ...all, url: '/signed', handler: () => ({ signed: true }) })
})
await app.listen({ port: 0, host: '127.0.0.1' })

async function measure (): Promise<Measurement> {
  for (let count = 0; count < 3; count++) {
    global.gc!()
    await tick()
  }
  const resources: Record<string, number> = {}
  for (const name of process.getActiveResourcesInfo()) resources[name] = (resources[name] ?? 0) + 1
  const connections = await new Promise<number>((resolve, reject) => {
    app.server.getConnections((error, count) => { error ? reject(error) : resolve(count) })
  })
  const { heapUsed: heap, rss } = process.memoryUsage()
  return { heap, rss, connections, requests, resources }
}

process.on('message', async () => { process.send!(await measure()) })
process.send!((app.server.address() as AddressInfo).port)
await once(process, 'disconnect')
process.exit()
