import { Server as HttpServer, ServerResponse, STATUS_CODES, type OutgoingHttpHeader, type OutgoingHttpHeaders } from 'node:http'
import { constants, Http2ServerResponse } from 'node:http2'
import { Server as HttpsServer } from 'node:https'
import { CONNECTION_FIELDS, type Contract } from '../contract.js'
import { DroppedBody, releaseConnection } from './dropped-body.js'
import { hasStackTrace, isErrorReport } from '../error-report.js'
import { carriesReason, checkHeader, collect, expose, isSendable, nameOf, valueOf, type Headers } from '../headers.js'
import { lingerAtEnd } from '../linger.js'
import { messageIn } from '../message.js'
import { reasonPhrase } from '../reason-phrase.js'
import { dropBody } from './request-body.js'
import { isRepresentationMetadata } from '../representation-metadata.js'
import { isServerError, isUnsuccessful } from '../status-codes.js'

/** The class of the responses of one of Node's servers. */
export type ResponseClass = new (...args: any[]) => any

/** What a response needs of the framework's reply that it belongs to. */
export interface Reply {
  log: Log
  /** With `reasonPhrase: false`, the route is exempt from the contract. */
  routeOptions?: { config?: { reasonPhrase?: boolean | undefined } }
}

interface Log {
  info (fields: object, message: string): void
  error (fields: object, message: string): void
}

type Callback = () => void

// What an unsuccessful response has at least, with the contract's own.
const OWN_FIELDS = new Set(['content-length', 'www-authenticate'])

// What is known of a response's message, kept on the response itself: an
// object beside it would be one more allocation for every request.
const kContract = Symbol('fastify-reason-phrase.contract')
const kReply = Symbol('fastify-reason-phrase.reply')
const kMessage = Symbol('fastify-reason-phrase.message')
const kThrown = Symbol('fastify-reason-phrase.thrown')
const kSource = Symbol('fastify-reason-phrase.source')
const kLogged = Symbol('fastify-reason-phrase.logged')
const kPayload = Symbol('fastify-reason-phrase.payload')
const kSending = Symbol('fastify-reason-phrase.sending')
const kResent = Symbol('fastify-reason-phrase.resent')
const kHeld = Symbol('fastify-reason-phrase.held')
const kSent = Symbol('fastify-reason-phrase.sent')
const kEnded = Symbol('fastify-reason-phrase.ended')
const kDropped = Symbol('fastify-reason-phrase.dropped')

/** A head that waits for the body, which may hold the message. */
interface Head {
  statusCode: number
  headers: OutgoingHttpHeaders
  /** What the writer says the body's length is, in bytes. NaN if it does not. */
  length: number
}

/**
 * Where a message comes from: the handler sends it, as `given` to clients or as
 * `private` with a 5xx; or it is that of something `thrown`, likewise private
 * with a 5xx, unless that asks to be `exposed`.
 */
type Source = 'given' | 'private' | 'thrown' | 'exposed'

interface ContractResponse extends ServerResponse {
  /** Node's own: whether the connection ends with this response. */
  _last?: boolean
  [kContract]: Contract | undefined
  [kReply]: Reply | undefined
  /** The message as it was given; undefined while nobody gave one. */
  [kMessage]: string | undefined
  /** What was thrown, for the log. */
  [kThrown]: unknown
  [kSource]: Source | undefined
  [kLogged]: boolean
  /** An object that is on its way to be serialised. */
  [kPayload]: unknown
  /** Whether its payload is on its way through the hooks that send it. `false` after something was thrown. */
  [kSending]: boolean | undefined
  /** Whether that payload is what was thrown. */
  [kResent]: boolean
  [kHeld]: Head | undefined
  /** Whether an unsuccessful response has its head. It is complete with it. */
  [kSent]: boolean
  /** Whether its writer has ended it. */
  [kEnded]: boolean
  /** What its writer still writes after it is complete. */
  [kDropped]: DroppedBody | undefined
}

