import { connect, type Socket } from 'node:net'
import { isLastOnConnection, type HttpResponse } from '../conformance/exchange/response.js'
import { readResponses } from './responses.js'

/** The path of the sentinel request. The service must respond with the value of its `x-sentinel` header. */
export const SENTINEL_PATH = '/the-sentinel'

/**
 * A keep-alive connection that sends a sentinel request after each request. The response to the sentinel request is known,
 * so any extra bytes between the two responses are detected.
 */
export class SentinelConnection {
  readonly #port: number
  #socket: Socket | undefined
  #received: Buffer[] = []
  #closed = true
  #count = 0
  #changed = (): void => {}

  constructor (port: number) {
    this.#port = port
  }

  /**
   * Returns the response to a request. Throws unless there is exactly one response before the response to the sentinel request.
   */
  async send (request: string | Buffer, method: string): Promise<HttpResponse> {
    const socket = this.#open()
    const sentinelValue = `<${++this.#count}>`
    this.#received = []
    // Send both requests in one write, so that the connection cannot be reset between them.
    socket.write(Buffer.concat([Buffer.from(request as string, 'latin1'), Buffer.from(`GET ${SENTINEL_PATH} HTTP/1.1\r\nHost: a\r\nx-sentinel: ${sentinelValue}\r\n\r\n`)]))
    while (!this.#closed && !this.#tail().endsWith(sentinelValue)) await new Promise<void>(resolve => { this.#changed = resolve })
    const bytes = Buffer.concat(this.#received)
    const answers = await readResponses(bytes, (_head, index) => index === 0 ? method : 'GET')
    const [answer, sentinel, ...more] = answers
    if (answer === undefined) throw new Error('no response')
    if (more.length > 0) throw new Error(`more than one response: ${JSON.stringify(bytes.toString('latin1').slice(0, 2000))}`)
    if (sentinel === undefined ? !isLastOnConnection(answer) : sentinel.statusCode !== 200 || Buffer.from(sentinel.body).toString() !== sentinelValue) {
      throw new Error(`the next response must be the one to the sentinel request, but it is: ${JSON.stringify(bytes.toString('latin1').slice(0, 2000))}`)
    }
    if (sentinel === undefined) this.close()
    return answer
  }

  close (): void {
    this.#socket?.destroy()
    this.#closed = true
  }

  #open (): Socket {
    if (!this.#closed) return this.#socket!
    const socket = connect(this.#port, '127.0.0.1')
    this.#socket = socket
    this.#closed = false
    socket.on('data', chunk => {
      this.#received.push(chunk)
      this.#changed()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#closed = true
      this.#changed()
    })
    return socket
  }

  #tail (): string {
    return this.#received.slice(-2).map(chunk => chunk.toString('latin1', Math.max(0, chunk.length - 64))).join('')
  }
}
