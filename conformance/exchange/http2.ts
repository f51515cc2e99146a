import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { isUnsuccessful } from '../../lib/status-codes.js'
import type { Target } from '../target.js'
import { connectTo } from './connect.js'
import { LINGER_MS, MAX_EXCHANGE_BYTES, MAX_KEPT_RECEIVED_BYTES, type Exchange } from './exchange.js'
import { PrefixBuffer } from './prefix-buffer.js'
import { prepareRequest, type RequestLines } from './request.js'
import { MAX_INTERIM_RESPONSES, MAX_KEPT_BODY_BYTES, ResponseSyntaxError } from './response-reader.js'
import { getFieldValues, toFieldLines, type FieldLine, type HttpResponse } from './response.js'

/** One request on an HTTP/2 connection. */
export interface Http2Request {
  /** The header fields, including pseudo-header fields. */
  headers: OutgoingHttpHeaders
  body?: Uint8Array
  /** Whether to wait for the responses to all earlier requests before sending this one. Default: `false`. */
  waitsForPrevious?: boolean
}

// A server that supports HTTP/2 sends a SETTINGS frame immediately, so a short time is enough.
const SETTINGS_TIMEOUT_MS = 2000

// Node emits no event for some frames, so the number of received bytes is checked at an interval.
const SIZE_CHECK_INTERVAL_MS = 10

/** Returns the HTTP/2 form of a request. */
export async function toHttp2Request (target: Target, request: RequestLines, moreHeaders: OutgoingHttpHeaders = {}): Promise<Http2Request> {
  const { method, scheme, authority, target: path, headers, body } = await prepareRequest(target, request)
  return {
    headers: { ':method': method, ':scheme': scheme, ':authority': authority, ':path': path, ...headers, ...moreHeaders },
    body: request.body === undefined ? undefined : body
  }
}

/**
 * Returns whether the target supports HTTP/2: negotiated by ALPN for https, with prior knowledge for http (RFC 9113 section 3).
 */
export async function supportsHttp2 (target: Target): Promise<boolean> {
  const connection = openConnection(target)
  const { session } = connection
  const timer = setTimeout(() => { session.destroy() }, SETTINGS_TIMEOUT_MS)
  const isSupported = await new Promise<boolean>(resolve => {
    session.once('remoteSettings', () => { resolve(true) })
    session.once('close', () => { resolve(false) })
  })
  clearTimeout(timer)
  await closeConnection(connection)
  return isSupported
}

/**
 * Sends the requests on a new HTTP/2 connection, reads the responses, and
 * closes the connection.
 *
 * @param timeout in milliseconds. Default: the timeout of the target
 */
export async function exchangeHttp2 (target: Target, requests: readonly Http2Request[], timeout = target.timeout): Promise<Exchange> {
  const connection = openConnection(target)
  const { session, socket } = connection
  let end: Exchange['end'] = 'left'
  let connectError: Error | undefined
  let syntaxError: ResponseSyntaxError | undefined
  let isConnected = false
  session.once('remoteSettings', () => { isConnected = true })
  session.on('error', error => {
    if (!isConnected) connectError ??= error
    // Node throws this error for frames that it cannot parse.
    else if ('code' in error && error.code === 'ERR_HTTP2_ERROR') syntaxError = createSyntaxError(error.message, false)
    else end = 'reset'
  })
  session.once('close', () => { if (end === 'left') end = 'closed' })
  const leave = (reason: Exchange['end']): void => {
    end = reason
    session.destroy()
  }
  const timer = setTimeout(() => {
    if (!isConnected) connectError ??= new Error(`no connection within ${timeout} ms`)
    leave('timeout')
  }, timeout)
  const sizeTimer = setInterval(() => { if (socket.bytesRead > MAX_EXCHANGE_BYTES) leave('limit') }, SIZE_CHECK_INTERVAL_MS)

  const pending: Array<Promise<StreamResult>> = []
  for (const request of requests) {
    if (request.waitsForPrevious) await Promise.all(pending)
    pending.push(sendRequest(session, request))
  }
  const responses: HttpResponse[] = []
  for (const { response, isTruncated, error } of await Promise.all(pending)) {
    if (error !== undefined) syntaxError ??= createSyntaxError(error, false)
    // A truncated success is allowed: a server cannot report in another way that its stream has failed.
    else if (response !== undefined && isTruncated && (isStopped(end) || isUnsuccessful(response.statusCode))) syntaxError ??= createSyntaxError('The response is truncated', true, response)
    else if (response !== undefined) responses.push(response)
  }
  clearTimeout(timer)
  clearInterval(sizeTimer)
  // Report a truncated stream like an HTTP/1.1 connection that the server closed.
  const finalEnd = syntaxError?.isTruncated && !isStopped(end) ? 'closed' : end
  await closeConnection(connection)
  const received = formatMessages([...responses, ...syntaxError?.response ? [syntaxError.response] : []].map(({ statusCode, fields, body }) => [[[':status', statusCode], ...fields], body]))
  return {
    sent: formatMessages(requests.map(({ headers, body }) => [Object.entries(headers), body])),
    received: received.subarray(0, MAX_KEPT_RECEIVED_BYTES),
    receivedLength: received.length,
    responses,
    requestCount: requests.length,
    syntaxError,
    end: finalEnd,
    connectError
  }
}

