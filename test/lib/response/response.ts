import { once } from 'node:events'
import { createServer, IncomingMessage, Server, ServerResponse } from 'node:http'
import http2, { Http2ServerResponse } from 'node:http2'
import https from 'node:https'
import { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Contract } from '../../../lib/contract.js'
import { createPatcher, createResponseClass, replaceResponseClass, type ResponseClass } from '../../../lib/response/install.js'
import { getErrorMessage, getReplyMessage, markLogged, setError, setReply, setReplyMessage, startSerializing } from '../../../lib/response/state.js'
import { connect, exchange, keepsContract, valuesOf } from '../../fixtures/wire.js'

const contract = new Contract()
const keepContract = createPatcher(contract)

type Handler = (response: ServerResponse, request: IncomingMessage) => void

/** The ways to have a response keep the contract: by its class, and on the object. */
const WAYS = {
  'by its class': (handler: Handler) => createServer({ ServerResponse: createResponseClass<typeof ServerResponse>(ServerResponse, contract) }, (request, response) => { handler(response, request) }),
  'by the class of a server that exists': (handler: Handler) => {
    const server = createServer((request, response) => { handler(response, request) })
    replaceResponseClass(server, contract)
    return server
  },
  'on the object': (handler: Handler) => createServer((request, response) => { keepContract(response); handler(response, request) })
}

async function listen (t: Test, server: ReturnType<typeof createServer> | http2.Http2Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  return (server.address() as { port: number }).port
}

