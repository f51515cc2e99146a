import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import http2 from 'node:http2'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { createGunzip, gzipSync } from 'node:zlib'
import requestContext from '@fastify/request-context'
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase, { serverOptions } from '../../../index.js'
import signature, { type SignatureOptions } from '../../../plugins/signature/index.js'
import { sign, type Signing } from '../../fixtures/sign.js'
import { build, bytes, keys, MISMATCH, NOT_VALID, signedBytes, slowKeys, UNSIGNED } from '../../fixtures/signed-service.js'
import { connect, assertErrorResponse, listen, valuesOf } from '../../fixtures/wire.js'

type Ask = (headers: http2.OutgoingHttpHeaders, ...chunks: Array<string | number>) => Promise<[status: number, reason: unknown, body: string]>

/**
 * Returns a function that sends requests over one HTTP/2 connection. Their HEADERS frames do not end the stream. A number is a
 * pause, in milliseconds.
 */
function askInFrames (t: Test, port: number): Ask {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  t.teardown(() => { session.destroy() })
  return async (headers, ...chunks) => {
    const stream = session.request(headers, { endStream: false })
    stream.on('error', () => {})
    const answer = once(stream, 'response')
    for (const chunk of chunks) {
      if (typeof chunk === 'string') stream.write(chunk)
      else await sleep(chunk)
    }
    stream.end()
    const [head] = await answer as [http2.IncomingHttpHeaders & { ':status': number }]
    let body = ''
    for await (const chunk of stream.setEncoding('utf8')) body += chunk
    return [head[':status'], head['eb-reason-phrase'], body]
  }
}

function h2Fields (method: string, path: string, body?: string, signing?: Signing): http2.OutgoingHttpHeaders {
  return { ':method': method, ':path': path, ...sign(method, path, body, signing) }
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const EMPTY = 'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'
const WITH_DIGEST = { components: ['"@method"', '"@path"', '"@query"', '"content-digest"'], values: { '"content-digest"': EMPTY } }
const isBodyless = (method: string): boolean => method === 'GET' || method === 'HEAD'
const withContent = (method: string, reason: string): string => isBodyless(method) ? `A ${method} request must have no body` : reason

for (const [speed, lookUp] of [['at once', keys], ['later', slowKeys]] as const) {
  t.test(`takes an HTTP/2 request with a single, empty DATA frame as a request without content, with keys that come ${speed}`, async t => {
    const ask = askInFrames(t, await listen(t, await build(t, { keys: lookUp }, { http2: true })))
    await Promise.all(METHODS.flatMap(method => [[], [40]].map(async pause => {
      t.equal((await ask(h2Fields(method, '/any'), ...pause))[0], 200, `${method} ${pause}`)
      t.equal((await ask({ ...h2Fields(method, '/any', undefined, WITH_DIGEST), 'content-digest': EMPTY }, ...pause))[0], 200, `${method} ${pause} with the digest of empty content`)
      t.strictSame((await ask(h2Fields(method, '/any', 'a body'), ...pause)).slice(0, 2), [401, MISMATCH], `${method} ${pause} with the digest of other content`)
    })))
    t.equal((await ask({ ...h2Fields('POST', '/any'), 'content-type': 'application/json' }))[0], 400, 'Fastify requires a body if there is a content type')
    t.strictSame((await ask(h2Fields('GET', '/none'))).slice(0, 2), [404, 'Route GET:/none not found'])
  })

  t.test(`verifies the late content of an HTTP/2 request, with keys that come ${speed}`, async t => {
    const ran: string[] = []
    const app = await build(t, { keys: lookUp }, { http2: true }, app => {
      app.all('/ran/:id', async request => { ran.push(request.url); return request.body ?? 'nothing' })
    })
    const ask = askInFrames(t, await listen(t, app))
    await Promise.all(METHODS.flatMap(method => [[], [40]].flatMap(pause => [{}, { 'content-type': 'application/json' }].map(async type => {
      const title = `${method} ${pause} ${JSON.stringify(type)}`
      t.strictSame((await ask({ ...h2Fields(method, '/ran/uncovered'), ...type }, ...pause, '{"a":1}')).slice(0, 2), [401, withContent(method, 'The signature must cover "content-digest"')], title)
      t.strictSame((await ask({ ...h2Fields(method, '/ran/wrong', '{"a":1}'), ...type }, ...pause, '{"a":2}')).slice(0, 2), [401, withContent(method, MISMATCH)], title)
      const [status, , body] = await ask({ ...h2Fields(method, '/ran/good', '{"a":1}'), ...type }, ...pause, '{"a"', ...pause, ':1}')
      if (isBodyless(method)) t.equal(status, 401, title)
      else t.equal(body, 'content-type' in type ? '{"a":1}' : 'nothing', title)
    }))))
    t.strictSame([...new Set(ran)], ['/ran/good'])
  })
}

t.test('takes chunked content of zero bytes as no content', async t => {
  const port = await listen(t, await build(t, {}, {}, app => {
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => { done(null, body) })
  }))
  const cases: Array<[signing: Signing, headers: Record<string, string>, body: string | undefined, sent: string, expected: (method: string) => string | undefined]> = [
    [{}, {}, undefined, '', () => undefined],
    [WITH_DIGEST, { 'content-digest': EMPTY }, undefined, '', () => undefined],
    [{}, {}, 'x', '', () => MISMATCH],
    [{}, {}, 'x', '1\r\nx\r\n', method => isBodyless(method) ? withContent(method, '') : undefined],
    [{}, {}, undefined, '1\r\nx\r\n', method => withContent(method, 'The signature must cover "content-digest"')]
  ]
  await Promise.all(METHODS.flatMap(method => [0, 20].flatMap(delay => cases.map(async ([signing, headers, body, sent, expected]) => {
    const connection = connect(port)
    connection.write(bytes(method, '/any', { ...sign(method, '/any', body, signing), ...headers, 'transfer-encoding': 'chunked' }))
    await sleep(delay)
    connection.write(`${sent}0\r\n\r\n`)
    const [response] = await connection.responses(1, { head: [method === 'HEAD'] })
    const reason = expected(method)
    if (reason === undefined) t.equal(response.statusCode, 200, `${method} ${sent}`)
    else assertErrorResponse(t, response, 401, reason, `${method} ${sent}`)
    if (valuesOf(response, 'connection')[0] !== 'close') {
      connection.write(signedBytes('GET', '/read'))
      t.equal((await connection.responses(2, { head: [method === 'HEAD'] }))[1].body, 'read', 'keeps the connection open')
    }
    connection.destroy()
  }))))
})

