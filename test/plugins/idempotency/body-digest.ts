import http2 from 'node:http2'
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import compress from '@fastify/compress'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { createFingerprint } from '../../../lib/idempotency/operation.js'
import { hash } from 'node:crypto'
import { createService } from '../../fixtures/keyed-service.js'
import { exchange, listen } from '../../fixtures/wire.js'

const config = { idempotency: 'optional' } as const
const LONG = JSON.stringify({ a: 'x'.repeat(200_000) })

function fingerprintOf (body: string | Buffer, target = '/'): Buffer {
  return createFingerprint('POST', target, hash('sha256', body, 'buffer'))
}

/** Adds parsers that read the body in different ways. */
function addParsers (app: FastifyInstance): void {
  app.addContentTypeParser('application/iterated', async (_request: unknown, payload: Readable) => {
    let length = 0
    for await (const chunk of payload) length += chunk.length
    return length
  })
  app.addContentTypeParser('application/piped', (_request, payload, done) => {
    let length = 0
    payload.pipe(new PassThrough()).on('data', chunk => { length += chunk.length }).on('end', () => done(null, length))
  })
  app.addContentTypeParser('application/stream', (_request, payload, done) => done(null, payload))
  app.addContentTypeParser('application/ignored', (_request, _payload, done) => done(null, 'ignored'))
}

t.test('hashes the bytes of a body as they were sent, whichever way a parser reads it', async t => {
  const { app, store } = await createService(t, { plugins: app => app.register(compress) })
  addParsers(app)
  app.post('/', { config }, async () => 'ok')
  const gzipped = gzipSync(LONG)
  const bodies: Array<[type: string, body: string | Buffer, encoding?: string]> = [
    ['json', LONG], ['json', gzipped, 'gzip'],
    ['iterated', LONG], ['piped', LONG], ['ignored', LONG]
  ]
  for (const [i, [type, payload, encoding]] of bodies.entries()) {
    const headers = { 'idempotency-key': String(i), 'content-type': `application/${type}`, ...(encoding && { 'content-encoding': encoding }) }
    const { statusCode } = await app.inject({ method: 'POST', url: '/', headers, payload })
    t.equal(statusCode, 200, `${type} ${encoding ?? ''}`)
    t.strictSame([...store.settled.values()].at(-1)!.fingerprint, fingerprintOf(payload))
  }
  await app.inject({ method: 'POST', url: '/?a=%20', headers: { 'idempotency-key': 'empty' } })
  t.strictSame([...store.settled.values()].at(-1)!.fingerprint, fingerprintOf('', '/?a=%20'), 'hashes an empty body for a request without a body')
})

t.test('hashes a chunked body', async t => {
  const { app, store } = await createService(t)
  addParsers(app)
  app.post('/', { config }, async () => 'ok')
  const port = await listen(t, app)
  for (const [body, chunks] of [['{}', '1\r\n{\r\n1\r\n}\r\n0'], ['', '0']]) {
    const head = `POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: ${body.length}\r\nContent-Type: application/ignored\r\n`
    t.match(await exchange(port, `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}\r\n\r\n`), { statusCode: 200 })
    t.strictSame([...store.settled.values()].at(-1)!.fingerprint, fingerprintOf(body))
  }
})

t.test('hashes the body of an HTTP/2 request', async t => {
  const { app, store } = await createService(t, { server: { http2: true } as object })
  app.post('/', { config }, async () => 'ok')
  const port = await listen(t, app)
  const client = http2.connect(`http://127.0.0.1:${port}`)
  t.teardown(() => client.close())
  const stream = client.request({ ':method': 'POST', ':path': '/', 'idempotency-key': 'a', 'content-type': 'application/json' })
  stream.end(LONG).resume()
  const [headers] = await once(stream, 'response')
  t.match(headers, { ':status': 200, 'idempotency-status': 'succeeded' })
  t.strictSame([...store.settled.values()].at(-1)!.fingerprint, fingerprintOf(LONG))
})

t.test('sends 500 if the handler would read the body as a stream', async t => {
  const { app, store, lines } = await createService(t)
  addParsers(app)
  app.post('/', { config }, async request => {
    (request.body as Readable).resume()
    return 'ok'
  })
  const send = async (headers: object) => await app.inject({ method: 'POST', url: '/', headers: { 'content-type': 'application/stream', ...headers }, payload: 'abc' })
  t.match(await send({ 'idempotency-key': 'a' }), { statusCode: 500, headers: { 'idempotency-status': undefined } })
  t.match(lines.find(({ err }) => err !== undefined).err.message, /Route POST \/: the handler reads the request body as a stream, .* Add a content type parser/)
  t.strictSame(store.log, [])
  t.match(await send({}), { statusCode: 200 }, 'accepts such a body without a key')
})

t.test('sends 500 if a hook has read a part of the body too early', async t => {
  const { app, store, lines } = await createService(t)
  app.addHook('onRequest', async request => {
    if (request.headers['x-read'] === undefined) return
    const [chunk] = await once(request.raw, 'data')
    request.raw.pause()
    request.raw.unshift(chunk.subarray(1))
  })
  app.addContentTypeParser('application/ignored', (_request, _payload, done) => done(null, 'ignored'))
  app.post('/', { config }, async () => 'ok')
  const port = await listen(t, app)
  for (const lines of ['X-Read: one byte\r\n', '']) {
    const { statusCode } = await exchange(port, `POST / HTTP/1.1\r\nHost: a\r\n${lines}Idempotency-Key: a\r\nContent-Type: application/ignored\r\nContent-Length: 2\r\n\r\n{}`)
    t.equal(statusCode, lines === '' ? 200 : 500)
  }
  t.match(lines.find(({ err }) => err !== undefined).err.message, /Route POST \/: a hook or a middleware has read a part of the request body too early/)
  t.equal(store.settled.size, 1)
})

t.test('observes the body after the other onRequest hooks of the route, and keeps these hooks', async t => {
  const { app } = await createService(t)
  const order: string[] = []
  const onRequest = [async () => { order.push('first') }, async () => { order.push('second') }]
  app.post('/one', { config, onRequest: onRequest[0]! }, async () => 'ok')
  app.post('/two', { config, onRequest }, async () => 'ok')
  const headers = { 'idempotency-key': 'a' }
  t.equal((await app.inject({ method: 'POST', url: '/one', headers })).statusCode, 200)
  t.equal((await app.inject({ method: 'POST', url: '/two', headers: { 'idempotency-key': 'b' } })).statusCode, 200)
  t.strictSame(order, ['first', 'first', 'second'])
})

t.test('sends the error of a preParsing hook that rejects a request with a body', async t => {
  const { app } = await createService(t)
  app.post('/', { config, preParsing: async () => { throw Object.assign(new Error('No'), { statusCode: 403 }) } }, async () => 'ok')
  const port = await listen(t, app)
  const { statusCode } = await exchange(port, `POST / HTTP/1.1\r\nHost: a\r\nIdempotency-Key: a\r\nContent-Type: application/json\r\nContent-Length: ${LONG.length}\r\n\r\n${LONG}`)
  t.equal(statusCode, 403)
})
