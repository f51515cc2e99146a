import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { PrefixBuffer } from './prefix-buffer.js'
import { parseRawHeaders, type HttpResponse } from './response.js'

/** The most 1xx responses before a final response. */
export const MAX_INTERIM_RESPONSES = 100

// The largest header section that is read.
const MAX_HEADER_BYTES = 256 * 1024

/** The most bytes of a body that are kept. */
export const MAX_KEPT_BODY_BYTES = 1024 * 1024

// The most bytes of a malformed response that are kept for reports.
const MAX_KEPT_RESPONSE_BYTES = 64 * 1024

/** The parser error for bytes that are no complete response. */
export class ResponseSyntaxError extends Error {
  /** The first bytes of the malformed response. */
  readonly bytes: Uint8Array
  /** Whether the bytes ended before the response was complete. */
  readonly isTruncated: boolean
  /** The response with the received part of its body, if its header section is complete. */
  readonly response: HttpResponse | undefined

  constructor (reason: string, bytes: Uint8Array, isTruncated: boolean, response?: HttpResponse) {
    super(reason)
    this.bytes = bytes
    // Line breaks before a status line are ignored, so they are not the start of a response.
    this.isTruncated = isTruncated && bytes.some(byte => byte !== 10 && byte !== 13)
    this.response = response
  }

  /** The status code, if the header section is complete. */
  get statusCode (): number | undefined {
    return this.response?.statusCode
  }
}

/** How to read responses. */
export interface ReadOptions {
  /** Called after the header section of a response if its body is not complete yet. */
  onHeaders?: (statusCode: number) => void
  /** Returns whether the server closed the connection, which can end a response. Called after the last byte. Default: `true`. */
  isClosedByServer?: () => boolean
}

/**
 * Yields the responses in a stream of bytes (RFC 9112). They are parsed by
 * Node's own parser in strict mode. To reach that parser, each response is
 * replayed on the socket of a request.
 *
 * Ends with the bytes, after a 101, and after a 2xx to CONNECT, because what
 * follows is another protocol. Keeps only the first MiB of each body.
 *
 * @param methods the methods of the requests, in order. A response to HEAD has no body. Default for further responses: GET
 * @throws {ResponseSyntaxError} for bytes that are no complete response
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

/** A socket that discards writes. The parser emits its data. */
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

  /** Returns a parser that is ready. Node attaches its parser to a socket in a later tick. */
  static async start (method: string): Promise<ResponseParser> {
    const parser = new ResponseParser(method)
    await new Promise(resolve => { parser.#request.once('socket', resolve) })
    return parser
  }

  private constructor (method: string) {
    this.#method = method
    // Node treats every response to CONNECT as a tunnel, even an error (RFC 9110 section 9.3.6), so CONNECT is parsed like GET.
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

  /** Returns true once, after the header section is complete. */
  takeHeaders (): boolean {
    if (this.#headersTaken || this.#message === undefined) return false
    this.#headersTaken = true
    return true
  }

  /** Returns whether what follows the header section is another protocol (RFC 9110 sections 7.8 and 9.3.6). */
  isTunnel (): boolean {
    if (this.#isUpgraded) return true
    const { statusCode, headers } = this.#message ?? {}
    return this.#method === 'CONNECT' && statusCode! < 300 && !('content-length' in headers!) && !('transfer-encoding' in headers!)
  }

  /** Reads up to the end of the response, and returns how many bytes it read. */
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
   * Completes the response after the last byte.
   *
   * @throws {ResponseSyntaxError} if the response is truncated
   */
  end (isClosedByServer: boolean): void {
    if (isClosedByServer) this.#socket.emit('end')
    this.#readBody()
    if (!this.#isComplete()) throw this.#createError('The response is truncated', true)
    this.response = this.#finish()
  }

  /** Returns up to where bytes can be read at once without reading into the next response. */
  #findSafeEnd (bytes: Buffer, at: number): number {
    const { headers } = this.#message ?? {}
    const length = headers?.['content-length']
    if (length !== undefined) return at + Math.max(1, Number(length) - this.#body.length)
    if (headers !== undefined && headers['transfer-encoding'] === undefined) return bytes.length
    // A header section and a chunked body end with a blank line, which can start in earlier bytes.
    const [blank, from] = at === 0 ? ['\n', 0] : ['\n\r\n', at - 1]
    const end = bytes.indexOf(blank, from)
    return end < 0 ? bytes.length : end + blank.length
  }

  /** Moves the received part of the body into the buffer, so that small chunks do not pile up. */
  #readBody (): void {
    // From Node 26, read() returns only one chunk.
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