t.test('rejects an HTTP/2 request that never ends, and closes its stream', async t => {
  // Use three seconds, so that a signature is still valid when a busy machine verifies it.
  const cases: Array<[title: string, options: Partial<SignatureOptions>, server: object, headers: () => http2.OutgoingHttpHeaders, chunk: string | undefined, status: number, reason: string | undefined]> = [
    ['without a signature', {}, {}, () => ({ ':method': 'GET', ':path': '/any' }), undefined, 401, UNSIGNED],
    ['without a key', {}, {}, () => h2Fields('GET', '/any', undefined, { key: { id: 'none', secret: 'x' } }), undefined, 401, NOT_VALID],
    ['at requestTimeout', {}, { requestTimeout: 50 }, () => h2Fields('GET', '/any'), undefined, 400, 'Request timeout'],
    ['once the signature is too old', { maxAge: 3 }, {}, () => h2Fields('POST', '/any'), undefined, 401, 'The signature was created more than 3 seconds ago: sign each request when you send it, and set the clock'],
    ['once the signature has expired', {}, {}, () => h2Fields('POST', '/any', undefined, { parameters: `;expires=${Math.floor(Date.now() / 1000) + 3}` }), undefined, 401, 'The signature has expired'],
    ['with a byte of content', {}, {}, () => h2Fields('GET', '/any'), 'x', 401, 'A GET request must have no body'],
    ['without the permission', { required: [] }, {}, () => h2Fields('GET', '/write', undefined, { components: [] }), 'x', 403, 'The key lacks the permission topic:write']
  ]
  await Promise.all(cases.map(async ([title, options, server, headers, chunk, status, reason]) => {
    const port = await listen(t, await build(t, options, { http2: true, ...server }))
    const session = http2.connect(`http://127.0.0.1:${port}`)
    const stream = session.request(headers(), { endStream: false })
    stream.on('error', () => {})
    if (chunk !== undefined) stream.write(chunk)
    const closed = once(stream, 'close')
    const [head] = await once(stream, 'response') as [http2.IncomingHttpHeaders & { ':status': number }]
    t.strictSame([head[':status'], head['eb-reason-phrase']], [status, reason], title)
    stream.resume()
    await closed
    t.equal(stream.rstCode, http2.constants.NGHTTP2_NO_ERROR, title)
    session.destroy()
  }))
})