for (const [way, serve] of Object.entries(WAYS)) {
  t.test(`an answer that ends the connection reaches a client that still sends, ${way}`, async t => {
    const port = await listen(t, serve(response => { setReplyMessage(response, 'too large'); response.writeHead(413, { connection: 'close' }).end() }))
    const connection = connect(port)
    connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n')
    for (let i = 0; i < 60; i++) {
      connection.write(Buffer.alloc(65_536))
      await new Promise(resolve => { setImmediate(resolve) })
    }
    const [response] = await connection.responses(1)
    keepsContract(t, response!, 400, 'too large')
    connection.destroy()
  })

  t.test(`an unsuccessful response of node:http, ${way}`, async t => {
    const cases: Array<[title: string, handler: Handler, statusCode: number, reason?: string, more?: Record<string, string[]>]> = [
      ['no body', response => { response.writeHead(404).end() }, 404],
      ['a body', response => { response.writeHead(404).end('not here') }, 404, 'not here'],
      ['a body in parts', response => { response.statusCode = 404; response.write('not'); response.end(' here') }, 404, 'not'],
      ['headers as an object', response => { response.writeHead(404, { ETag: '"1"', 'X-Kept': '1' }).end() }, 404, undefined, { 'x-kept': ['1'], etag: [] }],
      ['headers as a list', response => { response.writeHead(404, ['ETag', '"1"', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Set-Cookie', 'c=3']).end() }, 404, undefined, { 'set-cookie': ['a=1', 'b=2', 'c=3'] }],
      ['headers as pairs', response => { response.writeHead(404, [['Content-Type', 'text/plain'], ['X-Kept', '1']] as never).end() }, 404, undefined, { 'x-kept': ['1'] }],
      ['headers set before', response => { response.setHeader('Content-Type', 'text/plain').setHeader('X-Kept', '1'); response.writeHead(404).end() }, 404, undefined, { 'x-kept': ['1'] }],
      ['a reason phrase', response => { response.writeHead(404, 'Not in here', { 'X-Kept': '1' }).end('not here') }, 404, 'Not in here', { 'x-kept': ['1'] }],
      ["the status code's own reason phrase", response => { response.writeHead(404, 'Not Found').end('not here') }, 404, 'not here'],
      ['a status message', response => { response.statusCode = 404; response.statusMessage = 'Not in here'; response.end() }, 404, 'Not in here'],
      ['a reason set before', response => { response.setHeader('eb-reason-phrase', 'not here'); response.writeHead(404).end() }, 404, 'not here'],
      ['a reason among the headers', response => { response.writeHead(404, { 'eb-Reason-Phrase': 'not here' }).end() }, 404, 'not here'],
      ['a reason in a list', response => { response.writeHead(404, ['Eb-Reason-Phrase', 'not here']).end() }, 404, 'not here'],
      ['a challenge set before', response => { response.setHeader('WWW-Authenticate', 'Basic'); response.writeHead(401).end() }, 401, undefined, { 'www-authenticate': ['Basic'] }],
      ['a challenge among the headers', response => { response.writeHead(401, { 'WWW-Authenticate': 'Basic' }).end() }, 401, undefined, { 'www-authenticate': ['Basic'] }],
      ['no challenge', response => { response.writeHead(401).end() }, 401, undefined, { 'www-authenticate': ['HMAC'] }],
      ['flushed before', response => { response.statusCode = 404; response.flushHeaders(); response.flushHeaders(); response.end('x') }, 404],
      ['flushed after writeHead', response => { response.writeHead(404).flushHeaders(); response.end('x') }, 404],
      ['a message said', response => { setReplyMessage(response, 'not here'); response.writeHead(404).end('x') }, 404, 'not here'],
      ['a message thrown', response => { setError(response, new Error(), 'not here'); startSerializing(response); response.writeHead(404).end('x') }, 404, 'not here'],
      ['a message thrown, 5xx', response => { setError(response, new Error(), 'a secret'); startSerializing(response); response.writeHead(502).end('x') }, 500],
      ['a message thrown and exposed, 5xx', response => { setError(response, new Error(), 'no secret', { isExposed: true }); startSerializing(response); response.writeHead(502).end('x') }, 500, 'no secret'],
      ['a status code as a text', response => { response.writeHead('404' as never, null as never).end() }, 404],
      ['a status code of no class', response => { response.writeHead(999).end() }, 500],
      ['trailers', response => { response.writeHead(404, { Trailer: 'X-Sum' }); response.addTrailers({ 'X-Sum': '1' }); response.end('x') }, 404, 'x', { trailer: [] }]
    ]
    let handler: Handler
    const port = await listen(t, serve((response, request) => { handler(response, request) }))
    for (const [title, handle, statusCode, reason, more = {}] of cases) {
      handler = handle
      for (const method of ['GET', 'HEAD']) {
        const response = await exchange(port, `${method} / HTTP/1.1\r\nHost: localhost\r\n\r\n`)
        keepsContract(t, response, statusCode, reason, `${title}, ${method}`)
        for (const [field, values] of Object.entries(more)) t.strictSame(valuesOf(response, field), values, `${field}, ${title}`)
      }
    }
  })

  t.test(`a response's methods and events, ${way}`, async t => {
    let handler: Handler
    const port = await listen(t, serve((response, request) => { handler(response, request) }))
    const get = async (handle: Handler): ReturnType<typeof exchange> => {
      handler = handle
      return exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    }
    const called: string[] = []
    const call = (name: string): () => void => () => { called.push(name) }

    await get(response => {
      response.statusCode = 404
      response.once('drain', call('drain'))
      t.equal(response.write('x', call('write')), false, 'there is no more to write')
      t.equal(response.write('x', 'utf8', call('write utf8')), false)
      response.end('x', 'utf8', call('end utf8'))
      response.end('x', call('end x'))
      response.end(call('end'))
    })
    await new Promise(setImmediate)
    t.strictSame(called.sort(), ['drain', 'end', 'end utf8', 'end x', 'write', 'write utf8'], 'every callback is called')

    await get(response => { response.on('finish', () => { response.end(call('late')) }).writeHead(404).end() })
    await new Promise(setImmediate)
    t.equal(called.at(-1), 'late')

    await get(response => { response.writeHead(404).end(call('only')) })
    await new Promise(setImmediate)
    t.equal(called.at(-1), 'only')

    keepsContract(t, await get(response => {
      t.equal(response.headersSent, false)
      response.writeHead(404)
      t.equal(response.headersSent, true, 'after writeHead, as ever')
      t.throws(() => response.writeHead(500), { code: 'ERR_HTTP_HEADERS_SENT' })
      t.equal(response.headersSent, true)
      response.end()
      t.equal(response.writableEnded, true)
      t.throws(() => response.writeHead(500), { code: 'ERR_HTTP_HEADERS_SENT' })
    }), 404)

    keepsContract(t, await get(response => {
      setReplyMessage(response, 'not here')
      t.throws(() => response.writeHead(404, { 'x-bad': 'a\nb' }), { code: 'ERR_INVALID_CHAR' })
      t.equal(response.headersSent, false, 'nothing went out')
      response.writeHead(404).end()
    }), 404, 'not here')

    const ok = await get(response => {
      response.writeHead(200, null as never)
      t.throws(() => response.writeHead(500), { code: 'ERR_HTTP_HEADERS_SENT' })
      response.statusCode = 500
      response.write('fi')
      response.end('ne')
    })
    t.equal(ok.statusCode, 200)
    t.equal(ok.body, 'fine', 'a status code that comes too late changes nothing')
    await t.rejects(get(response => { try { response.writeHead(1) } catch { response.destroy() } }), { message: /^closed/ })
  })
}

for (const [way, serve] of Object.entries(WAYS)) {
  t.test(`a response with the head of an error is sent where it is destroyed, ${way}`, async t => {
    let handler: Handler
    const port = await listen(t, serve((response, request) => { handler(response, request) }))
    for (const [handle, reason] of [
      [response => { response.writeHead(404); response.destroy() }],
      [response => { response.writeHead(404, 'not here'); response.destroy(new Error('a secret')) }, 'not here'],
      [response => { response.statusCode = 404; response.write('not here'); response.destroy() }, 'not here']
    ] as Array<[Handler, string?]>) {
      handler = handle
      keepsContract(t, await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), 404, reason)
    }
    handler = response => { response.statusCode = 404; response.destroy() }
    await t.rejects(exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), { message: /^closed/ })
    handler = response => { response.writeHead(200); response.write('half'); response.destroy() }
    await t.rejects(exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), { message: /^closed/ })
  })
}

t.test('a callback waits for the responses that go before', async t => {
  const ended: string[] = []
  const pending: ServerResponse[] = []
  const port = await listen(t, WAYS['by its class'](response => {
    pending.push(response)
    if (pending.length < 2) return
    response.writeHead(404).end(() => { ended.push('second') })
    setImmediate(() => { pending[0]!.writeHead(422).end(() => { ended.push('first') }) })
  }))
  const connection = connect(port)
  connection.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(2))
  const responses = await connection.responses(2)
  t.strictSame(responses.map(({ statusCode }) => statusCode), [422, 404])
  t.strictSame(ended, ['first', 'second'])
  connection.destroy()
})

