// The experiments with a proxy: a lost connection, a raw request, caching, and a service that is down.
import { createClient } from '../../client/index.ts'
import { compare, describeError, describeOutcome, describeRuns } from './descriptions.js'
import { DOWN, RAW_REQUESTS, RAW_STREAMS } from './requests.js'
import { ANSWER_TIMEOUT_MS, createFetch, describeLoss, openSession, send, sendRawRequest, sendRawStream } from './send.js'

let jobs = 0

/**
 * Sends a request whose connection the service drops after its work and before
 * the response. The client of this package sends it, after other requests on the
 * same connection.
 */
export async function loseConnection (protocol, { port, url }, runs, method, requestsBefore) {
  const id = String(jobs++)
  const session = protocol === 'HTTP/2' ? openSession(url) : undefined
  session?.on('error', () => {})
  const client = session === undefined
    ? createClient({ baseUrl: `http://127.0.0.1:${port}`, timeout: ANSWER_TIMEOUT_MS })
    : createClient({ baseUrl: url, fetch: createFetch(session) })
  try {
    for (let i = 0; i < requestsBefore; i++) {
      const { outcome, cause } = await client('POST', '/ready')
      if (outcome !== 'success') throw new Error(`the GET over ${protocol} before ${method} got no response`, { cause })
    }
    const { outcome, status, cause } = await client(method, `/job/${id}`, /^P/.test(method) ? { body: {} } : {})
    return { runs: runs.get(id) ?? [], outcome, answer: status ?? (session === undefined ? 'closed without an answer' : describeLoss(cause)) }
  } finally {
    session?.destroy()
  }
}

/** Returns the status codes of a GET for a missing resource, the PUT that creates the resource, and the same GET again. */
export async function createMissing (protocol, proxy) {
  const statusCodes = []
  for (const method of ['GET', 'PUT', 'GET']) {
    const { statusCode } = await send(protocol, proxy, { method, path: `/topic/${protocol === 'HTTP/2' ? 'second' : 'first'}` })
    statusCodes.push(statusCode)
  }
  return statusCodes.join(', ')
}

/**
 * Describes the response of a proxy to one of {@link RAW_REQUESTS}, and whether
 * the handler had begun. The second part of the request is sent when the handler
 * has begun, or immediately if the proxy buffers requests.
 */
export async function tryRawRequest (proxy, begun, name, buffersRequests = false) {
  const id = name.replace(/\W+/g, '-')
  const parts = RAW_REQUESTS[name].map(part => typeof part === 'string' ? part.replace('Content-Type', `X-Request: ${id}\r\nContent-Type`) : part)
  const answer = await sendRawRequest(proxy.port, parts, () => buffersRequests || begun.has(id))
  return describeOutcome(answer, begun.has(id))
}

/** Describes the response of a proxy to one of {@link RAW_STREAMS}, and whether the handler had begun. */
export async function tryRawStream (proxy, begun, name) {
  const id = `http-2-${name}`
  const answer = await sendRawStream(proxy.url, { ...RAW_STREAMS[name], 'x-request': id })
  return describeOutcome(answer, begun.has(id))
}

// The following functions describe the effect of a changed configuration.

export async function observeDown (proxy, service) {
  await service.close()
  return `the service is down: ${describeError(await send('HTTP/1.1', proxy, DOWN))}`
}

export function observeAnswer (request) {
  return async (proxy, service) => {
    const direct = await send(service.http2 ? 'HTTP/2' : 'HTTP/1.1', service, request)
    const proxied = await send('HTTP/1.1', proxy, request)
    // HTTP/2 has no reason phrase, so compare the reason phrase through the proxy with the header.
    const changes = Object.entries(compare({ phrase: direct.headers['eb-reason-phrase'], ...direct }, proxied))
    return `a 404 of the service: ${changes.filter(([, change]) => change !== 'kept').map(([name, change]) => `${name} ${change}`).join('; ')}`
  }
}

export function observeLostConnection (protocol, method) {
  return async (proxy, service) => {
    const { runs, answer, outcome } = await loseConnection(protocol, proxy, service.runs, method, 1)
    return `${method} over ${protocol}, lost after the work: ${describeRuns(runs.length)}, ${answer}, ${outcome}`
  }
}

export function observeRawRequest (name) {
  return async (proxy, { begun }) => `${name}: ${await tryRawRequest(proxy, begun, name)}`
}

export async function observeCaching (proxy) {
  return `a 404 is asked for, made, and asked for again: ${await createMissing('HTTP/1.1', proxy)}`
}
