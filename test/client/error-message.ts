import { createServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import * as undici from 'undici'
import { getErrorMessage } from '../../client/error-message.js'
import { createClient, type Rejected } from '../../client/index.js'
import { cert, key } from '../fixtures/certificate.js'
import { closedPort } from '../fixtures/database.js'
import { dispatchWith } from './fixtures/dispatcher.js'
import { serveBytes } from './fixtures/servers.js'

t.test('returns rejected with the cause if the request was not sent', async t => {
  /** Asserts that a call is rejected, and returns the error of the connection. */
  const rejected = async (baseUrl: string): Promise<{ code?: string, errors?: unknown[] }> => {
    const result = await createClient({ baseUrl, key: { id: 'dev', secret: 'hush' } })('POST', '/', { body: 'a' })
    t.equal(result.outcome, 'rejected')
    t.strictSame(Object.keys(result).sort(), ['cause', 'outcome', 'reason'], 'without a status')
    const { cause, reason } = result as Rejected
    t.type(cause, TypeError)
    const failure = (cause as TypeError).cause as { message: string, errors?: Error[] }
    t.equal(reason, failure.message || failure.errors![0]!.message)
    t.notMatch(reason, 'fetch failed')
    return failure
  }

  t.test('because the connection is refused', async t => {
    const port = await closedPort()
    t.match(await rejected(`http://127.0.0.1:${port}`), { code: 'ECONNREFUSED' })
    await rejected(`http://localhost:${port}`)
  })

  t.test('because fetch blocks the port', async t => {
    t.match(await rejected('http://127.0.0.1:9'), { message: 'bad port' })
  })

  t.test('because the host has no address', async t => {
    t.match(await rejected('http://nowhere.invalid'), { code: /^(ENOTFOUND|EAI_AGAIN)$/ })
  })

  t.test('because the certificate is not trusted', async t => {
    const server = createServer({ key, cert }, () => t.fail('a request was sent')).listen(0, '127.0.0.1')
    t.teardown(() => server.close())
    await once(server, 'listening')
    t.match(await rejected(`https://127.0.0.1:${(server.address() as AddressInfo).port}`), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })
  })

  t.test('because the connection times out', async t => {
    dispatchWith(t, new undici.Agent({ connect: (_options, callback) => callback(new undici.errors.ConnectTimeoutError('Connect Timeout Error'), null) }))
    t.match(await rejected('http://127.0.0.1'), { code: 'UND_ERR_CONNECT_TIMEOUT' })
  })

  t.test('because the server has no TLS', async t => {
    const { host } = new URL(await serveBytes(t, socket => { socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')) }))
    t.match(await rejected(`https://${host}`), { code: 'ERR_SSL_WRONG_VERSION_NUMBER' })
  })
})

t.test('returns unknown if the connection is lost after the request', async t => {
  const unknown = async (answer: Parameters<typeof serveBytes>[1]) => {
    const baseUrl = await serveBytes(t, answer)
    const { outcome, status, cause, reason } = await createClient({ baseUrl })('POST', '/', { body: 'a' }) as Rejected
    t.equal(outcome, 'unknown')
    t.type(cause, TypeError)
    return { status, reason }
  }
  const after = (bytes: string, end: 'destroy' | 'end' | 'resetAndDestroy') => (socket: Parameters<Parameters<typeof serveBytes>[1]>[0]) => {
    socket.once('data', () => socket.write(bytes, () => setImmediate(() => socket[end]())))
  }
  const json = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'

  t.test('before the response', async t => {
    t.strictSame(await unknown(after('', 'end')), { status: undefined, reason: 'other side closed' })
    t.strictSame(await unknown(after('', 'resetAndDestroy')), { status: undefined, reason: 'read ECONNRESET' })
    t.match(await unknown(after('HTTP/1.1 200', 'end')), { status: undefined })
    t.match(await unknown(after('garbage\r\n\r\n', 'end')), { status: undefined })
  })

  t.test('while the body of a 2xx arrives, with its status code', async t => {
    t.match(await unknown(after(`${json}Content-Length: 100\r\n\r\n{"a":1}`, 'end')), { status: 200 })
    t.match(await unknown(after(`${json}Content-Length: 100\r\n\r\n{"a":1}`, 'resetAndDestroy')), { status: 200 })
    t.match(await unknown(after(`${json}Transfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n`, 'end')), { status: 200 })
    t.match(await unknown(after(`${json}Transfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\ngarbage`, 'end')), { status: 200 })
  })
})

t.test('returns unknown for an error of the response body, even if its code says that the connection was refused', async t => {
  const body = new ReadableStream({ start (controller) { controller.error(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })) } })
  const client = createClient({ baseUrl: 'http://127.0.0.1', fetch: async () => new Response(body) })
  t.match(await client('GET', '/'), { outcome: 'unknown', status: 200, reason: 'refused' })
})

const failed = (cause: unknown) => new TypeError('fetch failed', { cause })
const connection = (fields: object) => Object.assign(new Error('a'), fields)

t.test('getErrorMessage() returns the most specific message', async t => {
  t.equal(getErrorMessage(failed(connection({ message: 'other side closed' }))), 'other side closed')
  t.equal(getErrorMessage(failed(new AggregateError([connection({ message: 'connect ECONNREFUSED ::1:1' })]))), 'connect ECONNREFUSED ::1:1')
  t.equal(getErrorMessage(new TypeError('Failed to fetch')), 'Failed to fetch')
  t.equal(getErrorMessage(new Error('a', { cause: new Error('b') })), 'a')
  t.equal(getErrorMessage('gone'), 'gone')
  t.equal(getErrorMessage(new Error('')), 'Error')
  t.equal(getErrorMessage(undefined), 'undefined')
  t.equal(getErrorMessage(Symbol('gone')), 'Symbol(gone)')
})

t.test('getErrorMessage() accepts any value', t => {
  const cyclic: { errors: unknown[] } = { errors: [] }
  cyclic.errors.push(cyclic)
  t.equal(getErrorMessage(cyclic), '[object Object]')
  for (const thrown of [Object.create(null), { errors: [undefined] }, { get message () { throw new Error('no') } }]) t.equal(getErrorMessage(thrown), 'Unknown error')
  t.end()
})
