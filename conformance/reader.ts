import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { pairs, type Answer } from './answer.js'
import { Prefix } from './prefix.js'

/** A service answers after one 1xx or a few: more are an error. */
export const MAX_INTERIM = 100

// More bytes of a header section are an error.
const MAX_HEADER_BYTES = 256 * 1024

/** How many bytes of a body are kept. */
export const KEPT_BODY_BYTES = 1024 * 1024

// How many bytes of an answer are kept for a person to read, if it is malformed.
const KEPT_BYTES = 64 * 1024

/** What of the bytes of a server is no answer, as the parser has it. */
export class AnswerSyntaxError extends Error {
  /** The first bytes of the answer that could not be read. */
  readonly bytes: Uint8Array
  /** Whether the bytes ended before the answer did. */
  readonly truncated: boolean
  /** The answer, and what came of its body, if its header section could be read. */
  readonly answer: Answer | undefined

  constructor (reason: string, bytes: Uint8Array, truncated: boolean, answer?: Answer) {
    super(reason)
    this.bytes = bytes
    // A line break before a status line is skipped, so that nothing was begun.
    this.truncated = truncated && bytes.some(byte => byte !== 10 && byte !== 13)
    this.answer = answer
  }

  /** The status code, if that much could be read. */
  get statusCode (): number | undefined {
    return this.answer?.statusCode
  }
}

/** How answers are read. */
export interface ReadOptions {
  /** Called with the status code of an answer whose header section is there, while its body is not. */
  begun?: (statusCode: number) => void
  /** Returns whether the bytes ended because the server closed the connection, which can be the end of an answer. Default: they did. */
  isWhole?: () => boolean
}

/**
 * The answers in a stream of bytes (RFC 9112), read by Node's own parser in
 * its strict mode. That parser is reached as any client reaches it: by a
 * request whose socket replays the bytes, one after the other, so that it is
 * known which is the last of an answer.
 *
 * Ends with the bytes, after a 101, and after a 2xx to CONNECT, since what
 * follows is another protocol. The body of an answer has its first MiB only.
 *
 * @param methods of the requests, in order: the answer to HEAD has no body. Further answers are read as those to GET.
 * @throws {AnswerSyntaxError} for bytes that are no answer
 */
export async function * readAnswers (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, methods: readonly string[], { begun = () => {}, isWhole = () => true }: ReadOptions = {}): AsyncGenerator<Answer> {
  let count = 0
  let parser: Parser | undefined
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      parser ??= await Parser.start(methods[count] ?? 'GET')
      at += parser.read(chunk.subarray(at))
      if (parser.answer === undefined) {
        if (parser.hasBegun()) begun(parser.statusCode!)
        continue
      }
      yield parser.answer
      if (parser.isTunnel()) return
      parser = undefined
      count++
    }
  }
  if (parser === undefined) return
  parser.end(isWhole())
  yield parser.answer!
}

/** Plays the socket of a request: what is written goes nowhere, what is read is fed by hand. */
class Replay extends Duplex {
  override _read (): void {}

  override _write (_chunk: unknown, _encoding: string, done: () => void): void { done() }
}

/** Reads one answer. */
class Parser {
  answer: Answer | undefined
  readonly #method: string
  readonly #socket = new Replay()
  readonly #request: ClientRequest
  readonly #interim: Answer[] = []
  readonly #read = new Prefix(KEPT_BYTES)
  readonly #body = new Prefix(KEPT_BODY_BYTES)
  #hasBegun = false
  #message: IncomingMessage | undefined
  #switched = false
  #error: (Error & { reason: string }) | undefined

