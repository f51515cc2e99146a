import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, gzipSync } from 'node:zlib'
import type { FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import { kGetBodyDigest, type Verifying } from '../../../plugins/reason-phrase/permissions.js'
import type { SignatureOptions } from '../../../plugins/signature/index.js'
import { sign } from '../../fixtures/sign.js'
import { build, bytes, keys, MISMATCH, signedBytes, slowKeys } from '../../fixtures/signed-service.js'
import { connect, exchange, assertErrorResponse, listen, type parse } from '../../fixtures/wire.js'

interface Service {
  port: number
  /** The number of handlers that have received all of their content. */
  runs: number
  /** The content that the handler of `/stream` has read. */
  chunks: Buffer[]
}

/** Starts a service whose routes read their content in different ways. */
async function start (t: Test, lookUp: SignatureOptions['keys']): Promise<Service> {
  const service: Service = { port: 0, runs: 0, chunks: [] }
  const app = await build(t, { keys: lookUp }, { bodyLimit: 100_000 }, app => {
    app.post('/ran', async request => { service.runs++; return request.body })
    app.post('/small', { bodyLimit: 4 }, async () => { service.runs++ })
    app.register(async child => {
      child.addHook('preParsing', async (request, _reply, payload) => {
        delete request.headers['content-length']
        return payload.pipe(createGunzip())
      })
      child.post('/gzip', async request => { service.runs++; return request.body })
    })
    app.register(async child => {
      child.removeAllContentTypeParsers()
      child.addContentTypeParser('*', (_request, payload, done) => { done(null, payload) })
      child.post('/stream', async request => {
        service.chunks = []
        await pipeline(request.body as Readable, async source => { for await (const chunk of source) service.chunks.push(chunk) })
        service.runs++
        return 'streamed'
      })
      // The handler of /deaf has no error listener.
      child.post('/deaf', async request => await new Promise(resolve => {
        (request.body as Readable).on('data', () => {}).on('end', () => { service.runs++; resolve('heard the end') })
      }))
      child.post('/hijack', (request, reply) => {
        reply.hijack();
        (request.body as Readable).on('data', () => {}).on('end', () => { service.runs++ }).on('close', () => { reply.raw.end('closed') })
      })
      child.post('/unread', async () => 'unread')
    })
    app.register(async child => {
      child.removeAllContentTypeParsers()
      child.addContentTypeParser('*', (_request, payload, done) => {
        payload.once('data', chunk => { done(null, chunk.toString('latin1', 0, 1)) })
      })
      child.post('/first', async request => { service.runs++; return request.body })
    })
  })
  service.port = await listen(t, app)
  return service
}

/** Sends content in pieces of this size, with the digest of other content. */
async function sendInPieces (port: number, body: string, signed: string, target: string, isChunked: boolean, size: number): Promise<ReturnType<typeof parse>['responses'][0]> {
  const connection = connect(port)
  connection.socket.setNoDelay(true)
  const content = Buffer.from(body)
  const headers = { host: 'a', 'content-type': 'application/json', ...sign('POST', target, signed), ...(isChunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(content.length) }) }
  connection.write(bytes('POST', target, headers))
  for (let i = 0; i < content.length; i += size) {
    const piece = content.subarray(i, i + size)
    connection.write(isChunked ? Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]) : piece)
    await new Promise(resolve => setImmediate(resolve))
  }
  if (isChunked) connection.write('0\r\nx-trailer: 1\r\n\r\n')
  const [response] = await connection.responses(1)
  connection.destroy()
  return response
}

const big = JSON.stringify('x'.repeat(90_000))
const bigOther = big.replace('xxx', 'xyx')
const zipped = gzipSync('{"a":1}')
const zippedOther = gzipSync('{"a":2}')
const encoding = { 'content-encoding': 'gzip' }

