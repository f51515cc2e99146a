import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse } from 'node:http2'
import { hasMessageHeader, normalizeHeaders, type HeadersInput } from '../headers.js'
import { isUnsuccessful } from '../status-codes.js'
import { exposeHeaders, hasExposedHeaders } from './exposed-headers.js'
import { kInstallation, type ContractResponse } from './installation.js'
import { completeResponse, endResponse, releaseHead, writeErrorHead } from './send-error.js'
import { getDroppedBody, getPhase, hasHead, isExempt } from './state.js'

type Callback = () => void

/** Sends or holds the header section of an error. For a success, calls Node's method without the contract's header. */
function writeHead (this: ContractResponse, statusCode: number, phrase?: string | HeadersInput, headers?: HeadersInput): ServerResponse {
  const { contract, base, getHeadersSent } = this[kInstallation]
  if (hasHead(this)) {
    if (getPhase(this) === 'held') releaseHead(this)
    // Node throws for a second header section only if the first one is sent.
    if (Object.hasOwn(this, 'headersSent')) completeResponse(this)
    return base.writeHead.call(this, statusCode, phrase, headers)
  }
  if (getHeadersSent.call(this)) return base.writeHead.call(this, statusCode, phrase, headers)

  const given = (typeof phrase === 'object' ? phrase : headers) ?? undefined
  if (!isUnsuccessful(statusCode)) {
    if (this.hasHeader(contract.field)) this.removeHeader(contract.field)
    const isChanged = (given !== undefined && hasMessageHeader(given, contract)) || hasExposedHeaders(this, given, contract)
    if (!isChanged) return base.writeHead.call(this, statusCode, phrase, headers)
    const rest: OutgoingHttpHeaders = normalizeHeaders(given, contract)
    delete rest[contract.header]
    exposeHeaders(this, rest, contract)
    return typeof phrase === 'string' ? base.writeHead.call(this, statusCode, phrase, rest) : base.writeHead.call(this, statusCode, rest)
  }
  if (isExempt(this)) return base.writeHead.call(this, statusCode, phrase, headers)
  writeErrorHead(this, statusCode | 0, typeof phrase === 'string' ? phrase : undefined, given)
  return this
}

/** Drops the chunk of an error. If its header section is held, the chunk may contain the message. */
function write (this: ContractResponse, chunk: unknown, encoding?: BufferEncoding | Callback | null, callback?: Callback): boolean {
  if (!startsError(this)) return this[kInstallation].base.write.call(this, chunk, encoding, callback)
  if (getPhase(this) === 'held') releaseHead(this, textOrBytes(chunk, encoding), true)
  completeResponse(this)
  getDroppedBody(this)?.take(chunk)
  const done = findCallback(undefined, encoding, callback)
  if (done !== undefined) process.nextTick(done)
  // Emit drain asynchronously; otherwise a source that ignores backpressure blocks the event loop.
  if (getPhase(this) !== 'ended') setImmediate(emitDrain, this)
  return false
}

/** Ends an error without its last chunk. If its header section is held, the chunk may contain the message. */
function end (this: ContractResponse, chunk?: unknown, encoding?: BufferEncoding | Callback | null, callback?: Callback): ServerResponse {
  if (!startsError(this)) return this[kInstallation].base.end.call(this, chunk, encoding, callback)
  if (getPhase(this) === 'held') releaseHead(this, textOrBytes(chunk, encoding))
  const done = findCallback(chunk, encoding, callback)
  if (done !== undefined) this.writableFinished ? process.nextTick(done) : this.once('finish', done)
  if (getPhase(this) !== 'ended') endResponse(this)
  return this
}

/** Ends an error whose header section is written, so that it is sent. Destroys any other response. */
function destroy (this: ContractResponse, error?: Error): unknown {
  const { base, isHttp2 } = this[kInstallation]
  const phase = getPhase(this)
  if (phase === 'held' || phase === 'sent' || phase === 'completed') return this.end()
  // Without an error, an HTTP/2 stream that is half sent would end as if it were complete.
  if (isHttp2 && error === undefined && this.headersSent && !this.writableEnded) {
    (this as unknown as Http2ServerResponse).stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }
  return base.destroy.call(this, error)
}

/** Drops the trailers of an error. */
function addTrailers (this: ContractResponse, trailers: OutgoingHttpHeaders): void {
  if (!hasHead(this)) this[kInstallation].base.addTrailers.call(this, trailers)
}

/** Sends the header section of an error, which is the complete response. */
function flushHeaders (this: ContractResponse): void {
  if (!this.headersSent && isUnsuccessful(this.statusCode)) this.writeHead(this.statusCode)
  if (getPhase(this) === 'held') releaseHead(this)
  if (hasHead(this)) completeResponse(this)
  else this[kInstallation].base.flushHeaders.call(this)
}

/** The methods that make a response keep the contract. */
export const methods = { writeHead, write, end, destroy, addTrailers, flushHeaders }

/** Returns whether the response is an error under the contract. Writes its header section first if that is missing. */
function startsError (response: ContractResponse): boolean {
  if (hasHead(response)) return true
  if (response[kInstallation].getHeadersSent.call(response) || !isUnsuccessful(response.statusCode) || isExempt(response)) return false
  response.writeHead(response.statusCode)
  return true
}

/** Returns a chunk as it is on the wire; undefined for a type that Node refuses. */
function textOrBytes (chunk: unknown, encoding: unknown): string | Uint8Array | undefined {
  if (typeof chunk === 'string') return typeof encoding === 'string' && /^(?:base64|hex)/i.test(encoding) ? Buffer.from(chunk, encoding as BufferEncoding) : chunk
  return chunk instanceof Uint8Array ? chunk : undefined
}

function emitDrain (response: NodeJS.EventEmitter): void {
  response.emit('drain')
}

/** Returns the callback among the arguments of Node's `write()` and `end()`. Each argument can be the callback. */
function findCallback (...args: unknown[]): Callback | undefined {
  return args.find(argument => typeof argument === 'function') as Callback | undefined
}
