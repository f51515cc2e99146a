import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import type { Socket } from 'node:net'
import { isUnsuccessful } from '../lib/status-codes.js'
import { valuesOf, type Answer, type Field } from './answer.js'
import { KEPT_RECEIVED_BYTES, LINGER, MAX_EXCHANGE_BYTES, type Exchange } from './exchange.js'
import { Prefix } from './prefix.js'
import { AnswerSyntaxError, KEPT_BODY_BYTES, MAX_INTERIM } from './reader.js'
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

// How often it is looked at how many bytes came, in milliseconds: Node shows only some frames.
const LOOK_EVERY = 10

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
  const { session, socket } = connection
  let end: Exchange['end'] = 'left'
  let refused: Error | undefined
  let failure: AnswerSyntaxError | undefined
  let connected = false
  session.once('remoteSettings', () => { connected = true })
  session.on('error', error => {
    if (!connected) refused ??= error
    // Node's own word for frames that it cannot read.
    else if ('code' in error && error.code === 'ERR_HTTP2_ERROR') failure = broken(error.message, false)
    else end = 'reset'
  })
  session.once('close', () => { if (end === 'left') end = 'closed' })
  const leave = (how: Exchange['end']): void => {
    end = how
    session.destroy()
  }
  const timer = setTimeout(() => {
    if (!connected) refused ??= new Error(`no connection within ${timeout} ms`)
    leave('timeout')
  }, timeout)
  const look = setInterval(() => { if (socket.bytesRead > MAX_EXCHANGE_BYTES) leave('limit') }, LOOK_EVERY)

  const pending: Array<Promise<Heard>> = []
  for (const stream of streams) {
    if (stream.after) await Promise.all(pending)
    pending.push(ask(session, stream))
  }
  const answers: Answer[] = []
  for (const { answer, isCut, error } of await Promise.all(pending)) {
    if (error !== undefined) failure ??= broken(error, false)
    // A success ends so if it fails on its way.
    else if (answer !== undefined && isCut && (isStopped(end) || isUnsuccessful(answer.statusCode))) failure ??= broken('The answer is cut', true, answer)
    else if (answer !== undefined) answers.push(answer)
  }
  clearTimeout(timer)
  clearInterval(look)
  // A stream that is cut is as a connection of HTTP/1.1 that is closed.
  const ended = failure?.truncated && !isStopped(end) ? 'closed' : end
  await close(connection)
  const received = text([...answers, ...failure?.answer ? [failure.answer] : []].map(({ statusCode, fields, body }) => [[[':status', statusCode], ...fields], body]))
  return {
    sent: text(streams.map(({ headers, body }) => [Object.entries(headers), body])),
    received: received.subarray(0, KEPT_RECEIVED_BYTES),
    receivedLength: received.length,
    answers,
    requests: streams.length,
    failure,
    end: ended,
    refused
  }
}

/** Whether this side ended the connection before the server was done. */
function isStopped (end: Exchange['end']): boolean {
  return end === 'timeout' || end === 'limit'
}

function broken (reason: string, truncated: boolean, answer?: Answer): AnswerSyntaxError {
  return new AnswerSyntaxError(reason, answer === undefined ? new Uint8Array() : text([[[[':status', answer.statusCode], ...answer.fields], answer.body]]), truncated, answer)
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

/** What came on a stream. */
interface Heard {
  answer?: Answer
  /** Whether the stream was ended before the answer was. */
  isCut: boolean
  /** What is wrong with how it came. */
  error?: string
}

async function ask (session: ClientHttp2Session, { headers, body }: Stream): Promise<Heard> {
  if (session.destroyed || session.closed) return { isCut: false }
  const stream = session.request(headers, { endStream: body === undefined })
  stream.on('error', () => {})
  const bytes = new Prefix(KEPT_BODY_BYTES)
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
  let error: string | undefined
  let isCut = false
  // The answer can end before the request does, which is then of no use (RFC 9113 section 8.1).
  await new Promise<void>(resolve => {
    // An unsuccessful answer with a body is known to be wrong: its end is not waited for.
    let stuck: NodeJS.Timeout | undefined
    const watch = (hasBody: boolean): void => {
      if (hasBody && answer !== undefined && isUnsuccessful(answer.statusCode)) stuck ??= setTimeout(resolve, LINGER)
    }
    stream.on('headers', values => {
      interim.push({ ...read(values), interim: [], trailers: [], body: new Uint8Array() })
      if (interim.length <= MAX_INTERIM) return
      error = `More than ${MAX_INTERIM} interim answers`
      resolve()
    })
    stream.on('response', values => {
      answer = read(values)
      // What follows a 2xx to CONNECT is another protocol (RFC 9113 section 8.5).
      if (answer.method === 'CONNECT' && answer.statusCode < 300) resolve()
      watch(answer.method !== 'HEAD' && valuesOf({ ...answer, trailers, body: bytes.bytes() }, 'content-length').some(value => value !== '0'))
    })
    stream.on('trailers', values => { trailers = fieldsOf(values) })
    stream.on('data', chunk => {
      bytes.push(chunk)
      watch(true)
    })
    // By the server's END_STREAM; otherwise the stream is closed before it ends.
    stream.once('end', () => {
      isCut = stream.closed
      resolve()
    })
    stream.once('close', () => {
      clearTimeout(stuck)
      isCut ||= !stream.readableEnded
      resolve()
    })
    if (body !== undefined) stream.end(body)
  })
  stream.close()
  return { answer: answer && { ...answer, trailers, body: bytes.bytes() }, isCut, error }
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