for (const [speed, lookUp] of [['at once', keys], ['later', slowKeys]] as const) {
  t.test(`checks parsed content in any pieces before the handler runs, with keys that come ${speed}`, async t => {
    const service = await start(t, lookUp)
    for (const isChunked of [false, true]) {
      for (const size of [1, 7, 100_000]) {
        const [good, bad] = size === 1 ? ['{"a":1}', '{"a":2}'] : [big, bigOther]
        if (size === 7 && isChunked) continue
        service.runs = 0
        t.equal((await sendInPieces(service.port, good, good, '/ran', isChunked, size)).statusCode, 200)
        t.equal(service.runs, 1)
        for (const body of [bad, `${good} `, good.slice(0, -1), '{']) assertErrorResponse(t, await sendInPieces(service.port, body, good, '/ran', isChunked, size), 401, MISMATCH)
        t.equal(service.runs, 1, 'does not call the handler')
      }
    }
  })

  t.test(`rejects content that is too large, or malformed and signed, with 400, with keys that come ${speed}`, async t => {
    const service = await start(t, lookUp)
    assertErrorResponse(t, await exchange(service.port, signedBytes('POST', '/small', '{"a":1}', {}, {}, '{"a":2}')), 400, 'Request body is too large')
    assertErrorResponse(t, await sendInPieces(service.port, '{"a":2}', '{"a":1}', '/small', true, 1), 400, 'Request body is too large')
    assertErrorResponse(t, await exchange(service.port, signedBytes('POST', '/ran', '{"a":')), 400, "Body is not valid JSON but content-type is set to 'application/json'")
    t.equal(service.runs, 0)
  })

  t.test(`checks content before a preParsing hook decodes it, with keys that come ${speed}`, async t => {
    const service = await start(t, lookUp)
    t.equal((await exchange(service.port, signedBytes('POST', '/gzip', zipped, {}, encoding))).body, '{"a":1}')
    service.runs = 0
    for (const sent of [zippedOther, gzipSync('{"a":1}', { level: 0 }), Buffer.concat([zipped, zipped]), Buffer.concat([zippedOther, Buffer.alloc(20)])]) {
      assertErrorResponse(t, await exchange(service.port, signedBytes('POST', '/gzip', zipped, {}, encoding, sent)), 401, MISMATCH)
    }
    assertErrorResponse(t, await exchange(service.port, signedBytes('POST', '/gzip', '{"a":1}', {}, encoding, zipped)), 401, MISMATCH, 'the digest of the decoded content')
    t.equal(service.runs, 0)
  })

  t.test(`checks content to its end if a parser reads only a part, with keys that come ${speed}`, async t => {
    const service = await start(t, lookUp)
    const connection = connect(service.port)
    connection.write(signedBytes('POST', '/gzip', zipped, {}, encoding, Buffer.concat([zippedOther, Buffer.alloc(50_000)])).subarray(0, -1))
    await new Promise(resolve => setTimeout(resolve, 100))
    t.equal(connection.received(), '', 'sends nothing before the last byte arrives')
    connection.write('\0')
    assertErrorResponse(t, (await connection.responses(1))[0], 401, MISMATCH)
    connection.destroy()
    const padded = Buffer.concat([zipped, Buffer.alloc(50_000)])
    t.equal((await exchange(service.port, signedBytes('POST', '/gzip', padded, {}, encoding))).body, '{"a":1}')
    assertErrorResponse(t, await exchange(service.port, signedBytes('POST', '/first', 'abc', {}, {}, 'abd')), 401, MISMATCH)
    t.equal((await exchange(service.port, signedBytes('POST', '/first', 'abc'))).body, 'a')
    t.equal(service.runs, 2)
  })

  t.test(`emits an error instead of the end of streamed content, with keys that come ${speed}`, async t => {
    const service = await start(t, lookUp)
    const { port } = service
    t.equal((await exchange(port, signedBytes('POST', '/stream', big))).body, 'streamed')
    t.equal(Buffer.concat(service.chunks).toString(), big)
    t.equal((await exchange(port, signedBytes('POST', '/deaf', big))).body, 'heard the end')
    t.equal(service.runs, 2)
    for (const target of ['/stream', '/deaf']) {
      assertErrorResponse(t, await exchange(port, signedBytes('POST', target, big, {}, {}, bigOther)), 401, MISMATCH)
      assertErrorResponse(t, await exchange(port, signedBytes('POST', target, 'a', {}, {}, 'b')), 401, MISMATCH)
    }
    // The mismatch may be known before the handler starts to read.
    t.match(await (async () => {
      const connection = connect(port)
      connection.write(signedBytes('POST', '/hijack', 'a', {}, { connection: 'close' }, 'b'))
      return await connection.closed()
    })(), new RegExp(`closed|401 ${MISMATCH}`))
    t.equal(service.runs, 2, 'passes the end to no handler')
  })

  t.test(`discards unread content, and keeps the connection open, with keys that come ${speed}`, async t => {
    const { port } = await start(t, lookUp)
    const connection = connect(port)
    for (const sent of ['a', 'b', big]) connection.write(signedBytes('POST', '/unread', 'a', {}, {}, sent))
    connection.write(signedBytes('GET', '/read'))
    const unread = (await connection.responses(4)).map(({ statusCode, body }) => statusCode === 401 ? MISMATCH : body)
    t.match(unread, ['unread', new RegExp(`^unread|${MISMATCH}$`), new RegExp(`^unread|${MISMATCH}$`), 'read'])
    connection.destroy()
  })
}

