import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, type ReadStream } from 'node:fs'
import http, { createServer, ServerResponse, type IncomingMessage } from 'node:http'
import http2, { Http2ServerResponse } from 'node:http2'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { PassThrough, Readable, Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { setImmediate } from 'node:timers/promises'
import { mock } from 'node:test'
import { createGzip } from 'node:zlib'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { Contract } from '../../../lib/contract.js'
import { MAX_DROPPED_BYTES, DROPPING_TIMEOUT_MS } from '../../../lib/response/dropped-body.js'
import { createPatcher, createResponseClass } from '../../../lib/response/install.js'
import reasonPhrase from '../../../plugins/reason-phrase/index.js'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { withoutTap } from '../../fixtures/node-process.js'
import { connect, assertErrorResponse, listen, listenServer, type WireResponse } from '../../fixtures/wire.js'

const contract = new Contract()
const keepContract = createPatcher(contract)

type Handler = (response: ServerResponse, request: IncomingMessage) => unknown

/** Wraps a method as Connect middleware does, such as express-session. */
function wrapEnd (response: ServerResponse): void {
  const { end } = response
  response.end = function (this: ServerResponse, ...args: any) {
    if (!this.headersSent) this.setHeader('x-wrapped', '1')
    return Reflect.apply(end, this, args)
  } as typeof end
}

const SERVERS: Record<string, (handler: Handler) => Server> = {
  'HTTP/1.1, by its class': handler => createServer({ ServerResponse: createResponseClass<typeof ServerResponse>(ServerResponse, contract) }, (request, response) => { handler(response, request) }),
  'HTTP/1.1, on the object': handler => createServer((request, response) => { keepContract(response); handler(response, request) }),
  'HTTP/1.1, before methods that are wrapped later': handler => createServer((request, response) => { keepContract(response); wrapEnd(response); handler(response, request) }),
  'HTTP/1.1, before methods that were wrapped': handler => createServer((request, response) => { wrapEnd(response); keepContract(response); handler(response, request) }),
  'HTTP/2, by its class': handler => http2.createServer({ Http2ServerResponse: createResponseClass<typeof Http2ServerResponse>(Http2ServerResponse, contract) }, (request, response) => { handler(response as never, request as never) }),
  'HTTP/2, on the object': handler => http2.createServer((request, response) => { keepContract(response as never); handler(response as never, request as never) })
}

interface Client {
  /** Sends a request, and resolves with its complete response. */
  get (): Promise<WireResponse>
  close (): void
}

/** Returns a client with one connection. */
async function createClient (t: Test, server: Server): Promise<Client> {
  const port = await listenServer(t, server)
  if (!('setTimeout' in server) || 'requestTimeout' in server) {
    const connection = connect(port)
    let count = 0
    return {
      async get () {
        connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        const responses = await connection.responses(++count)
        return responses[count - 1]!
      },
      close: () => { connection.destroy() }
    }
  }
  const session = http2.connect(`http://127.0.0.1:${port}`)
  return {
    async get () {
      const stream = session.request({})
      let body = ''
      stream.on('data', chunk => { body += chunk })
      const [headers] = await once(stream, 'response')
      if (!stream.readableEnded) await once(stream.resume(), 'end')
      const reason = String(headers['eb-reason-phrase'])
      const lines = Object.entries(headers).map(([name, value]): [string, string] => [name === 'eb-reason-phrase' ? 'EB-REASON-PHRASE' : name, String(value)])
      return { statusCode: Number(headers[':status']), phrase: reason.slice(0, 128).trimEnd(), lines, body }
    },
    close: () => { session.destroy() }
  }
}

/** Starts a server that responds with a text, and returns its port. */
async function startUpstream (t: Test, body: string): Promise<number> {
  const server = createServer((_request, response) => { response.statusCode = 404; response.end(body) })
  return await listenServer(t, server)
}

/** Returns the events of a response in order, once it has closed. */
async function recordEvents (response: ServerResponse): Promise<string[]> {
  const events: string[] = []
  response.on('finish', () => { events.push('finish') })
  await new Promise<void>(resolve => { response.on('close', () => { events.push('close'); resolve() }) })
  return events
}

for (const [way, serve] of Object.entries(SERVERS)) {
  t.test(way, async t => {
    let handler: Handler
    const server = serve((response, request) => handler(response, request))
    const client = await createClient(t, server)
    t.teardown(client.close)
    const reply = async (handle: Handler): Promise<WireResponse> => {
      handler = handle
      return await client.get()
    }

    const files = t.testdir({ 10: 'x'.repeat(10), 300_000: 'x'.repeat(300_000) })
    for (const [title, length] of [['10 bytes', 10], ['300 KB', 300_000]] as const) {
      const text = 'x'.repeat(length)
      const file = join(files, String(length))
      const reason = text.slice(0, 512)

      t.test(`reads a file of ${title} to its end when it is piped into an error`, async t => {
        let source: ReadStream
        let events: Promise<string[]>
        const response = await reply(response => {
          events = recordEvents(response)
          response.statusCode = 404
          source = createReadStream(file)
          source.pipe(response)
        })
        assertErrorResponse(t, response, 404, reason)
        if (!source!.closed) await once(source!, 'close')
        t.equal(source!.bytesRead, length)
        t.strictSame(await events!, ['finish', 'close'])
      })

      t.test(`reads a file that is piped through gzip to its end, ${title}`, async t => {
        let source: ReadStream
        const { statusCode } = await reply(response => {
          response.writeHead(404, { 'content-encoding': 'gzip' })
          source = createReadStream(file)
          source.pipe(createGzip()).pipe(response)
        })
        t.equal(statusCode, 404)
        if (!source!.closed) await once(source!, 'close')
        t.equal(source!.bytesRead, length)
      })

      t.test(`releases the sockets of an HTTP agent, ${title}`, async t => {
        const port = await startUpstream(t, text)
        const agent = new http.Agent({ keepAlive: true, maxSockets: 2 })
        t.teardown(() => { agent.destroy() })
        for (let i = 0; i < 5; i++) {
          assertErrorResponse(t, await reply(response => {
            http.get({ port, agent }, upstream => {
              response.writeHead(upstream.statusCode!, upstream.headers)
              upstream.pipe(response)
            })
          }), 404, reason)
        }
      })

      t.test(`resolves a pipeline once its source has ended, ${title}`, async t => {
        for (const start of [
          (response: ServerResponse) => { response.statusCode = 404 },
          (response: ServerResponse) => { response.writeHead(404, { 'content-length': String(length) }) },
          (response: ServerResponse) => { response.statusCode = 404; response.flushHeaders() }
        ]) {
          let piped: Promise<void>
          let source: ReadStream
          const { statusCode } = await reply(response => {
            start(response)
            piped = pipeline(source = createReadStream(file), response)
          })
          t.equal(statusCode, 404)
          await piped!
          t.equal(source!.bytesRead, length)
        }
      })

      t.test(`resolves a pipeline from an iterator, and through a transform, ${title}`, async t => {
        let piped: Promise<void>
        await reply(response => {
          response.statusCode = 422
          piped = pipeline(async function * () { yield text; await setImmediate(); yield text }, new PassThrough(), response)
        })
        await piped!
        await reply(response => {
          response.statusCode = 422
          piped = pipeline(async function * () { yield text; await setImmediate(); yield text }, response)
        })
        await piped!
        t.pass('resolved')
      })

      t.test(`resolves pipeTo() once its source has ended, ${title}`, async t => {
        let piped: Promise<void>
        assertErrorResponse(t, await reply(response => {
          response.statusCode = 404
          piped = (Readable.toWeb(createReadStream(file)) as ReadableStream).pipeTo(Writable.toWeb(response) as WritableStream)
        }), 404, reason)
        await piped!
        assertErrorResponse(t, await reply(response => {
          response.statusCode = 404
          const writable = Writable.toWeb(response) as WritableStream
          response.flushHeaders()
          piped = (Readable.toWeb(createReadStream(file)) as ReadableStream).pipeTo(writable)
        }), 404)
        await piped!
      })

      t.test(`lets a child process exit after it has written to an error, ${title}`, async t => {
        let exit: Promise<unknown[]>
        const { statusCode } = await reply(response => {
          response.statusCode = 404
          const child = spawn(...withoutTap(process.execPath, '-e', `process.stdout.write('x'.repeat(${length}))`))
          exit = once(child, 'exit')
          child.stdout.pipe(response)
        })
        t.equal(statusCode, 404)
        t.strictSame(await exit!, [0, null])
      })
    }

    t.test('responds to the next requests of a connection while a source still sends', async t => {
      const sources: PassThrough[] = []
      const closed: Array<Promise<string[]>> = []
      const slow: Handler = response => {
        closed.push(recordEvents(response))
        response.statusCode = 404
        const source = new PassThrough()
        sources.push(source)
        source.pipe(response)
        source.write('a start')
      }
      for (let i = 0; i < 3; i++) assertErrorResponse(t, await reply(slow), 404, 'a start')
      assertErrorResponse(t, await reply(response => { response.writeHead(422).end('another') }), 422, 'another')
      for (const [i, source] of sources.entries()) {
        source.end('the end')
        await finished(source)
        t.strictSame(await closed[i], ['finish', 'close'])
      }
    })

    t.test('does not end a response before its writer ends it', async t => {
      let seen: unknown[]
      let events: Promise<string[]>
      let response: ServerResponse
      await reply(res => {
        response = res
        events = recordEvents(res)
        res.statusCode = 404
        res.write('a start')
      })
      await setImmediate()
      await setImmediate()
      seen = [response!.headersSent, response!.writableEnded, response!.finished, response!.writableFinished, response!.destroyed ?? false]
      t.strictSame(seen, [true, false, false, false, false])
      const called = new Promise<void>(resolve => { response.end('the end', resolve) })
      t.equal(response!.writableEnded, true)
      await called
      t.strictSame(await events!, ['finish', 'close'])
      seen = [response!.writableEnded, response!.finished, response!.writableFinished]
      t.strictSame(seen, [true, true, true])
      t.doesNotThrow(() => response.end())
    })

    t.test('keeps the connection open when the writer fails', async t => {
      let piped: Promise<unknown>
      assertErrorResponse(t, await reply(response => {
        response.statusCode = 404
        piped = pipeline(async function * () { yield 'a start'; for (let i = 0; i < 3; i++) await setImmediate(); throw new Error('it broke') }, response).catch(error => error)
      }), 404, 'a start')
      t.match(await piped!, { message: 'it broke' })
      assertErrorResponse(t, await reply(response => { response.writeHead(422).end('another') }), 422, 'another')
    })

    t.test('closes an endless source, and everything that is piped into it', async t => {
      const endless = new Readable({ read () { this.push(Buffer.alloc(65_536, 'x')) } })
      const through = new PassThrough()
      assertErrorResponse(t, await reply(response => {
        response.statusCode = 404
        endless.pipe(through).pipe(response)
      }), 404, 'x'.repeat(512))
      if (!endless.destroyed) await once(endless, 'close')
      t.equal(through.destroyed, true)
      let rejected: Promise<unknown>
      await reply(response => {
        response.statusCode = 404
        rejected = pipeline(new Readable({ read () { this.push(Buffer.alloc(65_536, 'x')) } }), response).catch(error => error)
      })
      t.match(await rejected!, { code: 'ERR_STREAM_PREMATURE_CLOSE' }, `after ${MAX_DROPPED_BYTES} bytes`)
    })

    t.test('closes a source that stalls', async t => {
      const stalling = new PassThrough()
      let events: Promise<string[]>
      mock.timers.enable({ apis: ['setTimeout'] })
      t.teardown(() => { mock.timers.reset() })
      assertErrorResponse(t, await reply(response => {
        events = recordEvents(response)
        response.statusCode = 404
        stalling.pipe(response)
        stalling.write('a start')
      }), 404, 'a start')
      mock.timers.tick(DROPPING_TIMEOUT_MS)
      await once(stalling, 'close')
      t.strictSame(await events!, ['finish', 'close'])
    })
  })
}

t.test('sends the errors of pipelined requests in order, even if the second one is written first', async t => {
  const pending: ServerResponse[] = []
  const server = SERVERS['HTTP/1.1, by its class']!(response => { pending.push(response) })
  const connection = connect(await listenServer(t, server))
  t.teardown(() => { connection.destroy() })
  connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(3))
  while (pending.length < 3) await setImmediate()
  const [first, second, third] = pending
  second!.statusCode = 422
  second!.write('second')
  await setImmediate()
  third!.writeHead(404).end('third')
  first!.statusCode = 400
  first!.write('first')
  const responses = await connection.responses(3)
  t.strictSame(responses.map(({ phrase }) => phrase), ['first', 'second', 'third'])
  for (const response of [first!, second!]) response.end()
})

