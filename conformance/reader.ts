import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import { pairs, type Answer } from './answer.js'

/** What of the bytes of a server is no answer, as the parser has it. */
export class AnswerSyntaxError extends Error {
  /** The bytes from the start of the answer that could not be read. */
  readonly bytes: Uint8Array
  /** Whether the bytes ended before the answer did. */
  readonly truncated: boolean
  /** The status code, if that much could be read. */
  readonly statusCode: number | undefined

  constructor (reason: string, bytes: Uint8Array, truncated: boolean, statusCode?: number) {
    super(reason)
    this.bytes = bytes
    // A line break before a status line is skipped, so that nothing was begun.
    this.truncated = truncated && bytes.some(byte => byte !== 10 && byte !== 13)
    this.statusCode = statusCode
  }
}

/**
 * The answers in a stream of bytes (RFC 9112), read by Node's own parser in
 * its strict mode. That parser is reached as any client reaches it: by a
 * request whose socket replays the bytes, one after the other, so that it is
 * known which is the last of an answer.
 *
 * Ends with the bytes, and after a 101, since what follows is another
 * protocol.
 *
 * @param methods of the requests, in order: the answer to HEAD has no body. Further answers are read as those to GET.
 * @throws {AnswerSyntaxError} for bytes that are no answer
 */
export async function * readAnswers (chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, methods: readonly string[]): AsyncGenerator<Answer> {
  let count = 0
  let parser: Parser | undefined
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      parser ??= await Parser.start(methods[count] ?? 'GET')
      at += parser.read(chunk.subarray(at))
      if (parser.answer === undefined) continue
      yield parser.answer
      if (parser.answer.statusCode === 101) return
      parser = undefined
      count++
    }
  }
  if (parser === undefined) return
  parser.end()
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
  readonly #read: Uint8Array[] = []
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
      maxHeaderSize: 1024 * 1024,
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

  /** Reads up to the end of the answer, and returns how many bytes that took. */
  read (bytes: Uint8Array): number {
    for (let at = 0; at < bytes.length;) {
      const count = Math.min(this.#safe(), bytes.length - at)
      const piece = bytes.subarray(at, at + count)
      at += count
      this.#read.push(piece)
      this.#socket.emit('data', piece)
      if (this.#error !== undefined) throw this.#failed(this.#error.reason, false)
      if (this.#isComplete()) {
        this.answer = this.#finish()
        return at
      }
    }
    return bytes.length
  }

  /** There are no more bytes: which ends the answer, or cuts it. */
  end (): void {
    this.#socket.emit('end')
    if (!this.#isComplete()) throw this.#failed('The answer is cut', true)
    this.answer = this.#finish()
  }

  /** How many bytes can be read at once, without any of a next answer. */
  #safe (): number {
    const { complete, headers, readableLength } = this.#message ?? {}
    const length = headers?.['content-length']
    if (complete || length === undefined || this.#method === 'HEAD') return 1
    return Math.max(1, Number(length) - readableLength!)
  }

  #isComplete (): boolean {
    return this.#switched || this.#message?.complete === true
  }

  #finish (): Answer {
    const { httpVersion, statusCode, statusMessage, rawHeaders, rawTrailers } = this.#message!
    const body: Buffer[] = []
    // From Node 26 on, each read is of one chunk.
    for (let chunk; (chunk = this.#message!.read() as Buffer | null) !== null;) body.push(chunk)
    this.#close()
    return {
      version: httpVersion,
      method: this.#method,
      statusCode: statusCode!,
      phrase: statusMessage!,
      fields: pairs(rawHeaders),
      trailers: pairs(rawTrailers),
      body: Buffer.concat(body),
      interim: this.#interim
    }
  }

  #failed (reason: string, truncated: boolean): AnswerSyntaxError {
    this.#close()
    return new AnswerSyntaxError(reason, Buffer.concat(this.#read), truncated, this.#message?.statusCode)
  }

  #close (): void {
    this.#message?.on('error', () => {}).resume()
    this.#request.destroy()
  }
}