t.test('shows other plugins the SHA-256 of a body before the body is read, if the digest is checked', async t => {
  const seen: Array<string | undefined> = []
  const see = async (request: FastifyRequest): Promise<void> => {
    const digest = (request.server as Verifying)[kGetBodyDigest]!(request)
    seen.push(digest && Buffer.from(digest).toString('base64'))
  }
  const app = await build(t, { required: [] }, {}, app => {
    app.register(async child => {
      child.addHook('preParsing', see)
      child.addHook('preHandler', see)
      child.addHook('preParsing', async (request, _reply, payload) => {
        if (request.headers['content-encoding'] === undefined) return payload
        delete request.headers['content-length']
        return payload.pipe(createGunzip())
      })
      child.post('/seen', async request => request.body)
      child.post('/unsigned', { config: { signature: false } }, async request => request.body)
    })
  })
  const port = await listen(t, app)
  const digest = createHash('sha256').update('{"a":1}').digest('base64')
  const covered = ['"@method"', '"@path"', '"content-digest"']
  const empty = `sha-256=:${createHash('sha256').digest('base64')}:`
  const cases: Array<[title: string, request: Buffer, digest: string | undefined]> = [
    ['with a sha-256', signedBytes('POST', '/seen', '{"a":1}'), digest],
    ['of the bytes before they are decoded', signedBytes('POST', '/seen', zipped, {}, encoding), createHash('sha256').update(zipped).digest('base64')],
    ['with a sha-512', signedBytes('POST', '/seen', '{"a":1}', { algorithm: 'sha-512' }), undefined],
    ['with a digest that is not covered', signedBytes('POST', '/seen', '{"a":1}', { components: ['"@method"'] }), undefined],
    ['without a body', signedBytes('POST', '/seen'), undefined],
    ['without a body, with a digest', signedBytes('POST', '/seen', undefined, { components: covered, values: { '"content-digest"': empty } }, { 'content-digest': empty }), undefined],
    ['without a signature', bytes('POST', '/unsigned', { 'content-digest': empty }, '{"a":1}'), undefined]
  ]
  for (const [title, request, expected] of cases) {
    seen.length = 0
    t.equal((await exchange(port, request)).statusCode, 200, title)
    t.strictSame(seen, [expected, expected], title)
  }
  seen.length = 0
  assertErrorResponse(t, await exchange(port, signedBytes('POST', '/seen', '{"a":1}', {}, {}, '{"a":2}')), 401, MISMATCH)
  t.strictSame(seen, [digest], 'shows the digest that the body must have, before the body is read')
})

t.test('accepts a Content-Digest with at most 16 digests and parameters', async t => {
  const { port } = await start(t, keys)
  const sha256 = sign('POST', '/ran', 'a')['content-digest']
  for (const [count, statusCode] of [[15, 200], [16, 401]] as const) {
    const digests = [...Array.from({ length: count }, (_, i) => `a${i}=:AA==:`), sha256].join(', ')
    const signing = { values: { '"content-digest"': digests } }
    const response = await exchange(port, signedBytes('POST', '/ran', 'a', signing, { 'content-digest': digests, 'content-type': 'text/plain' }))
    t.equal(response.statusCode, statusCode, `${count + 1} digests`)
  }
})