  /** Node attaches its parser to a socket in a later tick. */
  static async start (method: string): Promise<Parser> {
    const parser = new Parser(method)
    await new Promise(resolve => { parser.#request.once('socket', resolve) })
    return parser
  }

  private constructor (method: string) {
    this.#method = method
    // To CONNECT, Node takes every answer for a tunnel, even an error (RFC 9110 section 9.3.6).
    this.#request = request({
      method: method === 'HEAD' ? 'HEAD' : 'GET',
      insecureHTTPParser: false,
      maxHeaderSize: MAX_HEADER_BYTES,
      createConnection: () => this.#socket
    })
    this.#request.maxHeadersCount = 0
    this.#request.on('response', message => { this.#message = message })
    this.#request.on('upgrade', message => { this.#message = message; this.#switched = true })
    this.#request.on('information', ({ httpVersion, statusCode, statusMessage, rawHeaders }) => {
      const empty = { trailers: [], body: new Uint8Array(), interim: [] }
      this.#interim.push({ version: httpVersion, method, statusCode, phrase: statusMessage, fields: pairs(rawHeaders), ...empty })
    })
    this.#request.on('error', error => { this.#error = error as Error & { reason: string } })
    this.#request.end()
  }

  get statusCode (): number | undefined {
    return this.#message?.statusCode
  }

  /** Returns whether the header section is there; true once only. */
  hasBegun (): boolean {
    if (this.#hasBegun || this.#message === undefined) return false
    this.#hasBegun = true
    return true
  }

  /** Returns whether what follows the header section is another protocol (RFC 9110 sections 7.8 and 9.3.6). */
  isTunnel (): boolean {
    if (this.#switched) return true
    const { statusCode, headers } = this.#message ?? {}
    return this.#method === 'CONNECT' && statusCode! < 300 && !('content-length' in headers!) && !('transfer-encoding' in headers!)
  }

  /** Reads up to the end of the answer, and returns how many bytes that took. */
  read ({ buffer, byteOffset, length }: Uint8Array): number {
    const bytes = Buffer.from(buffer, byteOffset, length)
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, this.#safe(bytes, at))
      at += piece.length
      this.#read.push(piece)
      this.#socket.emit('data', piece)
      if (this.#error !== undefined) throw this.#failed(this.#error.reason, false)
      if (this.#interim.length > MAX_INTERIM) throw this.#failed(`More than ${MAX_INTERIM} interim answers`, false)
      this.#drain()
      if (this.#isComplete()) {
        this.answer = this.#finish()
        return at
      }
    }
    return bytes.length
  }

  /** There are no more bytes: which ends the answer, or cuts it. */
  end (isWhole: boolean): void {
    if (isWhole) this.#socket.emit('end')
    this.#drain()
    if (!this.#isComplete()) throw this.#failed('The answer is cut', true)
    this.answer = this.#finish()
  }

  /** Where bytes end that can be read at once, without any of a next answer. */
  #safe (bytes: Buffer, at: number): number {
    const { headers } = this.#message ?? {}
    const length = headers?.['content-length']
    if (length !== undefined) return at + Math.max(1, Number(length) - this.#body.length)
    if (headers !== undefined && headers['transfer-encoding'] === undefined) return bytes.length
    // A header section, and a body in chunks, end with a blank line. Its start can be in bytes that came before.
    const [blank, from] = at === 0 ? ['\n', 0] : ['\n\r\n', at - 1]
    const end = bytes.indexOf(blank, from)
    return end < 0 ? bytes.length : end + blank.length
  }

  /** Takes what came of the body, so that it does not pile up in small pieces. */
  #drain (): void {
    // From Node 26 on, each read is of one chunk.
    let chunk: Buffer | null | undefined
    while ((chunk = this.#message?.read()) != null) this.#body.push(chunk)
  }

  #isComplete (): boolean {
    return this.isTunnel() || this.#message?.complete === true
  }

  #finish (): Answer {
    this.#close()
    return this.#answer()
  }

  #answer (): Answer {
    const { httpVersion, statusCode, statusMessage, rawHeaders, rawTrailers } = this.#message!
    return {
      version: httpVersion,
      method: this.#method,
      statusCode: statusCode!,
      phrase: statusMessage!,
      fields: pairs(rawHeaders),
      trailers: pairs(rawTrailers),
      body: this.#body.bytes(),
      interim: this.#interim
    }
  }

  #failed (reason: string, truncated: boolean): AnswerSyntaxError {
    this.#close()
    return new AnswerSyntaxError(reason, this.#read.bytes(), truncated, this.#message && this.#answer())
  }

  #close (): void {
    this.#message?.on('error', () => {}).resume()
    this.#request.destroy()
  }
}