t.test('logs no error if an HTTP/2 client disconnects while the service waits for its content', async t => {
  const lines: string[] = []
  const app = await build(t, {}, { http2: true, logger: { level: 'error', stream: { write: (line: string) => { lines.push(line) } } } })
  const gone = new Promise<void>(resolve => { app.addHook('onRequest', (request, _reply, done) => { if (request.method === 'HEAD') request.raw.on('close', resolve); done() }) })
  const port = await listen(t, app)
  const session = http2.connect(`http://127.0.0.1:${port}`)
  t.teardown(() => { session.destroy() })
  const stream = session.request(h2Fields('HEAD', '/any'), { endStream: false })
  stream.on('error', () => {})
  await sleep(20)
  stream.close(http2.constants.NGHTTP2_CANCEL)
  await gone
  t.equal((await askInFrames(t, port)(h2Fields('GET', '/read')))[2], 'read')
  t.strictSame(lines, [])
})

t.test('keeps the connection open after it has read a part of a rejected request', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.addHook('onRequest', async () => { await sleep(20) })
  await app.register(signature, { keys })
  app.get('/', async () => 'next')
  const connection = connect(await listen(t, app))
  connection.write(signedBytes('POST', '/', 'x'.repeat(500_000), { key: { id: 'none', secret: 'x' } }))
  connection.write(signedBytes('GET', '/'))
  const [refused, next] = await connection.responses(2)
  assertErrorResponse(t, refused, 401, NOT_VALID)
  t.equal(next.body, 'next')
  connection.destroy()
})

declare module '@fastify/request-context' {
  interface RequestContextData { name: string }
}

