import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import t from 'tap'
import { Contract } from '../../../lib/contract.js'
import { createPatcher, createResponseClass, replaceResponseClass } from '../../../lib/response/install.js'
import { setError, setReplyMessage, startSerializing } from '../../../lib/response/state.js'
import { connect, exchange, assertErrorResponse, listenServer, valuesOf } from '../../fixtures/wire.js'

const contract = new Contract()

const keepContract = createPatcher(contract)

type Handler = (response: ServerResponse, request: IncomingMessage) => void

/** The ways to make responses keep the contract: by the response class, and on the object. */
const INSTALLATIONS = {
  'by its class': (handler: Handler) => createServer({ ServerResponse: createResponseClass<typeof ServerResponse>(ServerResponse, contract) }, (request, response) => { handler(response, request) }),
  'by the class of an existing server': (handler: Handler) => {
    const server = createServer((request, response) => { handler(response, request) })
    replaceResponseClass(server, contract)
    return server
  },
  'on the object': (handler: Handler) => createServer((request, response) => { keepContract(response); handler(response, request) })
}

for (const [way, serve] of Object.entries(INSTALLATIONS)) {
  t.test(`sends an error that closes the connection to a client that still sends, ${way}`, async t => {
    const port = await listenServer(t, serve(response => { setReplyMessage(response, 'too large'); response.writeHead(413, { connection: 'close' }).end() }))
    const connection = connect(port)
    connection.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n')
    for (let i = 0; i < 60; i++) {
      connection.write(Buffer.alloc(65_536))
      await new Promise(resolve => { setImmediate(resolve) })
    }
    const [response] = await connection.responses(1)
    assertErrorResponse(t, response!, 400, 'too large')
    connection.destroy()
  })

  t.test(`keeps the contract, no matter how a handler of node:http writes an error, ${way}`, async t => {
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
      ['a message of a decorator', response => { setReplyMessage(response, 'not here'); response.writeHead(404).end('x') }, 404, 'not here'],
      ['a message thrown', response => { setError(response, new Error(), 'not here'); startSerializing(response); response.writeHead(404).end('x') }, 404, 'not here'],
      ['a message thrown, 5xx', response => { setError(response, new Error(), 'a secret'); startSerializing(response); response.writeHead(502).end('x') }, 500],
      ['a message thrown and exposed, 5xx', response => { setError(response, new Error(), 'no secret', { isExposed: true }); startSerializing(response); response.writeHead(502).end('x') }, 500, 'no secret'],
      ['a status code as a text', response => { response.writeHead('404' as never, null as never).end() }, 404],
      ['a status code of no class', response => { response.writeHead(999).end() }, 500],
      ['trailers', response => { response.writeHead(404, { Trailer: 'X-Sum' }); response.addTrailers({ 'X-Sum': '1' }); response.end('x') }, 404, 'x', { trailer: [] }]
    ]
    let handler: Handler
    const port = await listenServer(t, serve((response, request) => { handler(response, request) }))
    for (const [title, handle, statusCode, reason, more = {}] of cases) {
      handler = handle
      for (const method of ['GET', 'HEAD']) {
        const response = await exchange(port, `${method} / HTTP/1.1\r\nHost: localhost\r\n\r\n`)
        assertErrorResponse(t, response, statusCode, reason, `${title}, ${method}`)
        for (const [field, values] of Object.entries(more)) t.strictSame(valuesOf(response, field), values, `${field}, ${title}`)
      }
    }
  })

  t.test(`keeps the methods, events and callbacks of a response as Node documents them, ${way}`, async t => {
    let handler: Handler
    const port = await listenServer(t, serve((response, request) => { handler(response, request) }))
    const get = async (handle: Handler): ReturnType<typeof exchange> => {
      handler = handle
      return exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    }
    const called: string[] = []
    const call = (name: string): () => void => () => { called.push(name) }

    await get(response => {
      response.statusCode = 404
      response.once('drain', call('drain'))
      t.equal(response.write('x', call('write')), false, 'write() returns false')
      t.equal(response.write('x', 'utf8', call('write utf8')), false)
      response.end('x', 'utf8', call('end utf8'))
      response.end('x', call('end x'))
      response.end(call('end'))
    })
    await new Promise(setImmediate)
    t.strictSame(called.sort(), ['drain', 'end', 'end utf8', 'end x', 'write', 'write utf8'], 'calls every callback')

    await get(response => { response.on('finish', () => { response.end(call('late')) }).writeHead(404).end() })
    await new Promise(setImmediate)
    t.equal(called.at(-1), 'late')

    await get(response => { response.writeHead(404).end(call('only')) })
    await new Promise(setImmediate)
    t.equal(called.at(-1), 'only')

    assertErrorResponse(t, await get(response => {
      t.equal(response.headersSent, false)
      response.writeHead(404)
      t.equal(response.headersSent, true, 'headersSent is true after writeHead()')
      t.throws(() => response.writeHead(500), { code: 'ERR_HTTP_HEADERS_SENT' })
      t.equal(response.headersSent, true)
      response.end()
      t.equal(response.writableEnded, true)
      t.throws(() => response.writeHead(500), { code: 'ERR_HTTP_HEADERS_SENT' })
    }), 404)

    assertErrorResponse(t, await get(response => {
      setReplyMessage(response, 'not here')
      t.throws(() => response.writeHead(404, { 'x-bad': 'a\nb' }), { code: 'ERR_INVALID_CHAR' })
      t.equal(response.headersSent, false, 'sends nothing')
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
    t.equal(ok.body, 'fine', 'ignores a status code after the head was sent')
    await t.rejects(get(response => { try { response.writeHead(1) } catch { response.destroy() } }), { message: /^closed/ })
  })
}

for (const [way, serve] of Object.entries(INSTALLATIONS)) {
  t.test(`sends the header section of an error that is destroyed before its end, ${way}`, async t => {
    let handler: Handler
    const port = await listenServer(t, serve((response, request) => { handler(response, request) }))
    for (const [handle, reason] of [
      [response => { response.writeHead(404); response.destroy() }],
      [response => { response.writeHead(404, 'not here'); response.destroy(new Error('a secret')) }, 'not here'],
      [response => { response.statusCode = 404; response.write('not here'); response.destroy() }, 'not here']
    ] as Array<[Handler, string?]>) {
      handler = handle
      assertErrorResponse(t, await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), 404, reason)
    }
    handler = response => { response.statusCode = 404; response.destroy() }
    await t.rejects(exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), { message: /^closed/ })
    handler = response => { response.writeHead(200); response.write('half'); response.destroy() }
    await t.rejects(exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), { message: /^closed/ })
  })
}