t.test('both give the response their message, and the last one stands', async t => {
  const response = new ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as IncomingMessage)
  t.equal(getReplyMessage(response), undefined)
  t.equal(getErrorMessage(response), undefined)
  setReplyMessage(response, 'given')
  t.equal(getReplyMessage(response), 'given')
  t.equal(getErrorMessage(response), undefined)
  setError(response, new Error(), 'thrown', { isExposed: true }); startSerializing(response)
  t.equal(getReplyMessage(response), undefined)
  t.equal(getErrorMessage(response), 'thrown')
})

t.test('logs the whole message with the reply, and never throws', async t => {
  const lines: unknown[][] = []
  let failing: 'once' | 'always' | undefined
  const write = (level: string) => (fields: { res: { raw: ServerResponse } }, message: string): void => {
    if (failing !== undefined) {
      if (failing === 'once') failing = undefined
      throw new Error('a serializer failed')
    }
    // A serializer reads the reply, as Fastify's own does.
    lines.push([level, { ...fields, res: fields.res.raw.statusCode }, message])
  }
  const log = { info: write('info'), error: write('error') }
  let handler: Handler
  const port = await listen(t, WAYS['on the object'](response => {
    setReply(response, { raw: response, log } as never)
    handler(response, response.req)
  }))
  const linesOf = async (handle: Handler): Promise<unknown[][]> => {
    lines.length = 0
    handler = handle
    await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    return lines
  }
  const error = new Error('a secret')
  t.strictSame(await linesOf(response => { setReplyMessage(response, 'ä\n'); response.writeHead(404).end() }), [['info', { res: 404 }, 'ä\n']])
  t.strictSame(await linesOf(response => { response.writeHead(502).end('late') }), [['error', { res: 502 }, 'late']])
  t.strictSame(await linesOf(response => { setError(response, error, 'a secret'); startSerializing(response); response.writeHead(500).end() }), [['error', { res: 500, err: error }, 'a secret']])
  t.strictSame(await linesOf(response => { setError(response, null, ''); startSerializing(response); response.writeHead(500).end() }), [['error', { res: 500, err: null }, '']])
  t.strictSame(await linesOf(response => { setReplyMessage(response, 'x'); markLogged(response); response.writeHead(404).end() }), [])
  t.strictSame(await linesOf(response => { response.writeHead(404).end() }), [])
  failing = 'once'
  t.strictSame(await linesOf(response => { setError(response, error, 'a secret'); startSerializing(response); response.writeHead(500).end() }), [['error', { res: 500 }, 'a secret']], 'without an error that cannot be serialised')
  failing = 'always'
  t.strictSame(await linesOf(response => { setError(response, error, 'a secret'); startSerializing(response); response.writeHead(500).end() }), [], 'the response is sent all the same')
})