for (const protocol of ['HTTP/1.1', 'HTTP/2'] as const) {
  for (const [speed, lookUp] of [['at once', keys], ['later', slowKeys]] as const) {
    for (const place of ['before', 'after'] as const) {
      t.test(`keeps the asynchronous context of each request, if it starts ${place} the signature is verified, over ${protocol}, with keys that come ${speed}`, async t => {
        const storage = new AsyncLocalStorage<string>()
        const seen: Array<[tag: string, phase: string, ...stores: unknown[]]> = []
        const app = Fastify(serverOptions(protocol === 'HTTP/2' ? { http2: true } as object : {})) as unknown as FastifyInstance
        t.teardown(() => app.close())
        await app.register(reasonPhrase)
        if (place === 'after') await app.register(signature, { keys: lookUp })
        app.addHook('onRequest', (request, _reply, done) => { storage.run(request.headers['x-tag'] as string, done) })
        await app.register(requestContext, { defaultStoreValues: request => ({ name: request.headers['x-tag'] as string }) })
        if (place === 'before') await app.register(signature, { keys: lookUp })

        const see = (request: FastifyRequest, phase: string): void => {
          seen.push([request.headers['x-tag'] as string, phase, storage.getStore(), app.requestContext.get('name')])
        }
        app.addHook('preValidation', async request => { see(request, 'preValidation') })
        app.addHook('preHandler', async request => { see(request, 'preHandler') })
        app.addHook('onSend', async request => { see(request, 'onSend') })
        app.addHook('onError', async request => {
          await sleep(1)
          see(request, 'onError')
        })
        app.setErrorHandler((error, request, reply) => {
          see(request, 'error handler')
          return reply.send(error)
        })
        const handler = async (request: FastifyRequest): Promise<string> => {
          see(request, 'handler')
          if (Symbol.asyncIterator in Object(request.body)) for await (const chunk of request.body as Readable) see(request, `${chunk.length} bytes`)
          see(request, 'end of the handler')
          return 'handled'
        }
        app.all('/json', handler)
        app.register(async child => {
          child.removeAllContentTypeParsers()
          child.addContentTypeParser('*', (_request, payload, done) => { payload.once('data', () => { done(null, 'the first') }) })
          child.all('/first', handler)
        })
        app.register(async child => {
          child.removeAllContentTypeParsers()
          child.addContentTypeParser('*', (_request, payload, done) => { done(null, payload) })
          child.all('/stream', handler)
        })
        app.register(async child => {
          child.addHook('preParsing', async (request, _reply, payload) => {
            delete request.headers['content-length']
            return payload.pipe(createGunzip())
          })
          child.all('/gzip', handler)
        })
        const port = await listen(t, app)

        const long = JSON.stringify('x'.repeat(3000))
        const zipped = gzipSync('{"a":1}')
        const padded = Buffer.concat([zipped, Buffer.alloc(3000)])
        const cases: Array<[method: string, path: string, signed: string | Buffer | undefined, sent: string | Buffer, handled: boolean]> = [
          ['POST', '/json', long, long, true], ['POST', '/json', long, long.replace('xx', 'xy'), false],
          ['POST', '/first', long, long, true], ['POST', '/first', long, long.replace('xx', 'xy'), false],
          ['POST', '/stream', long, long, true], ['POST', '/stream', long, long.replace('xx', 'xy'), false],
          ['POST', '/gzip', padded, padded, true], ['POST', '/gzip', zipped, padded, false], ['POST', '/gzip', padded, Buffer.concat([zipped, Buffer.alloc(2999), Buffer.from('x')]), false],
          ['POST', '/gzip', zipped, gzipSync('{"a":2}'), false], ['POST', '/gzip', zipped, zipped.subarray(0, -9), false],
          ['POST', '/none', long, long.replace('xx', 'xy'), false], ['GET', '/json', undefined, '', true], ['GET', '/json', undefined, 'x', false]
        ]
        let count = 0
        const each = async (send: (tag: string, method: string, path: string, signed: string | Buffer | undefined, chunks: Buffer[]) => Promise<number>): Promise<void> => {
          for (const [method, path, signed, sent, handled] of cases) {
            const tag = `${path} ${++count}`
            const content = Buffer.from(sent)
            const chunks = [content.subarray(0, 100), content.subarray(100, 2000), content.subarray(2000)].filter(({ length }) => length > 0)
            const status = await send(tag, method, path, signed, chunks)
            t.equal(status, handled ? 200 : 401, tag)
            const phases = seen.filter(([own]) => own === tag).map(([, phase]) => phase)
            t.equal(phases.includes('end of the handler'), handled, tag)
            t.ok(phases.includes('onSend'), tag)
            t.equal(phases.includes('error handler'), !handled, tag)
          }
        }
        if (protocol === 'HTTP/1.1') {
          let connection = connect(port)
          let answered = 0
          await each(async (tag, method, path, signed, chunks) => {
            const fields = { host: 'a', 'x-tag': tag, 'content-type': 'application/json', ...sign(method, path, signed), 'transfer-encoding': 'chunked' }
            connection.write(bytes(method, path, fields))
            for (const chunk of chunks) {
              await sleep(2)
              connection.write(Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')]))
            }
            connection.write('0\r\n\r\n')
            const response = (await connection.responses(++answered)).at(-1)!
            if (valuesOf(response, 'connection')[0] === 'close') {
              connection = connect(port)
              answered = 0
            }
            return response.statusCode
          })
          connection.destroy()
        } else {
          const session = http2.connect(`http://127.0.0.1:${port}`)
          t.teardown(() => { session.destroy() })
          await each(async (tag, method, path, signed, chunks) => {
            const stream = session.request({ ':method': method, ':path': path, 'x-tag': tag, 'content-type': 'application/json', ...sign(method, path, signed) }, { endStream: false })
            stream.on('error', () => {})
            const response = once(stream, 'response')
            for (const chunk of chunks) {
              await sleep(2)
              stream.write(chunk)
            }
            stream.end()
            const [head] = await response as [http2.IncomingHttpHeaders & { ':status': number }]
            stream.resume()
            return head[':status']
          })
        }
        // A request that is rejected before its context starts has no context.
        const refusedAtOnce = place === 'after' ? `/json ${count}` : undefined
        t.strictSame(seen.filter(([tag, , ...stores]) => stores.some(store => store !== (tag === refusedAtOnce ? undefined : tag))), [], 'runs nothing in the context of another request')
      })
    }
  }
}
