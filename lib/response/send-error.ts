import { STATUS_CODES, type OutgoingHttpHeader, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import { CONNECTION_FIELDS, type Contract } from '../contract.js'
import { hasStackTrace, isErrorReport } from '../error-report.js'
import { findHeaderName, getHeaderValue, isValidHeader, normalizeHeaders, validateHeader, type HeaderName, type HeadersInput } from '../headers.js'
import { enableLingeringClose } from '../linger.js'
import { messageFromBody } from '../message.js'
import { toReasonPhrase } from '../reason-phrase.js'
import { isRepresentationMetadata } from '../representation-metadata.js'
import { isServerError } from '../status-codes.js'
import { DroppedBody, releaseConnection } from './dropped-body.js'
import { prepareMessage, publishMessage } from './error-channel.js'
import { exposeHeaders } from './exposed-headers.js'
import { kInstallation, type ContractResponse } from './installation.js'
import { logMessage } from './log.js'
import { warnOfLostContent } from './lost-content.js'
import { dropRequestBody } from './request-body.js'
import { getRequestId, toRequestIdHeader } from './request-id.js'
import {
  getDroppedBody, getError, getMessage, getMessageSource, getPhase, holdHead, isPrivateSource, markCompleted, markEnded, markSent,
  setBodyMessage, startHead, takeHead
} from './state.js'

/** The fields that stay if Node refuses another field. */
const REQUIRED_FIELDS = new Set(['content-length', 'www-authenticate'])

/** Node's own flag: whether the connection ends with this response. */
type NodeResponse = ServerResponse & { _last?: boolean }

/**
 * Sends the header section of an error, or holds it if there is no message yet.
 *
 * @param phrase the reason phrase that was passed to `writeHead()`
 * @param given the headers that were passed to `writeHead()`
 * @throws {TypeError} for a header that HTTP/1.1 cannot send
 */
export function writeErrorHead (response: ContractResponse, statusCode: number, phrase: string | undefined, given: HeadersInput | undefined): void {
  const { contract } = response[kInstallation]
  const isRaw = getPhase(response) === 'open'
  startHead(response)
  const headers = normalizeHeaders(given, contract, isRepresentationMetadata)
  const message = findMessage(response, statusCode, phrase, headers)
  if (message !== undefined) {
    sendHead(response, statusCode, headers, message)
    return
  }
  // Node throws in writeHead() for such a header, and not when the response ends.
  for (const name in headers) validateHeader(name, headers[name])
  response.statusCode = statusCode
  const contentLength = Number(getHeaderValue(given, 'content-length', contract) ?? response.getHeader('content-length'))
  holdHead(response, { statusCode, headers, contentLength, isRaw })
  Object.defineProperty(response, 'headersSent', { value: true, configurable: true })
}

/**
 * Returns the message of an error, given the arguments of `writeHead()`; undefined if the body may still contain the message.
 *
 * @param phrase the reason phrase that was passed to `writeHead()`
 * @param headers with the name of the message header as it is sent
 */
export function findMessage (response: ContractResponse, statusCode: number, phrase: string | undefined, headers: OutgoingHttpHeaders): string | undefined {
  const source = getMessageSource(response)
  return (source === 'unset' || source === 'none' ? messageFromHead(response, statusCode, phrase, headers) : undefined) ??
    (source === 'unset' ? undefined : getMessage(response))
}

/** Returns the message in a header section, if there is one. */
function messageFromHead (response: ContractResponse, statusCode: number, phrase: string | undefined, headers: OutgoingHttpHeaders): string | undefined {
  const { contract, isHttp2 } = response[kInstallation]
  const header = headers[contract.header] ?? response.getHeader(contract.field)
  if (header !== undefined) return stringify(header)
  // HTTP/2 has no reason phrase, and Node emits a warning for each access.
  const reasonPhrase: unknown = phrase ?? (isHttp2 ? undefined : response.statusMessage)
  return typeof reasonPhrase === 'string' && reasonPhrase !== '' && reasonPhrase !== STATUS_CODES[statusCode] ? reasonPhrase : undefined
}

/**
 * Sends the header section that was held, with the message of the body, if there is one.
 *
 * @param body the body, or its first chunk
 */
export function releaseHead (response: ContractResponse, body?: string | Uint8Array, isFirstChunk = false): void {
  const { statusCode, headers, contentLength, isRaw } = takeHead(response)
  Reflect.deleteProperty(response, 'headersSent')
  if (body !== undefined) {
    const message = messageFromBody(body, isFirstChunk && !(Buffer.byteLength(body) >= contentLength))
    // A body that is written to the raw response, or in parts, may come from an upstream.
    if (message !== '') setBodyMessage(response, message, isFirstChunk || isRaw || getError(response) !== undefined || isErrorReport(body))
    else warnOfLostContent(response, statusCode, body, message)
  }
  sendHead(response, statusCode, headers, getMessage(response))
}

/** Sends the header section of an error. */
function sendHead (response: ContractResponse, statusCode: number, headers: OutgoingHttpHeaders, message: string): void {
  const { contract, base, isHttp2, isWrapped } = response[kInstallation]
  const code = contract.normalizeStatusCode(statusCode)
  const reason = contract.reasonFor(code, isPrivate(response, contract, code, message) ? '' : message)

  removeFields(response, headers, isHttp2)
  headers['content-length'] = '0'
  headers[contract.header] = reason
  if (code === 401) setChallenge(response, headers, contract)
  if (contract.requestId !== undefined) setRequestId(response, headers, contract.requestId)
  exposeHeaders(response, headers, contract)

  if (isHttp2 || isWrapped) {
    // end() sends the header section. So an HTTP/2 stream can end with it, and a plugin that wraps end() can set a header.
    for (const name in headers) {
      if (!isHttp2 || !CONNECTION_FIELDS.has(name.toLowerCase())) response.setHeader(name, headers[name]!)
    }
    response.statusCode = code
    if (!isHttp2) response.statusMessage = toReasonPhrase(reason)
    Object.defineProperty(response, 'headersSent', { value: true, configurable: true })
  } else {
    base.writeHead.call(response, code, toReasonPhrase(reason), headers)
  }
  markSent(response)
  prepareMessage(response, code, statusCode, reason, isHttp2)
  // Node would reset a connection that closes while its client still sends, and the client would lose the response.
  if (!isHttp2 && (response as NodeResponse)._last && !response.req.complete && response.socket !== null) enableLingeringClose(response.socket)
  logMessage(response, statusCode, message)
}

/** Returns whether a message is for the log only (`docs/security.md`). */
function isPrivate (response: ContractResponse, contract: Contract, statusCode: number, message: string): boolean {
  return isServerError(statusCode) && !contract.exposeServerErrors && (isPrivateSource(getMessageSource(response)) || hasStackTrace(message))
}

/** Removes the fields that an error must not have, and those that HTTP/2 cannot send. */
function removeFields (response: ServerResponse, headers: OutgoingHttpHeaders, isHttp2: boolean): void {
  for (const field of response.getHeaderNames()) {
    if (isRepresentationMetadata(field) || (isHttp2 && CONNECTION_FIELDS.has(field))) response.removeHeader(field)
  }
  if (!isHttp2) return
  // Over HTTP/2, Node sends fields that it refuses over HTTP/1.1, and the client resets the stream.
  for (const name in headers) if (!isValidHeader(name, headers[name])) delete headers[name]
  for (const name of response.getHeaderNames()) if (!isValidHeader(name, response.getHeader(name))) response.removeHeader(name)
}

/** Sets the challenge of a 401 that has none, or an empty one (RFC 9110 section 15.5.2). */
function setChallenge (response: ServerResponse, headers: OutgoingHttpHeaders, contract: Contract): void {
  const name = findHeaderName(headers, 'www-authenticate') ?? 'www-authenticate'
  if (isBlank(headers[name] ?? response.getHeader('www-authenticate'))) headers[name] = contract.challenge
}

/** Sets the id of the request, if it has one. Replaces an id of the writer, such as an upstream's: it is not in the log. */
function setRequestId (response: ServerResponse, headers: OutgoingHttpHeaders, { header, field }: HeaderName): void {
  const id = toRequestIdHeader(getRequestId(response))
  if (id !== undefined) headers[findHeaderName(headers, field) ?? header] = id
}

/** Sends the header section, which is the complete response, before the writer has ended the response. */
export function completeResponse (response: ContractResponse): void {
  if (getPhase(response) !== 'sent') return
  const { base, isHttp2 } = response[kInstallation]
  Reflect.deleteProperty(response, 'headersSent')
  if (isHttp2) {
    endStream(response)
  } else {
    base.flushHeaders.call(response)
    publishMessage(response)
  }
  markCompleted(response, new DroppedBody(response))
  dropRequestBody(response.req)
}

/** Ends the response for its writer, and sends it if this has not happened yet. */
export function endResponse (response: ContractResponse): void {
  const { base, isHttp2, isWrapped } = response[kInstallation]
  const isCompleted = getPhase(response) === 'completed'
  markEnded(response)
  if (isCompleted) {
    getDroppedBody(response)!.end()
    // An HTTP/2 stream has ended with its header section.
    if (!isHttp2) base.end.call(response)
    return
  }
  if (isHttp2 || isWrapped) Reflect.deleteProperty(response, 'headersSent')
  if (isHttp2) endStream(response)
  else base.end.call(response)
  dropRequestBody(response.req)
}

/** Ends an HTTP/2 stream together with its header section. */
function endStream (response: ContractResponse): void {
  const { contract, base } = response[kInstallation]
  try {
    base.end.call(response)
  } catch {
    // Node refuses some fields only when it sends them. Send the response again with the fields of the contract only.
    for (const field of response.getHeaderNames()) {
      if (!REQUIRED_FIELDS.has(field) && field !== contract.field && field !== contract.requestId?.field) response.removeHeader(field)
    }
    base.writeHead.call(response, response.statusCode)
  }
  // Nothing is sent on a stream that the client has closed.
  if (response.headersSent) publishMessage(response)
}

/**
 * Makes Node continue with the connection of an error that is sent completely, but that its writer has not ended.
 *
 * @returns whether the response is such an error
 */
export function freeConnection (response: ServerResponse): boolean {
  const { socket } = response
  if (getPhase(response) !== 'completed' || socket === null) return false
  releaseConnection(response)
  return response.socket !== socket
}

/** Returns the text of a header value. HTTP/2 takes any value, even an object that cannot be converted to a string. */
function stringify (value: OutgoingHttpHeader): string {
  try {
    return String(value)
  } catch {
    return ''
  }
}

function isBlank (value: OutgoingHttpHeader | undefined): boolean {
  return [value ?? ''].flat().every(one => String(one).trim() === '')
}
