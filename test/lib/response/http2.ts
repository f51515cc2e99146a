import { once } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import http2, { Http2ServerResponse } from 'node:http2'
import t from 'tap'
import { Contract } from '../../../lib/contract.js'
import { createPatcher, createResponseClass } from '../../../lib/response/install.js'
import { setReplyMessage } from '../../../lib/response/state.js'
import { listenServer } from '../../fixtures/wire.js'

const contract = new Contract()

const keepContract = createPatcher(contract)

type Handler = (response: ServerResponse, request: IncomingMessage) => void

t.test('sends errors over HTTP/2 without a body or trailers, and successes unchanged', async t => {
  const handlers: Handler[] = []
  const ways = [
    http2.createServer({ Http2ServerResponse: createResponseClass<typeof Http2ServerResponse>(Http2ServerResponse, contract) }, (_request, response) => { handlers[0]!(response as never, {} as never) }),
    http2.createServer((_request, response) => { keepContract(response as never); handlers[0]!(response as never, {} as never) })
  ]
  const warnings: string[] = []
  const onWarning = ({ message }: Error): void => { warnings.push(message) }
  process.on('warning', onWarning)
  for (const server of ways) {
    const session = http2.connect(`http://127.0.0.1:${await listenServer(t, server)}`)
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
      stream.on('data', () => { t.fail('sends no body') }).on('trailers', () => { t.fail('sends no trailers') })
      const [headers, flags] = await once(stream, 'response')
      t.match(headers, { ':status': statusCode, 'eb-reason-phrase': reason, 'content-length': '0' })
      t.equal(headers['content-type'], undefined)
      t.equal(flags & http2.constants.NGHTTP2_FLAG_END_STREAM, 1, 'ends the stream with the header section')
      if (!stream.closed) await once(stream, 'close')
    }
    handlers[0] = response => {
      response.writeHead(404, { 'eb-reason-phrase': 'not here' })
      t.equal(response.headersSent, true)
      t.throws(() => response.writeHead(500), { code: 'ERR_HTTP2_HEADERS_SENT' })
      response.end()
    }
    const [twice] = await once(session.request({}).resume(), 'response')
    t.match(twice, { ':status': 404, 'eb-reason-phrase': 'not here' }, 'rejects a second head')
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
  t.strictSame(warnings, [], 'Node emits no warning')
})