t.test('a response whose methods somebody wrapped before', async t => {
  const port = await listen(t, createServer((_request, response) => {
    const { end } = response
    response.end = function (this: ServerResponse, ...args: any) {
      this.setHeader('x-wrapped', '1')
      return Reflect.apply(end, this, args)
    } as typeof end
    keepContract(response)
    keepContract(response)
    response.statusCode = 404
    response.end('not here')
  }))
  const response = await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  keepsContract(t, response, 404, 'not here')
  t.strictSame(valuesOf(response, 'x-wrapped'), ['1'])
})

t.test('what a wrapper of end() throws is its own', async t => {
  const port = await listen(t, createServer((_request, response) => {
    response.end = () => { throw new Error('mine') }
    keepContract(response)
    response.statusCode = 404
    t.throws(() => response.end('not here'), { message: 'mine' })
    response.destroy()
  }))
  await t.rejects(exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), { message: /^closed/ })
})

t.test('HTTP/2', async t => {
  const handlers: Handler[] = []
  const ways = [
    http2.createServer({ Http2ServerResponse: createResponseClass<typeof Http2ServerResponse>(Http2ServerResponse, contract) }, (_request, response) => { handlers[0]!(response as never, {} as never) }),
    http2.createServer((_request, response) => { keepContract(response as never); handlers[0]!(response as never, {} as never) })
  ]
  const warnings: string[] = []
  const onWarning = ({ message }: Error): void => { warnings.push(message) }
  process.on('warning', onWarning)
  for (const server of ways) {
    const session = http2.connect(`http://127.0.0.1:${await listen(t, server)}`)
    for (const [handler, statusCode, reason] of [
      [response => { response.writeHead(404, { 'content-type': 'text/plain', connection: 'close', 'keep-alive': '5' }).end('not here') }, 404, 'not here'],
      [response => { response.writeHead(422, ['x-kept', '1', 'x-kept', '2']).end() }, 422, 'Unprocessable Entity'],
      [response => { response.addTrailers({ 'x-sum': '1' }); response.statusCode = 502; response.write('late', () => { response.end('x', () => {}) }) }, 500, 'Internal Server Error'],
      [response => { response.statusCode = 409; response.write('late', () => { response.end('x', () => {}) }) }, 400, 'late'],
      [response => { response.statusCode = 404; response.flushHeaders(); response.end() }, 404, 'Not Found'],
      [response => { setReplyMessage(response, 'not here'); response.writeHead(404, { 'x-bad': 'a\nb' }).end() }, 404, 'not here'],
      [response => { response.writeHead(404, { 'eb-reason-phrase': Object.create(null) }).end() }, 404, 'Not Found']
    ] as Array<[Handler, number, string]>) {
      handlers[0] = handler
      const stream = session.request({})
      stream.on('data', () => { t.fail('no body') }).on('trailers', () => { t.fail('no trailers') })
      const [headers, flags] = await once(stream, 'response')
      t.match(headers, { ':status': statusCode, 'eb-reason-phrase': reason, 'content-length': '0' })
      t.equal(headers['content-type'], undefined)
      t.equal(flags & http2.constants.NGHTTP2_FLAG_END_STREAM, 1, 'the header section is all')
      if (!stream.closed) await once(stream, 'close')
    }
    handlers[0] = response => {
      response.writeHead(404, { 'eb-reason-phrase': 'not here' })
      t.equal(response.headersSent, true)
      t.throws(() => response.writeHead(500), { code: 'ERR_HTTP2_HEADERS_SENT' })
      response.end()
    }
    const [twice] = await once(session.request({}).resume(), 'response')
    t.match(twice, { ':status': 404, 'eb-reason-phrase': 'not here' }, 'a second head is refused')
    handlers[0] = response => { response.setHeader('eb-reason-phrase', 'odd'); response.writeHead(200, { 'x-kept': '1' }); response.write('fi'); response.end('ne') }
    const stream = session.request({})
    let body = ''
    stream.on('data', chunk => { body += chunk })
    const [headers] = await once(stream, 'response')
    t.match(headers, { ':status': 200, 'x-kept': '1' })
    t.equal(headers['eb-reason-phrase'], undefined)
    await once(stream, 'close')
    t.equal(body, 'fine')
    session.close()
  }
  process.off('warning', onWarning)
  t.strictSame(warnings, [], 'no warning of Node')
})

