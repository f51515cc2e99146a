import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { PrefixBuffer } from './prefix-buffer.js'
import { parseRawHeaders, type HttpResponse } from './response.js'

/** The maximum number of 1xx responses before a final response. */
export const MAX_INTERIM_RESPONSES = 100

// The maximum size of a header section.
const MAX_HEADER_BYTES = 256 * 1024

/** The maximum number of bytes that are kept of each body. */
export const MAX_KEPT_BODY_BYTES = 1024 * 1024

// The maximum number of bytes of a malformed response that are kept for reports.
const MAX_KEPT_RESPONSE_BYTES = 64 * 1024

/** Thrown for bytes that are not a complete response. */
export class ResponseSyntaxError extends Error {
  /** The first bytes of the malformed response. */
  readonly bytes: Uint8Array
  /** Whether the bytes end before the response is complete. */
  readonly isTruncated: boolean
  /** The response with the received part of its body. Undefined if the header section is incomplete. */
  readonly response: HttpResponse | undefined

  constructor (reason: string, bytes: Uint8Array, isTruncated: boolean, response?: HttpResponse) {
    super(reason)
    this.bytes = bytes
    // A parser ignores line breaks before a status line. So if there are only line breaks, no response has started.
    this.isTruncated = isTruncated && bytes.some(byte => byte !== 10 && byte !== 13)
    this.response = response
  }

  /** The status code. Undefined if the header section is incomplete. */
  get statusCode (): number | undefined {
    return this.response?.statusCode
  }
}

/** The options of {@link readResponses}. */
export interface ReadOptions {
  /** Called after the header section of each response whose body has not been completely received yet. */
  onHeaders?: (statusCode: number) => void
  /**
   * Returns whether the server closed the connection, which ends a response without a length. Called after the last byte.
   * Default: `true`.
   */
  isClosedByServer?: () => boolean
}

/**
 * Yields the responses in a stream of bytes (RFC 9112). Uses Node's own parser
 * in strict mode. Node does not export this parser, so each response is replayed
 * on the socket of a request.
 *
 * Stops at the end of the bytes, after a 101, and after a 2xx to CONNECT, because
 * the next bytes belong to another protocol. Keeps only the first MiB of each body.
 *
 * @param methods the methods of the requests, in order, because a response to HEAD has no body. Further responses are read as
 *   responses to GET.
 * @throws {ResponseSyntaxError} if bytes are not a complete response
 */
export async function * readResponses (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, methods: readonly string[], { onHeaders = () => {}, isClosedByServer = () => true }: ReadOptions = {}): AsyncGenerator<HttpResponse> {
  let count = 0
  let parser: ResponseParser | undefined
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      parser ??= await ResponseParser.start(methods[count] ?? 'GET')
      at += parser.read(chunk.subarray(at))
      if (parser.response === undefined) {
        if (parser.takeHeaders()) onHeaders(parser.statusCode!)
        continue
      }
      yield parser.response
      if (parser.isTunnel()) return
      parser = undefined
      count++
    }
  }
  if (parser === undefined) return
  parser.end(isClosedByServer())
  yield parser.response!
}

/** A socket that discards writes. {@link ResponseParser} emits `data` events on it. */
class ReplaySocket extends Duplex {
  override _read (): void {}

  override _write (_chunk: unknown, _encoding: string, done: () => void): void { done() }
}

/** Parses one response. */
class ResponseParser {
  response: HttpResponse | undefined
  readonly #method: string
  readonly #socket = new ReplaySocket()
  readonly #request: ClientRequest
  readonly #interim: HttpResponse[] = []
  readonly #received = new PrefixBuffer(MAX_KEPT_RESPONSE_BYTES)
  readonly #body = new PrefixBuffer(MAX_KEPT_BODY_BYTES)
  #headersTaken = false
  #message: IncomingMessage | undefined
  #isUpgraded = false
  #error: (Error & { reason: string }) | undefined