/** Sends a request on a new HTTP/2 connection, and closes the connection as soon as the server has received the whole request. */
export async function cutHttp2 (target: Target, { headers, body = new Uint8Array() }: Http2Request): Promise<Exchange> {
  const connection = openConnection(target)
  const { session } = connection
  const timer = setTimeout(() => { session.destroy() }, target.timeout)
  await new Promise<void>(resolve => {
    session.once('close', resolve)
    const stream = session.request(headers)
    stream.on('error', () => {})
    // The server acknowledges the PING only after it has received all earlier frames.
    stream.once('finish', () => { session.ping(() => { resolve() }) })
    stream.end(body)
  })
  clearTimeout(timer)
  await closeConnection(connection)
  const sent = formatMessages([[Object.entries(headers), body]])
  return { sent, received: new Uint8Array(), receivedLength: 0, responses: [], requestCount: 1, end: 'left' }
}

/** Returns whether the kit closed the connection before all responses were complete. */
function isStopped (end: Exchange['end']): boolean {
  return end === 'timeout' || end === 'limit'
}

function createSyntaxError (reason: string, isTruncated: boolean, response?: HttpResponse): ResponseSyntaxError {
  const bytes = response === undefined ? new Uint8Array() : formatMessages([[[[':status', response.statusCode], ...response.fields], response.body]])
  return new ResponseSyntaxError(reason, bytes, isTruncated, response)
}

interface Http2Connection {
  session: ClientHttp2Session
  socket: Socket
  closed: Promise<unknown>
}

function openConnection (target: Target): Http2Connection {
  const socket = connectTo(target, 'h2')
  const closed = new Promise(resolve => { socket.once('close', resolve) })
  const session = connectHttp2(`${target.scheme}://${target.authority}`, { createConnection: () => socket })
  // Without a listener, Node would throw the error.
  session.on('error', () => {})
  return { session, socket, closed }
}

async function closeConnection ({ session, socket, closed }: Http2Connection): Promise<void> {
  session.destroy()
  socket.destroy()
  await closed
}

/** The response that was received on one stream. */
interface StreamResult {
  response?: HttpResponse
  /** Whether the stream was closed before the response was complete. */
  isTruncated: boolean
  /** The violation of the protocol. Undefined if there was none. */
  error?: string
}

async function sendRequest (session: ClientHttp2Session, { headers, body }: Http2Request): Promise<StreamResult> {
  if (session.destroyed || session.closed) return { isTruncated: false }
  const stream = session.request(headers, { endStream: body === undefined })
  stream.on('error', () => {})
  const bytes = new PrefixBuffer(MAX_KEPT_BODY_BYTES)
  const interim: HttpResponse[] = []
  let trailers: FieldLine[] = []
  let response: Omit<HttpResponse, 'trailers' | 'body'> | undefined
  const toResponse = (values: IncomingHttpHeaders): Omit<HttpResponse, 'trailers' | 'body'> => ({
    version: '2',
    method: String(headers[':method']),
    statusCode: Number(values[':status']),
    phrase: undefined,
    fields: toFieldLines(values),
    interim
  })
  let error: string | undefined
  let isTruncated = false
  // Do not wait for the end of the request: the server may complete its response earlier (RFC 9113 section 8.1).
  await new Promise<void>(resolve => {
    // An error with a body breaks the contract, so there is no need to wait for the end of the body.
    let bodyTimer: NodeJS.Timeout | undefined
    const limitErrorBody = (hasBody: boolean): void => {
      if (hasBody && response !== undefined && isUnsuccessful(response.statusCode)) bodyTimer ??= setTimeout(resolve, LINGER_MS)
    }
    stream.on('headers', values => {
      interim.push({ ...toResponse(values), interim: [], trailers: [], body: new Uint8Array() })
      if (interim.length <= MAX_INTERIM_RESPONSES) return
      error = `More than ${MAX_INTERIM_RESPONSES} interim responses`
      resolve()
    })
    stream.on('response', values => {
      response = toResponse(values)
      // After a 2xx to CONNECT, the stream is a tunnel for another protocol (RFC 9113 section 8.5).
      if (response.method === 'CONNECT' && response.statusCode < 300) resolve()
      limitErrorBody(response.method !== 'HEAD' && getFieldValues(response, 'content-length').some(value => value !== '0'))
    })
    stream.on('trailers', values => { trailers = toFieldLines(values) })
    stream.on('data', chunk => {
      bytes.push(chunk)
      limitErrorBody(true)
    })
    // A complete response ends with END_STREAM, while the stream is still open. If the stream is already closed, it was cut off.
    stream.once('end', () => {
      isTruncated = stream.closed
      resolve()
    })
    stream.once('close', () => {
      clearTimeout(bodyTimer)
      isTruncated ||= !stream.readableEnded
      resolve()
    })
    if (body !== undefined) stream.end(body)
  })
  stream.close()
  return { response: response && { ...response, trailers, body: bytes.bytes() }, isTruncated, error }
}

/** Returns messages as text for reports: a line for each field, an empty line, and the body. */
function formatMessages (messages: Array<readonly [fields: Array<readonly [string, unknown]>, body?: Uint8Array]>): Uint8Array {
  return Buffer.concat(messages.flatMap(([fields, body = new Uint8Array()]) => {
    const lines = fields.map(([name, value]) => `${name}: ${String(value)}\n`).join('')
    return [Buffer.from(`${lines}\n`, 'latin1'), body]
  }))
}