type ContractMethods = Pick<ContractResponse, 'writeHead' | 'write' | 'end' | 'addTrailers' | 'flushHeaders' | 'destroy'>

/** Node's own, in the one form in which they are called with another's `this`. */
type BaseMethods = Record<'writeHead' | 'end' | 'flushHeaders', (this: object, ...args: unknown[]) => unknown>

/**
 * Makes the function that has a response, created by somebody else, keep the
 * contract, whoever writes it. One that keeps a contract already is left as
 * it is; but one that keeps it by its class gets methods of its `own` if its
 * class is going to be taken from it.
 */
export function contractKeeper (contract: Contract): (response: ServerResponse, own?: boolean) => void {
  const known = new Map<object, ContractMethods>()
  let base = {} as ServerResponse
  let methods: ContractMethods

  return function keepContract (response, own = false) {
    const res = response as ContractResponse
    if (own ? Object.hasOwn(res, kContract) : res[kContract] !== undefined) return
    let prototype = Object.getPrototypeOf(res) as ServerResponse
    const { writeHead, write, end } = res
    // What somebody has put before these methods stays behind ours.
    const isWrapped = writeHead !== prototype.writeHead || write !== prototype.write || end !== prototype.end
    while (kContract in prototype) prototype = Object.getPrototypeOf(prototype)
    if (prototype !== base) {
      base = prototype
      if (!known.has(base)) known.set(base, methodsBefore(base, contract))
      methods = known.get(base)!
    }
    const ours = isWrapped ? methodsBefore(Object.assign(Object.create(base), { writeHead, write, end }), contract, true) : methods
    // Own methods: another prototype for the object costs twenty times as much.
    res[kContract] = contract
    res.writeHead = ours.writeHead
    res.write = ours.write
    res.end = ours.end
    res.addTrailers = ours.addTrailers
    res.flushHeaders = ours.flushHeaders
    res.destroy = ours.destroy
  }
}

/**
 * Has a server that exists make its responses of a class that keeps the
 * contract, as one does that was created with such a class. Returns whether
 * it will: not a server of HTTP/2, or one whose class cannot be found.
 */
export function keepContractByClass (server: object, contract: Contract): boolean {
  if (!(server instanceof HttpServer || server instanceof HttpsServer)) return false
  // Node takes the class in its constructor only, and keeps it under a symbol of its own.
  const key = Object.getOwnPropertySymbols(server).find(({ description }) => description === 'ServerResponse')
  if (key === undefined) return false
  const classes = server as unknown as Record<symbol, ResponseClass>
  const Base = classes[key]!
  if (!(kContract in Base.prototype)) classes[key] = contractResponse(Base, contract)
  return true
}

function methodsBefore (base: ServerResponse, contract: Contract, isWrapped?: boolean): ContractMethods {
  // Any constructor, with this very object as its prototype.
  const Base: ResponseClass = ServerResponse.bind(null)
  Base.prototype = base
  return contractResponse(Base, contract, isWrapped).prototype
}

/** Gives the response the reply that it belongs to, whose log learns of its message. */
export function belongsTo (response: ServerResponse, reply: Reply): void {
  (response as ContractResponse)[kReply] = reply
}

/** The reply that a response belongs to, if it is known. */
export function replyOf (response: ServerResponse): Reply | undefined {
  return (response as ContractResponse)[kReply]
}

/**
 * Whether a response is sent as whoever sends it wants it: its route is exempt
 * from the contract, and none of ours gave it a message.
 */
export function isExempt (response: ServerResponse): boolean {
  const res = response as ContractResponse
  return res[kMessage] === undefined && res[kReply]?.routeOptions?.config?.reasonPhrase === false
}

/** Sets the message of the response, and replaces any earlier one. With undefined, the response has no message yet. */
export function say (response: ServerResponse, message: string | undefined): void {
  const res = response as ContractResponse
  res[kMessage] = message
  res[kSource] = 'given'
}

/**
 * Sets the message of the response from its body, and replaces any earlier one.
 * With a 5xx, a private message is sent only with `exposeServerErrors`.
 */
