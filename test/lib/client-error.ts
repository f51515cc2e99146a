import { once } from 'node:events'
import http, { ServerResponse } from 'node:http'
import net from 'node:net'
import t, { type Test } from 'tap'
import { answerClientError, answerOnSocket, type ClientError, type ClientErrorListener } from '../../lib/client-error.js'
import { Contract } from '../../lib/contract.js'
import { createResponseClass } from '../../lib/response/install.js'
import { connect, assertErrorResponse, valuesOf, type Connection } from '../fixtures/wire.js'

const contract = new Contract()

/** Returns both ends of a connection. */
async function pair (t: Test): Promise<{ client: Connection, socket: net.Socket }> {
  const server = net.createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const connected = once(server, 'connection')
  const client = connect((server.address() as net.AddressInfo).port)
  const [socket] = await connected
  socket.on('error', () => {})
  t.teardown(() => { client.destroy(); socket.destroy(); server.close() })
  return { client, socket }
}

function failure (code?: string, message = 'Parse Error: nonsense'): ClientError {
  return Object.assign(new Error(message), code === undefined ? {} : { code })
}

t.test('sends 400 once, with a message only for a parse error or a timeout', async t => {
  for (const [error, reason] of [
    [failure('HPE_INVALID_METHOD'), 'Parse Error: nonsense'],
    [failure('ERR_HTTP_REQUEST_TIMEOUT', 'Request timeout'), 'Request timeout'],
    [failure('EPIPE', 'a secret'), 'Bad Request'],
    [failure(undefined, 'a secret'), 'Bad Request'],
    [failure('HPE_X', 'split\r\n\r\nHTTP/1.1 200 OK'), 'split HTTP/1.1 200 OK']
  ] as const) {
    const { client, socket } = await pair(t)
    answerClientError(contract, error, socket)
    answerClientError(contract, error, socket)
    const [response] = await client.responses(1)
    assertErrorResponse(t, response!, 400, reason)
    t.strictSame(valuesOf(response!, 'connection'), ['close'])
    t.match(valuesOf(response!, 'date'), [/GMT$/])
    client.socket.end()
    await client.closed()
    t.equal(client.received().split('HTTP/1.1 400').length, 2, 'once')
  }
})

t.test('sends nothing to a connection that was reset or has ended', async t => {
  const reset = await pair(t)
  answerClientError(contract, failure('ECONNRESET'), reset.socket)
  t.equal(await reset.client.closed(), '')

  const ended = await pair(t)
  ended.socket.end()
  answerClientError(contract, failure('HPE_X'), ended.socket)
  t.equal(await ended.client.closed(), '')
  answerOnSocket(contract, ended.socket, 400, 'too late')
  t.equal(ended.client.received(), '')
})