  /**
   * Returns a parser that is ready to read. It is asynchronous because Node attaches its HTTP parser to a socket in a later tick.
   */
  static async start (method: string): Promise<ResponseParser> {
    const parser = new ResponseParser(method)
    await new Promise(resolve => { parser.#request.once('socket', resolve) })
    return parser
  }

  private constructor (method: string) {
    this.#method = method
    // Use GET for CONNECT: Node treats every response to CONNECT as a tunnel, but an error is not one (RFC 9110 section 9.3.6).
    this.#request = request({
      method: method === 'HEAD' ? 'HEAD' : 'GET',
      insecureHTTPParser: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      createConnection: () => this.#socket
    })
    this.#request.maxHeadersCount = 0
    this.#request.on('response', message => { this.#message = message })
    this.#request.on('upgrade', message => { this.#message = message; this.#isUpgraded = true })
    this.#request.on('information', ({ httpVersion, statusCode, statusMessage, rawHeaders }) => {
      const empty = { trailers: [], body: new Uint8Array(), interim: [] }
      this.#interim.push({ version: httpVersion, method, statusCode, phrase: statusMessage, fields: parseRawHeaders(rawHeaders), ...empty })
    })
    this.#request.on('error', error => { this.#error = error as Error & { reason: string } })
    this.#request.end()
  }

  get statusCode (): number | undefined {
    return this.#message?.statusCode
  }

  /** Returns `true` at the first call after the header section is complete, and `false` at all other calls. */
  takeHeaders (): boolean {
    if (this.#headersTaken || this.#message === undefined) return false
    this.#headersTaken = true
    return true
  }

  /** Returns whether the bytes after the header section belong to another protocol (RFC 9110 sections 7.8 and 9.3.6). */
  isTunnel (): boolean {
    if (this.#isUpgraded) return true
    const { statusCode, headers } = this.#message ?? {}
    return this.#method === 'CONNECT' && statusCode! < 300 && !('content-length' in headers!) && !('transfer-encoding' in headers!)
  }

  /** Reads bytes up to the end of the response, and returns how many were read. */
  read ({ buffer, byteOffset, length }: Uint8Array): number {
    const bytes = Buffer.from(buffer, byteOffset, length)
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, this.#findSafeEnd(bytes, at))
      at += piece.length
      this.#received.push(piece)
      this.#socket.emit('data', piece)
      if (this.#error !== undefined) throw this.#createError(this.#error.reason, false)
      if (this.#interim.length > MAX_INTERIM_RESPONSES) throw this.#createError(`More than ${MAX_INTERIM_RESPONSES} interim responses`, false)
      this.#readBody()
      if (this.#isComplete()) {
        this.response = this.#finish()
        return at
      }
    }
    return bytes.length
  }

  /**
   * Completes the response. Called after the last byte.
   *
   * @throws {ResponseSyntaxError} if the response is truncated
   */
  end (isClosedByServer: boolean): void {
    if (isClosedByServer) this.#socket.emit('end')
    this.#readBody()
    if (!this.#isComplete()) throw this.#createError('The response is truncated', true)
    this.response = this.#finish()
  }

  /** Returns the index up to which the parser can be given bytes without passing it bytes of the next response. */
  #findSafeEnd (bytes: Buffer, at: number): number {
    const { headers } = this.#message ?? {}
    const length = headers?.['content-length']
    if (length !== undefined) return at + Math.max(1, Number(length) - this.#body.length)
    if (headers !== undefined && headers['transfer-encoding'] === undefined) return bytes.length
    // A header section and a chunked body end with a blank line. Its first bytes can be in the piece before.
    const [blank, from] = at === 0 ? ['\n', 0] : ['\n\r\n', at - 1]
    const end = bytes.indexOf(blank, from)
    return end < 0 ? bytes.length : end + blank.length
  }

  /** Moves the received part of the body into the buffer, so that Node does not keep many small chunks in memory. */
  #readBody (): void {
    // Call read() in a loop, because from Node 26 it returns only one chunk.
    let chunk: Buffer | null | undefined
    while ((chunk = this.#message?.read()) != null) this.#body.push(chunk)
  }

  #isComplete (): boolean {
    return this.isTunnel() || this.#message?.complete === true
  }

  #finish (): HttpResponse {
    this.#close()
    return this.#createResponse()
  }

  #createResponse (): HttpResponse {
    const { httpVersion, statusCode, statusMessage, rawHeaders, rawTrailers } = this.#message!
    return {
      version: httpVersion,
      method: this.#method,
      statusCode: statusCode!,
      phrase: statusMessage!,
      fields: parseRawHeaders(rawHeaders),
      trailers: parseRawHeaders(rawTrailers),
      body: this.#body.bytes(),
      interim: this.#interim
    }
  }

  #createError (reason: string, isTruncated: boolean): ResponseSyntaxError {
    this.#close()
    return new ResponseSyntaxError(reason, this.#received.bytes(), isTruncated, this.#message && this.#createResponse())
  }

  #close (): void {
    this.#message?.on('error', () => {}).resume()
    this.#request.destroy()
  }
}
