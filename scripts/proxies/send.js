// Sends requests to a service or a proxy, and returns the responses with the rules of the contract that they break.
import { once } from 'node:events'
import http2 from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'
import { assertContract } from '../../conformance/assert-contract.ts'
import { connect, valuesOf } from '../../test/fixtures/wire.ts'
import { HALF_CLOSE } from './requests.js'

export const ANSWER_TIMEOUT_MS = 15_000

/**
 * Opens a session that sends requests to a service or a proxy, over HTTP/1.1 or HTTP/2, one after the other on one connection.
 */
export async function sendAll (protocol, { port, url }, requests) {
  return protocol === 'HTTP/2' ? await sendOverHttp2(url, requests) : await sendOverHttp1(port, requests)
}

export async function send (protocol, server, request) {
  return (await sendAll(protocol, server, [request]))[0]
}

function serialize ({ method, path, body }) {
  const fields = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`
  return `${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${fields}\r\n${body ?? ''}`
}

async function sendOverHttp1 (port, requests) {
  const connection = connect(port)
  const head = requests.map(({ method }) => method === 'HEAD')
  const answers = []
  let receivedBefore = 0
  try {
    for (const [i, request] of requests.entries()) {
      connection.write(serialize(request))
      const response = (await withTimeout(connection.responses(i + 1, { head })))[i]
      const { statusCode, phrase, lines, body } = response
      const headers = Object.fromEntries(lines.map(([name]) => [name.toLowerCase(), valuesOf(response, name.toLowerCase()).join(', ')]))
      const violations = await findViolations(connection.received().slice(receivedBefore), statusCode, request.method)
      answers.push({ statusCode, phrase, headers, body, violations })
      receivedBefore = connection.received().length
    }
  } finally {
    connection.destroy()
  }
  return answers
}

async function sendOverHttp2 (url, requests) {
  const session = openSession(url)
  // Ignore the error of the session: it also ends the streams, and their errors reject the promises.
  session.on('error', () => {})
  const answers = []
  try {
    for (const { method, path, body } of requests) {
      const fields = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }
      const stream = session.request({ ':method': method, ':path': path, ...fields }, { endStream: body === undefined })
      const answer = receive(stream, method)
      if (body !== undefined) stream.end(body)
      answers.push(await withTimeout(answer))
    }
  } finally {
    session.destroy()
  }
  return answers
}

/** Connects over HTTP/2, without verifying the certificate. */
export function openSession (url) {
  return http2.connect(url, { rejectUnauthorized: false })
}

/** Returns the response on an HTTP/2 stream. */
async function receive (stream, method) {
  const chunks = []
  stream.on('data', chunk => chunks.push(chunk))
  const ended = once(stream, 'end')
  ended.catch(() => {})
  const [{ ':status': statusCode, ...headers }] = await once(stream, 'response')
  await ended
  const received = Buffer.concat(chunks)
  const response = { statusCode, headers, trailers: {}, body: { arrayBuffer: async () => received } }
  return { statusCode, headers, body: received.toString('latin1'), violations: await findViolations(response, statusCode, method) }
}

/** Returns the ids of the rules that an unsuccessful response breaks. */
async function findViolations (response, statusCode, method) {
  if (statusCode < 400) return []
  try {
    await assertContract(response, { method })
    return []
  } catch (error) {
    if (error.operator !== 'assertContract') throw error
    return error.actual
  }
}

/**
 * Sends the parts of a request on a new connection, the second part when
 * `isReady` returns true. Returns undefined if the connection is closed without a response.
 */
export async function sendRawRequest (port, [first, second], isReady) {
  const connection = connect(port)
  try {
    connection.write(first)
    // Rejects if the connection is reset.
    const over = Promise.race([connection.responses(1), connection.closed()]).catch(() => {})
    if (second !== undefined) {
      const deadline = Date.now() + ANSWER_TIMEOUT_MS
      while (!isReady() && Date.now() < deadline) await sleep(10)
      if (second === HALF_CLOSE) connection.socket.end()
      else connection.write(second)
    }
    await withTimeout(over)
    const received = connection.received()
    if (received === '') return undefined
    // A response without a length ends with the connection.
    const [{ statusCode, phrase, body }] = await withTimeout(connection.responses(1))
    return { statusCode, phrase, body, headers: {}, violations: await findViolations(received, statusCode, 'GET') }
  } finally {
    connection.destroy()
  }
}

/** Sends a request on a new session. Returns a string if the stream or the session is closed without a response. */
export async function sendRawStream (url, fields) {
  const session = openSession(url)
  const failed = once(session, 'error').then(([error]) => { throw error })
  failed.catch(() => {})
  try {
    const isPost = fields[':method'] === 'POST'
    const stream = session.request(fields, { endStream: !isPost })
    stream.on('error', () => {})
    if (isPost) stream.write('abc')
    return await withTimeout(Promise.race([receive(stream, fields[':method']), failed]))
  } catch (error) {
    return describeLoss(error)
  } finally {
    session.destroy()
  }
}

/** Describes how a connection or a stream was lost. */
export function describeLoss ({ code, message }) {
  const [, reset] = /NGHTTP2_(\w+)/.exec(message) ?? []
  if (reset !== undefined) return `reset: ${reset}`
  return code === 'ERR_HTTP2_SESSION_ERROR' ? 'the connection is closed' : code
}

/** Returns a function like fetch() that sends every request on the same HTTP/2 session. */
export function createFetch (session) {
  return async request => {
    const fields = { ':method': request.method, ':path': new URL(request.url).pathname, ...Object.fromEntries(request.headers) }
    const body = Buffer.from(await request.arrayBuffer())
    const stream = session.request(fields, { endStream: body.length === 0 })
    const answer = receive(stream, request.method)
    if (body.length > 0) stream.end(body)
    const { statusCode, headers } = await withTimeout(answer)
    return new Response(null, { status: statusCode, headers: Object.entries(headers) })
  }
}

async function withTimeout (promise) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(reject, ANSWER_TIMEOUT_MS, new Error(`no response within ${ANSWER_TIMEOUT_MS} ms`))
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
