import { connect, type Socket } from 'node:net'
import { isLastOnConnection, type HttpResponse } from '../conformance/exchange/response.js'
import { readAll } from './verdict.js'

/** What a service answers to GET of {@link SENTINEL}: the number that it is asked for. */
export const SENTINEL = '/the-sentinel'

/**
 * A connection that is kept alive, and on which each request has a second
 * one behind it, whose answer is known: whatever comes in between, or in its
 * place, is more than one answer.
 */
export class Guarded {
  readonly #port: number
  #socket: Socket | undefined
  #received: Buffer[] = []
  #closed = true
  #count = 0
  #changed = (): void => {}

  constructor (port: number) {
    this.#port = port
  }

  /** The one answer to a request. */
  async ask (request: string | Buffer, method: string): Promise<HttpResponse> {
    const socket = this.#open()
    const ends = `<${++this.#count}>`
    this.#received = []
    // In one write, so that a reset cannot come between.
    socket.write(Buffer.concat([Buffer.from(request as string, 'latin1'), Buffer.from(`GET ${SENTINEL} HTTP/1.1\r\nHost: a\r\nx-sentinel: ${ends}\r\n\r\n`)]))
    while (!this.#closed && !this.#tail().endsWith(ends)) await new Promise<void>(resolve => { this.#changed = resolve })
    const bytes = Buffer.concat(this.#received)
    const answers = await readAll(bytes, (_head, index) => index === 0 ? method : 'GET')
    const [answer, sentinel, ...more] = answers
    if (answer === undefined) throw new Error('no answer')
    if (more.length > 0) throw new Error(`more than one answer: ${JSON.stringify(bytes.toString('latin1').slice(0, 2000))}`)
    if (sentinel === undefined ? !isLastOnConnection(answer) : sentinel.statusCode !== 200 || Buffer.from(sentinel.body).toString() !== ends) {
      throw new Error(`not the answer behind it: ${JSON.stringify(bytes.toString('latin1').slice(0, 2000))}`)
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
