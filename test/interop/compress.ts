import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { brotliCompressSync, gunzipSync } from 'node:zlib'
import compress from '@fastify/compress'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { testWithPlugin, assertError, type RunningService } from '../fixtures/test-with-plugin.js'
import { connect, exchange } from '../fixtures/wire.js'

const gzip = { 'accept-encoding': 'gzip' }
const LONG = 'long '.repeat(1000)

const routes = (app: FastifyInstance) => {
  app.get('/', async () => ({ LONG }))
  app.get('/stream', async (_request, reply) => reply.type('text/plain').send(Readable.from([LONG])))
  app.post('/', async request => request.body)
  app.get('/thrown', async () => { throw Object.assign(new Error('There is none'), { statusCode: 404 }) })
  app.get('/sent', async (_request, reply) => reply.code(404).send({ message: 'There is none', LONG }))
  app.get('/short', async (_request, reply) => reply.code(404).compress({ message: 'There is none' } as never))
  app.get('/compressed', async (_request, reply) => reply.code(404).compress({ message: 'There is none', LONG } as never))
  app.get('/compressed-stream', async (_request, reply) => reply.code(404).type('text/plain').compress(Readable.from([LONG])))
  app.get('/nothing', async (_request, reply) => reply.compress(null as unknown as string))
  app.get('/early', async (_request, reply) => reply.type('text/plain').send(new Readable({ read () { this.destroy(new Error('It broke')) } })))
}

async function unzipped ({ app, port }: RunningService, url: string): Promise<string> {
  const bytes = port === undefined
    ? (await app.inject({ url, headers: gzip })).rawPayload
    : Buffer.from((await exchange(port, `GET ${url} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n`)).body, 'latin1')
  return gunzipSync(bytes).toString()
}

t.test('@fastify/compress: compresses successes, and sends errors without a body', async t => {
  testWithPlugin(t, { plugin: app => app.register(compress), routes }, async (t, served) => {
    const { request } = served
    t.match((await request({ url: '/', headers: gzip })).headers, { 'content-encoding': 'gzip', vary: 'accept-encoding' })
    t.strictSame(JSON.parse(await unzipped(served, '/')), { LONG })
    t.equal(await unzipped(served, '/stream'), LONG)

    for (const url of ['/thrown', '/sent', '/short']) assertError(t, await request({ url, headers: gzip }), 404, 'There is none')
    // If the handler compresses the payload itself, the message cannot be read.
    for (const url of ['/compressed', '/compressed-stream']) assertError(t, await request({ url, headers: gzip }), 404, /^Not Found$/)
    for (const url of ['/nothing', '/early']) assertError(t, await request({ url, headers: gzip }), 500, /^Internal Server Error$/)
  })
})

t.test('@fastify/compress: sends 400 for a request body that it cannot decompress', async t => {
  testWithPlugin(t, { plugin: app => app.register(compress), routes }, async (t, { request }) => {
    const post = (encoding: string, body: string) =>
      request({ method: 'POST', url: '/', headers: { 'content-type': 'application/json', 'content-encoding': encoding }, body })
    t.equal((await post('identity', '{"a":1}')).body, '{"a":1}')
    assertError(t, await post('lzma', '{}'), 400, 'Unsupported Content-Encoding: lzma')
    assertError(t, await post('gzip', '{"a":1}'), 400, 'Could not decompress the request payload using the provided encoding')
  })
})

t.test('@fastify/compress: sends 400 for a compressed request body that is truncated or malformed', async t => {
  testWithPlugin(t, { plugin: app => app.register(compress), routes }, async (t, { app, port }) => {
    const send = async (bytes: Buffer) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': 'br' }
      if (port === undefined) {
        const { statusCode, headers: { 'eb-reason-phrase': reason }, body } = await app.inject({ method: 'POST', url: '/', headers, payload: bytes })
        return { statusCode, reason, body }
      }
      const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Encoding: br\r\nContent-Length: ${bytes.length}\r\n\r\n`
      const { statusCode, lines, body } = await exchange(port, Buffer.concat([Buffer.from(head), bytes]))
      return { statusCode, reason: lines.find(([name]) => name === 'EB-REASON-PHRASE')?.[1], body }
    }
    const whole = brotliCompressSync(JSON.stringify({ LONG }))
    t.match(await send(whole), { statusCode: 200, body: JSON.stringify({ LONG }) })
    t.match(await send(whole.subarray(0, -3)), { statusCode: 400, reason: 'Could not decompress the request payload using the provided encoding', body: '' })
    t.match(await send(brotliCompressSync('{"a":')), { statusCode: 400, reason: /JSON/, body: '' })
  })
})

t.test('@fastify/compress: sends the message of onUnsupportedEncoding', async t => {
  const onUnsupportedEncoding = (encoding: string, _request: unknown, reply: { code (statusCode: number): unknown }) => {
    if (encoding === 'lzma') throw Object.assign(new Error('No lzma here'), { statusCode: 406 })
    reply.code(406)
    return JSON.stringify({ message: `No ${encoding} here` })
  }
  testWithPlugin(t, { plugin: app => app.register(compress, { onUnsupportedEncoding }), routes }, async (t, { request }) => {
    t.equal((await request({ url: '/', headers: gzip })).headers['content-encoding'], 'gzip')
    assertError(t, await request({ url: '/', headers: { 'accept-encoding': 'hello' } }), 400, 'No hello here')
    assertError(t, await request({ url: '/', headers: { 'accept-encoding': 'lzma' } }), 400, 'No lzma here')
    assertError(t, await request({ url: '/thrown', headers: { 'accept-encoding': 'hello' } }), 404, 'There is none')
  })
})

t.test('@fastify/compress: truncates a compressed stream that fails after its first bytes', async t => {
  const late = (app: FastifyInstance) => app.get('/', async (_request, reply) => reply.type('text/plain').send(new Readable({
    read () {
      if (reply.raw.headersSent) this.destroy(new Error('It broke'))
      else this.push(randomBytes(1 << 16))
    }
  })))
  testWithPlugin(t, { plugin: app => app.register(compress), routes: late }, async (t, { app, port }) => {
    if (port === undefined) {
      await t.rejects(app.inject({ url: '/', headers: gzip }))
      return
    }
    const connection = connect(port)
    connection.write('GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n')
    const received = await connection.closed()
    t.match(received, /^HTTP\/1\.1 200 OK\r\n[^]*\r\ncontent-encoding: gzip\r\n/)
    t.notMatch(received, /\r\n0\r\n\r\n$/)
  })
})