export function sayBody (response: ServerResponse, message: string, isPrivate: boolean): void {
  const res = response as ContractResponse
  res[kMessage] = message
  res[kSource] = isPrivate ? 'private' : 'given'
}

/** Keeps the payload of an error until it is serialised. */
export function setPayload (response: ServerResponse, payload: unknown): void {
  (response as ContractResponse)[kPayload] = payload
}

/** Returns the payload that is serialised by now, once. */
export function takePayload (response: ServerResponse): unknown {
  const res = response as ContractResponse
  const payload = res[kPayload]
  if (payload !== undefined) res[kPayload] = undefined
  return payload
}

/** Has the log learn of what was thrown while a response was sent that has its message. */
export function noteThrown (response: ServerResponse, thrown: unknown): void {
  const res = response as ContractResponse
  res[kThrown] = thrown
  res[kLogged] = false
}

/**
 * Gives the response the message of what was thrown, in the place of any
 * earlier one. With a 5xx it is sent only if it is `exposed`, or if the
 * contract exposes them all.
 */
export function sayThrown (response: ServerResponse, message: string, thrown: unknown, exposed: boolean): void {
  const res = response as ContractResponse
  res[kMessage] = message
  res[kThrown] = thrown
  res[kSource] = exposed ? 'exposed' : 'thrown'
  res[kLogged] = false
}

/** Notes that the payload is on its way through the hooks that send it. */
export function markSending (response: ServerResponse): void {
  (response as ContractResponse)[kSending] = true
}

/** Notes that something was thrown, and that nobody sends a payload for it yet. */
export function markThrown (response: ServerResponse): void {
  (response as ContractResponse)[kSending] = false
}

/** Whether the payload is on its way through the hooks that send it. */
export function isSending (response: ServerResponse): boolean {
  return (response as ContractResponse)[kSending] === true
}

/** Whether a payload is what was thrown, no Error, which Fastify sends as it is. */
export function isResent (response: ServerResponse, payload: unknown): boolean {
  const res = response as ContractResponse
  return res[kResent] || (res[kThrown] !== undefined && res[kThrown] === payload)
}

/** Gives what was thrown, and is now sent, the message of its text; who may read it stays. */
export function sayResent (response: ServerResponse, message: string): void {
  const res = response as ContractResponse
  res[kResent] = true
  res[kMessage] = message
}

/** The message that was given to the response, if one was. */
export function messageGiven (response: ServerResponse): string | undefined {
  const res = response as ContractResponse
  return isGiven(res) ? res[kMessage] : undefined
}

/** The message of what was thrown, if the response is to say it. */
export function messageThrown (response: ServerResponse): string | undefined {
  const res = response as ContractResponse
  return isGiven(res) ? undefined : res[kMessage]
}

function isGiven (res: ContractResponse): boolean {
  return res[kSource] === 'given' || res[kSource] === 'private'
}

/**
 * Lets go of the connection of a response that is complete, but whose writer
 * has not ended it. Returns whether it is such a response.
 */
export function freeConnection (response: ServerResponse): boolean {
  const { socket } = response
  if ((response as ContractResponse)[kDropped] === undefined || socket === null) return false
  releaseConnection(response)
  return response.socket !== socket
}

/** Notes that the message is in the log already. */
export function markLogged (response: ServerResponse): void {
  (response as ContractResponse)[kLogged] = true
}

/**
 * A subclass of a Node response class whose instances keep the contract,
 * whoever writes them: for the `ServerResponse`, `Http1ServerResponse` and
 * `Http2ServerResponse` options of Node's servers, which answer some requests
 * before anybody else sees them.
 */