t.test('converts the response of a clientErrorHandler to the contract', async t => {
  const called: string[] = []
  const cases: Array<[title: string, listener: ClientErrorListener, statusCode: number, reason?: string, more?: Record<string, string[]>]> = [
    ['nothing', () => {}, 400, 'Parse Error: nonsense'],
    ['a status and a phrase', (_error, socket) => { socket.end('HTTP/1.1 403 Keep out\r\n\r\n') }, 403, 'Keep out'],
    ['a body', (_error, socket) => { socket.write('HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nX-Kept: 1\r\n\r\n'); socket.end(Buffer.from('{"message":"not here"}')) }, 404, 'not here', { 'x-kept': ['1'] }],
    ['the header itself', (_error, socket) => { socket.write('HTTP/1.0 503 Service Unavailable\r\neb-reason-phrase: Later\r\nRetry-After: 1\r\nDate: then\r\nConnection: keep-alive\r\n\r\n'); socket.destroySoon() }, 503, 'Later', { 'retry-after': ['1'], date: ['then'], connection: ['close'] }],
    ['a 401', (_error, socket) => { socket.end('HTTP/1.1 401\r\n\r\n') }, 401, 'Parse Error: nonsense', { 'www-authenticate': ['HMAC'] }],
    ['a 401 with a challenge', (_error, socket) => { socket.end('HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\n\r\n') }, 401, 'Who', { 'www-authenticate': ['Basic'] }],
    ['no response', (_error, socket) => { socket.end('what?\r\nnot a field\r\n\r\n') }, 400, 'Parse Error: nonsense'],
    ['a line that is not a field', (_error, socket) => { socket.end('HTTP/1.1 422 No\r\nnot a field\r\nb@d: 1\r\nX-Bad: a\rX-Split: 1\r\nX-Nul: \0\r\n\r\n') }, 422, 'No', { 'x-bad': [], 'x-split': [], 'x-nul': [] }],
    ['bytes in an encoding', (_error, socket) => { socket.end(Buffer.from('HTTP/1.1 422 In hex\r\n\r\n').toString('hex'), 'hex') }, 422, 'In hex'],
    ['with a callback', (_error, socket) => { socket.write('HTTP/1.1 422 Called\r\n', () => { called.push('write') }); socket.end(() => { called.push('end') }) }, 422, 'Called'],
    ['a success', (_error, socket) => { socket.end('HTTP/1.1 200 OK\r\n\r\nfine') }, 400, 'Parse Error: nonsense']
  ]
  for (const [title, listener, statusCode, reason, more = {}] of cases) {
    const { client, socket } = await pair(t)
    answerClientError(contract, failure('HPE_X'), socket, listener)
    const [response] = await client.responses(1)
    assertErrorResponse(t, response!, statusCode, reason, title)
    for (const [field, values] of Object.entries(more)) t.strictSame(valuesOf(response!, field), values, `${field} of ${title}`)
  }

  t.strictSame(called, ['write', 'end'])

  const { client, socket } = await pair(t)
  answerClientError(contract, failure('HPE_X'), socket, (_error, socket) => { socket.destroy() })
  t.equal(await client.closed(), '', 'sends nothing if the listener only closes the connection')

  const throwing = await pair(t)
  t.throws(() => { answerClientError(contract, failure('HPE_X'), throwing.socket, () => { throw new Error('mine') }) }, { message: 'mine' })
  throwing.socket.end('as before')
  t.equal(await throwing.client.closed(), 'as before', 'restores the socket if the listener throws')
})

t.test('closes the connection if the client does not close its side', async t => {
  const { client, socket } = await pair(t)
  client.socket.on('end', () => {})
  client.socket.allowHalfOpen = true
  answerOnSocket(contract, socket, 403, 'Keep out')
  await once(socket, 'close')
  t.equal(socket.destroyed, true)
})

t.test('responds to an interrupted request through its response object', async t => {
  const server = http.createServer({ ServerResponse: createResponseClass(ServerResponse, contract) })
  server.on('clientError', (error, socket) => { answerClientError(contract, error, socket as net.Socket) })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => { server.close() })
  const requested = once(server, 'request')
  const client = connect((server.address() as net.AddressInfo).port)
  client.write('POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n')
  const [, response] = await requested
  client.write('ZZ\r\n')
  const [answer] = await client.responses(1)
  assertErrorResponse(t, answer!, 400, 'Parse Error: Invalid character in chunk size')
  t.equal(response.writableEnded, true)
  client.socket.end()
  await client.closed()
})

t.test('exposes the headers of the contract if the listener allows another origin', async t => {
  const { client, socket } = await pair(t)
  answerClientError(contract, failure('HPE_X'), socket, (_error, socket) => {
    socket.end('HTTP/1.1 503 Later\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: X-A\r\nRetry-After: 1\r\n\r\n')
  })
  const [response] = await client.responses(1)
  t.strictSame(valuesOf(response!, 'access-control-expose-headers'), ['X-A', 'EB-REASON-PHRASE, Retry-After'])
})