t.test('the class extends the one that it is made of, Node\'s own or another', async t => {
  class Own extends ServerResponse {
    readonly made = 'here'
  }
  for (const Base of [ServerResponse, Own] satisfies ResponseClass[]) {
    const Response = createResponseClass<ResponseClass>(Base, contract)
    class Extended extends Response {
      readonly extended = true
    }
    t.equal(Object.getPrototypeOf(Response), Base)
    t.equal(Response.prototype.constructor, Response)
    const response = new Extended(new IncomingMessage(new Socket()))
    t.ok(response instanceof Response && response instanceof Base && response.extended)
    t.strictSame(Object.keys(response).filter(name => name === 'made'), Base === Own ? ['made'] : [], 'by its own constructor')
    t.equal(response.req.method, null, 'of its request')
  }
})

t.test('a server that exists makes its responses of a class of their own, which keeps the contract', async t => {
  class Own extends ServerResponse {}
  const made: ServerResponse[] = []
  const server = createServer({ ServerResponse: Own }, (_request, response) => { made.push(response); response.writeHead(404).end('not here') })
  const other = createServer((_request, response) => { response.writeHead(404).end('not here') })
  t.equal(replaceResponseClass(server, contract), true)
  const Made = classOfResponses(server)
  t.equal(replaceResponseClass(server, contract), true)
  t.equal(classOfResponses(server), Made, 'once is enough')
  const bytes = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  keepsContract(t, await exchange(await listen(t, server), bytes), 404, 'not here')
  t.ok(made[0] instanceof Own)
  t.equal((await exchange(await listen(t, other), bytes)).body, 'not here', 'another server is as it was')

  t.equal(replaceResponseClass(https.createServer(), contract), true, 'over TLS')
  t.equal(replaceResponseClass(http2.createServer(), contract), false, 'HTTP/2')
  t.equal(replaceResponseClass(Object.create(Server.prototype), contract), false, 'without a class of responses')

  function classOfResponses (server: Server): unknown {
    return Object.getOwnPropertySymbols(server).filter(({ description }) => description === 'ServerResponse').map(key => (server as never)[key])[0]
  }
})