export function contractResponse<T extends ResponseClass> (Base: T, contract: Contract, isWrapped = false): T {
  // HTTP/2 has no reason phrase, and Node's response warns of any use.
  const base = Base.prototype as BaseMethods
  const http2 = Base.prototype === Http2ServerResponse.prototype || Base.prototype instanceof Http2ServerResponse

  class Response extends (Base as ResponseClass) {
    declare [kMessage]: string | undefined
    declare [kSending]: boolean | undefined
    declare [kHeld]: Head | undefined
    declare [kSent]: boolean
    declare [kEnded]: boolean
    declare [kDropped]: DroppedBody | undefined

    writeHead (statusCode: number, phrase?: any, headers?: any): this {
      if (this[kHeld] !== undefined) release(this as never)
      // Node refuses a second head once the first is sent.
      if (this[kSent] && Object.hasOwn(this, 'headersSent')) complete(this as never)
      // @fastify/express has a headersSent of its own on the object.
      if (this[kSent] || super.headersSent) return super.writeHead(statusCode, phrase, headers)

      const given: Headers | undefined = (typeof phrase === 'object' ? phrase : headers) ?? undefined
      if (!isUnsuccessful(statusCode)) {
        if (this.hasHeader(contract.field)) this.removeHeader(contract.field)
        if (given === undefined || !carriesReason(given, contract)) return super.writeHead(statusCode, phrase, headers)
        const rest = collect(given, contract)
        delete rest[contract.header]
        return typeof phrase === 'string' ? super.writeHead(statusCode, phrase, rest) : super.writeHead(statusCode, rest)
      }
      if (isExempt(this as never)) return super.writeHead(statusCode, phrase, headers)

      // What an error handler writes past the framework takes the place of what was thrown.
      if (this[kSending] === false && messageThrown(this as never) !== undefined) say(this as never, undefined)
      const kept = collect(given, contract, isRepresentationMetadata)
      const message = this[kMessage] ??
        kept[contract.header] ??
        this.getHeader(contract.field) ??
        ownPhrase(statusCode, typeof phrase === 'string' || http2 ? phrase : this.statusMessage)
      if (message !== undefined) {
        prepare(this as never, statusCode | 0, kept, textOf(message))
      } else {
        // Node refuses them here, too, and not where the response ends.
        for (const name in kept) checkHeader(name, kept[name])
        this.statusCode = statusCode | 0
        this[kHeld] = { statusCode: statusCode | 0, headers: kept, length: Number(valueOf(given, 'content-length', contract) ?? this.getHeader('content-length')) }
        Object.defineProperty(this, 'headersSent', { value: true, configurable: true })
      }
      return this
    }

    write (chunk: unknown, encoding?: any, callback?: any): boolean {
      if (!this[kSent]) {
        if (!this[kHeld]) {
          if (super.headersSent || !isUnsuccessful(this.statusCode) || isExempt(this as never)) return super.write(chunk, encoding, callback)
          this.writeHead(this.statusCode)
        }
        if (this[kHeld]) release(this as never, textOrBytes(chunk, encoding), true)
      }
      complete(this as never)
      this[kDropped]?.take(chunk)
      const done = callbackOf(undefined, encoding, callback)
      if (done !== undefined) process.nextTick(done)
      // Emit drain asynchronously; otherwise a source that ignores backpressure blocks the event loop.
      setImmediate(drain, this as never)
      return false
    }

    end (chunk?: unknown, encoding?: any, callback?: any): this {
      if (!this[kSent]) {
        if (!this[kHeld]) {
          if (super.headersSent || !isUnsuccessful(this.statusCode) || isExempt(this as never)) return super.end(chunk, encoding, callback)
          this.writeHead(this.statusCode)
        }
        if (this[kHeld]) release(this as never, textOrBytes(chunk, encoding))
      }
      const done = callbackOf(chunk, encoding, callback)
      if (done !== undefined) this.writableFinished ? process.nextTick(done) : this.once('finish', done)
      if (!this[kEnded]) endResponse(this as never)
      return this
    }

    /** An error that has its head is complete, so it is sent; anything else is destroyed. */
    destroy (error?: Error): unknown {
      if (this[kHeld] || (this[kSent] && !this[kEnded])) return this.end()
      // Without an error, an HTTP/2 stream that is half sent would end as if it were whole.
      if (http2 && error === undefined && this.headersSent && !this.writableEnded) this.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
      return super.destroy(error)
    }

    addTrailers (trailers: OutgoingHttpHeaders): void {
      if (!this[kSent] && !this[kHeld]) super.addTrailers(trailers)
    }

    flushHeaders (): void {
      if (!this.headersSent && isUnsuccessful(this.statusCode)) this.writeHead(this.statusCode)
      if (this[kHeld]) release(this as never)
      if (this[kSent]) complete(this as never)
      else super.flushHeaders()
    }
  }

  /** Sends the header section, which is all of the response, before its writer has ended it. */
  function complete (response: ContractResponse): void {
    if (response[kEnded] || response[kDropped] !== undefined) return
    Reflect.deleteProperty(response, 'headersSent')
    if (http2) endStream(response)
    else base.flushHeaders.call(response)
    response[kDropped] = new DroppedBody(response)
    dropBody(response.req)
  }

  /** Ends the response for its writer, and sends it if this has not happened yet. */
  function endResponse (response: ContractResponse): void {
    response[kEnded] = true
    if (response[kDropped] !== undefined) {
      response[kDropped].end()
      // An HTTP/2 stream has ended with its header section.
      if (!http2) base.end.call(response)
      return
    }
    if (http2 || isWrapped) Reflect.deleteProperty(response, 'headersSent')
    if (http2) endStream(response)
    else base.end.call(response)
    dropBody(response.req)
  }

  /** Ends an HTTP/2 stream together with its header section. */
  function endStream (response: ContractResponse): void {
    try {
      base.end.call(response)
    } catch {
      // HTTP/2 refuses some headers only as it sends them: then it goes without those of others.
      for (const field of response.getHeaderNames()) {
        if (!OWN_FIELDS.has(field) && field !== contract.field) response.removeHeader(field)
      }
      base.writeHead.call(response, response.statusCode)
    }
  }

  /** Sends the head that was held, with the message of the body, if there is one. */
  function release (response: ContractResponse, body?: string | Uint8Array, isFirstChunk = false): void {
    const { statusCode, headers, length } = response[kHeld]!
    response[kHeld] = undefined
    Reflect.deleteProperty(response, 'headersSent')
    const message = body === undefined ? '' : messageIn(body, isFirstChunk && !(Buffer.byteLength(body) >= length))
    // What is written past the framework, or in parts, may come from an upstream.
    if (message !== '' && (isFirstChunk || !response[kSending] || isErrorReport(body!))) response[kSource] = 'private'
    prepare(response, statusCode, headers, message)
  }

  /** Gives an unsuccessful response its head. */
  function prepare (response: ContractResponse, statusCode: number, headers: OutgoingHttpHeaders, message: string): void {
    const code = contract.fold(statusCode)
    const hidden = isServerError(code) && !contract.exposeServerErrors && (response[kSource] === 'thrown' || response[kSource] === 'private' || hasStackTrace(message))
    const reason = contract.reason(code, hidden ? '' : message)

    for (const field of response.getHeaderNames()) {
      if (isRepresentationMetadata(field) || (http2 && CONNECTION_FIELDS.has(field))) response.removeHeader(field)
    }
    if (http2) {
      // Node sends there what it refuses in HTTP/1.1, and the client resets the stream.
      for (const name in headers) if (!isSendable(name, headers[name])) delete headers[name]
      for (const name of response.getHeaderNames()) if (!isSendable(name, response.getHeader(name))) response.removeHeader(name)
    }
    headers['content-length'] = '0'
    headers[contract.header] = reason
    if (code === 401) {
      const name = nameOf(headers, 'www-authenticate') ?? 'www-authenticate'
      // One that is empty is no challenge.
      if (isBlank(headers[name] ?? response.getHeader('www-authenticate'))) headers[name] = contract.challenge
    }
    if (response.hasHeader('access-control-allow-origin') || nameOf(headers, 'access-control-allow-origin') !== undefined) {
      expose(contract.header, response, headers)
    }

    if (http2 || isWrapped) {
      // An HTTP/2 stream ends with its header section only if end() sends
      // it, and whoever wraps end() may set a header there.
      for (const name in headers) {
        if (!http2 || !CONNECTION_FIELDS.has(name.toLowerCase())) response.setHeader(name, headers[name]!)
      }
      response.statusCode = code
      if (!http2) response.statusMessage = reasonPhrase(reason)
      Object.defineProperty(response, 'headersSent', { value: true, configurable: true })
    } else {
      base.writeHead.call(response, code, reasonPhrase(reason), headers)
    }
    response[kSent] = true
    // Node would reset a connection that closes while its client still sends, and lose the answer.
    if (!http2 && response._last && !response.req.complete && response.socket !== null) lingerAtEnd(response.socket)
    log(response, statusCode, message)
  }

  Object.assign(Response.prototype, { [kContract]: contract })
  return (Base as unknown === ServerResponse ? byCall(Response) : Response) as unknown as T
}