t.test('closes a connection with Connection: close, and lets the writer continue', async t => {
  let events: Promise<string[]>
  const source = new PassThrough()
  const server = SERVERS['HTTP/1.1, by its class']!(response => {
    events = recordEvents(response)
    response.statusCode = 404
    source.pipe(response)
    source.write('a start')
  })
  const connection = connect(await listenServer(t, server))
  connection.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  const received = await connection.closed()
  t.match(received, /^HTTP\/1\.1 404 a start\r\n/)
  t.equal(source.destroyed, false)
  source.end()
  await finished(source)
  t.strictSame(await events!, ['finish', 'close'])
})

t.test('responds to a malformed request while the previous error is still being written', async t => {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  const sources: PassThrough[] = []
  app.get('/', (_request, reply) => {
    reply.hijack()
    reply.raw.statusCode = 404
    const source = new PassThrough()
    sources.push(source)
    reply.raw.write('a start')
    source.pipe(reply.raw)
  })
  const connection = connect(await listen(t, app))
  connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nGARBAGE\r\n\r\n')
  const [first, second] = await connection.responses(2)
  assertErrorResponse(t, first!, 404, 'a start')
  assertErrorResponse(t, second!, 400, 'Parse Error: Invalid method encountered')
  await connection.closed()
  for (const source of sources) source.end()
})

t.test('reads a request body that is piped into its own error to its end', async t => {
  for (const options of [serverOptions(), {}]) {
    const app = Fastify(options) as unknown as FastifyInstance
    await app.register(reasonPhrase)
    app.addContentTypeParser('*', (_request, payload, done) => { done(null, payload) })
    app.post('/pipe', (request, reply) => { reply.hijack(); reply.raw.statusCode = 422; request.raw.pipe(reply.raw) })
    app.post('/pipeline', (request, reply) => { reply.hijack(); reply.raw.statusCode = 422; pipeline(request.raw, createGzip(), reply.raw).catch(t.error) })
    app.get('/', async () => 'ok')
    const connection = connect(await listen(t, app))
    for (const [i, url] of ['/pipe', '/pipeline'].entries()) {
      connection.write(`POST ${url} HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`)
      connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      const responses = await connection.responses(2 * i + 2)
      t.equal(responses[2 * i]!.statusCode, 422, url)
      t.equal(responses[2 * i + 1]!.body, 'ok', url)
    }
    connection.destroy()
  }
})