t.test('calls the callback of end() after the earlier responses on the connection', async t => {
  const ended: string[] = []
  const pending: ServerResponse[] = []
  const port = await listenServer(t, INSTALLATIONS['by its class'](response => {
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

t.test('keeps the contract for a response whose methods were wrapped before', async t => {
  const port = await listenServer(t, createServer((_request, response) => {
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
  assertErrorResponse(t, response, 404, 'not here')
  t.strictSame(valuesOf(response, 'x-wrapped'), ['1'])
})

t.test('rethrows what a wrapper of end() throws', async t => {
  const port = await listenServer(t, createServer((_request, response) => {
    response.end = () => { throw new Error('mine') }
    keepContract(response)
    response.statusCode = 404
    t.throws(() => response.end('not here'), { message: 'mine' })
    response.destroy()
  }))
  await t.rejects(exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), { message: /^closed/ })
})

t.test('writes another header section if Node refuses the one that was held', async t => {
  const port = await listenServer(t, createServer((_request, response) => {
    keepContract(response)
    response.setHeader('x-kept', '1')
    response.statusCode = 404
    response.writeHead(404)
    // Node checks a value that is set later only when it sends the value.
    Object.defineProperty(response, 'getHeaderNames', { value: () => { throw new TypeError('refused') }, configurable: true })
    t.throws(() => response.end('not here'), { message: 'refused' })
    Reflect.deleteProperty(response, 'getHeaderNames')
    response.writeHead(422).end()
  }))
  assertErrorResponse(t, await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'), 422, 'not here')
})