/**
 * The same class, made as Node's own is: `super()` would cost a success more
 * than all of the methods do.
 */
function byCall ({ prototype }: ResponseClass): ResponseClass {
  function Response (this: object, request: unknown, options: unknown): void {
    base.call(this, request, options)
  }
  const base = ServerResponse as unknown as (this: object, request: unknown, options: unknown) => void
  prototype.constructor = Response
  return Object.assign(Object.setPrototypeOf(Response, ServerResponse), { prototype })
}

/** HTTP/2 takes any value for a header, also one that has no text. */
function textOf (value: unknown): string {
  try {
    return String(value)
  } catch {
    return ''
  }
}

function isBlank (value: OutgoingHttpHeader | undefined): boolean {
  return [value ?? ''].flat().every(one => String(one).trim() === '')
}

/** Returns what a chunk is on the wire; undefined for what Node does not write. */
function textOrBytes (chunk: unknown, encoding: unknown): string | Uint8Array | undefined {
  if (typeof chunk === 'string') return typeof encoding === 'string' && /^(?:base64|hex)/i.test(encoding) ? Buffer.from(chunk, encoding as BufferEncoding) : chunk
  return chunk instanceof Uint8Array ? chunk : undefined
}

function drain (response: NodeJS.EventEmitter): void {
  response.emit('drain')
}

