import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import type { Answer, Field } from './answer.js'
import type { Exchange } from './exchange.js'
import { connect, type Target } from './target.js'

/** One request on a connection of HTTP/2. */
export interface Stream {
  /** Pseudo-header fields and others. */
  headers: OutgoingHttpHeaders
  body?: Uint8Array
  /** Whether the request is sent only once those before it are answered. Default: together with them. */
  after?: boolean
}

// The server's SETTINGS come at once, or it does not speak HTTP/2.
const SETTINGS_WITHIN = 2000

/** Whether the target speaks HTTP/2: as ALPN has it on https, with prior knowledge on http (RFC 9113 section 3). */
export async function speaksHttp2 (target: Target): Promise<boolean> {
  const connection = open(target)
  const { session } = connection
  const timer = setTimeout(() => { session.destroy() }, SETTINGS_WITHIN)
  const speaks = await new Promise<boolean>(resolve => {
    session.once('remoteSettings', () => { resolve(true) })
    session.once('close', () => { resolve(false) })
  })
  clearTimeout(timer)
  await close(connection)
  return speaks
}

/** Sends the requests on a connection of their own, reads what comes, and closes it. */
export async function exchangeHttp2 (target: Target, streams: readonly Stream[], timeout = target.timeout): Promise<Exchange> {
  const connection = open(target)
  const { session } = connection
  let end: Exchange['end'] = 'left'
  let refused: Error | undefined
  let connected = false
  session.once('remoteSettings', () => { connected = true })
  session.on('error', error => {
    if (connected) end = 'reset'
    else refused ??= error
  })
  session.once('close', () => { if (end === 'left') end = 'closed' })
  const timer = setTimeout(() => {
    end = 'timeout'
    if (!connected) refused ??= new Error(`no connection within ${timeout} ms`)
    session.destroy()
  }, timeout)

  const answers: Array<Promise<Answer | undefined>> = []
  for (const stream of streams) {
    if (stream.after) await Promise.all(answers)
    answers.push(ask(session, stream))
  }
  const known = (await Promise.all(answers)).filter(answer => answer !== undefined)
  clearTimeout(timer)
  const ended = end
  await close(connection)
  return {
    sent: text(streams.map(({ headers, body }) => [Object.entries(headers), body])),
    received: text(known.map(({ statusCode, fields, body }) => [[[':status', statusCode], ...fields], body])),
    answers: known,
    requests: streams.length,
    end: ended,
    refused
  }
}

interface Connection {
  session: ClientHttp2Session
  socket: Socket
  closed: Promise<unknown>
}

function open (target: Target): Connection {
  const socket = connect(target, 'h2')
  const closed = new Promise(resolve => { socket.once('close', resolve) })
  const session = connectHttp2(`${target.scheme}://${target.authority}`, { createConnection: () => socket })
  // Whoever waits for it hears of it, too.
  session.on('error', () => {})
  return { session, socket, closed }
}

async function close ({ session, socket, closed }: Connection): Promise<void> {
  session.destroy()
  socket.destroy()
  await closed
}

async function ask (session: ClientHttp2Session, { headers, body }: Stream): Promise<Answer | undefined> {
  if (session.destroyed || session.closed) return undefined
  const stream = session.request(headers, { endStream: body === undefined })
  stream.on('error', () => {})
  const chunks: Buffer[] = []
  const interim: Answer[] = []
  let trailers: Field[] = []
  let answer: Omit<Answer, 'trailers' | 'body'> | undefined
  const read = (values: IncomingHttpHeaders): Omit<Answer, 'trailers' | 'body'> => ({
    version: '2',
    method: String(headers[':method']),
    statusCode: Number(values[':status']),
    phrase: undefined,
    fields: fieldsOf(values),
    interim
  })
  stream.on('headers', values => { interim.push({ ...read(values), interim: [], trailers: [], body: new Uint8Array() }) })
  stream.on('response', values => { answer = read(values) })
  stream.on('trailers', values => { trailers = fieldsOf(values) })
  stream.on('data', chunk => { chunks.push(chunk) })
  if (body !== undefined) stream.end(body)
  // The answer can end before the request does, which is then of no use (RFC 9113 section 8.1).
  await new Promise(resolve => { stream.once('end', resolve).once('close', resolve) })
  stream.close()
  return answer && { ...answer, trailers, body: Buffer.concat(chunks) }
}

function fieldsOf (values: IncomingHttpHeaders): Field[] {
  return Object.entries(values).flatMap(([name, value]) => {
    return name.startsWith(':') ? [] : [value].flat().map(value => [name, String(value)] as const)
  })
}

function text (messages: Array<readonly [fields: Array<readonly [string, unknown]>, body?: Uint8Array]>): Uint8Array {
  return Buffer.concat(messages.flatMap(([fields, body = new Uint8Array()]) => {
    const lines = fields.map(([name, value]) => `${name}: ${String(value)}\n`).join('')
    return [Buffer.from(`${lines}\n`, 'latin1'), body]
  }))
}