/** Node's writers take their callback in the place of any argument. */
function callbackOf (chunk: unknown, encoding: unknown, callback: unknown): Callback | undefined {
  if (typeof chunk === 'function') return chunk as Callback
  if (typeof encoding === 'function') return encoding as Callback
  return typeof callback === 'function' ? callback as Callback : undefined
}

/** A reason phrase that says more than the status code alone. */
function ownPhrase (statusCode: number, phrase: string | Headers | undefined): string | undefined {
  return typeof phrase === 'string' && phrase !== '' && phrase !== STATUS_CODES[statusCode] ? phrase : undefined
}

/** Logs the message of a response. Nothing that a logger or a serializer throws gets to whoever sends it. */
function log (response: ContractResponse, statusCode: number, message: string): void {
  const reply = response[kReply]
  if (reply === undefined || response[kLogged]) return
  const thrown = response[kThrown]
  if (message === '' && thrown === undefined) return
  const sent = response.statusCode
  try {
    // The log has the status code from before it was folded.
    if (sent !== statusCode && statusCode <= 599) response.statusCode = statusCode
    write(reply, statusCode, thrown, message)
  } catch {
    // Nothing more can be logged, and the response is complete.
  } finally {
    response.statusCode = sent
  }
}

function write (reply: Reply, statusCode: number, thrown: unknown, message: string): void {
  // The levels are those of Fastify's own error log.
  const level = isServerError(statusCode) ? 'error' : 'info'
  // A serializer of the service may take anything from what Fastify passes to it.
  if (thrown === undefined) {
    reply.log[level]({ res: reply }, message)
    return
  }
  try {
    reply.log[level]({ res: reply, err: thrown }, message)
  } catch {
    // An error with a getter that throws, for example.
    reply.log[level]({ res: reply }, message)
  }
}
