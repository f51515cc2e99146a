import { isUnsuccessful } from '../../lib/status-codes.js'
import type { Exchange } from '../exchange/exchange.js'
import { lastRequestStep, requestStep } from '../exchange/http1.js'
import { encodeRequest } from '../exchange/request.js'
import type { HttpResponse } from '../exchange/response.js'
import { EXCHANGE_RULES, type Violation } from '../rules.js'
import { CONTRACT } from '../sources.js'
import { missingPath, type Target } from '../target.js'
import { probeBytes, probeRequest, probeSteps, type Probe } from './probe.js'

const PERSISTENCE = 'RFC 9112 section 9.3'
const PIPELINING = 'RFC 9112 section 9.3.2'
const UPGRADE = 'RFC 9110 section 7.8'

const missing = (target: Target) => ({ url: missingPath(target) })
const known = ({ requests }: Target) => requests[0]!

/** Returns violations if the second of three pipelined responses is not an error, or if the first and the third differ. */
function checkOrder ({ responses: [first, second, third] }: Exchange): Violation[] {
  // If the known request fails, its responses cannot be told apart from the error in the middle.
  if (first === undefined || isUnsuccessful(first.statusCode)) return []
  const violations: Violation[] = []
  if (second !== undefined && !isUnsuccessful(second.statusCode)) {
    violations.push({ rule: EXCHANGE_RULES.order, found: `${second.statusCode} for an unknown path`, responseIndex: 1 })
  }
  return [...violations, ...checkRepeated(first, third, 2)]
}

/** Returns a violation if a repeated request gets another status code than before. */
function checkRepeated (before: HttpResponse | undefined, response: HttpResponse | undefined, responseIndex: number): Violation[] {
  if (before === undefined || response === undefined || isUnsuccessful(before.statusCode) || response.statusCode === before.statusCode) return []
  return [{ rule: EXCHANGE_RULES.order, found: `${response.statusCode} for the request that got ${before.statusCode} before`, responseIndex }]
}

/** Persistent connections, pipelining, and the end of a connection. */
export const connection: readonly Probe[] = [
  probeSteps('connection-kept-alive', { sends: 'A request for an unknown path, then a known request on the same connection', why: 'An error must not close the connection; the client knows where the response ends and continues', source: PERSISTENCE },
    [1, 2], async target => [await requestStep(target, missing(target)), { responses: 1 }, await lastRequestStep(target, known(target))]),
  probeSteps('connection-kept-alive-head', { sends: 'HEAD of an unknown path, then a known request on the same connection', why: 'Clients read a body after a response to HEAD as the next response', source: 'RFC 9110 section 9.3.2' },
    [1, 2], async target => [await requestStep(target, { ...missing(target), method: 'HEAD' }), { responses: 1 }, await lastRequestStep(target, known(target))]),
  probeSteps('connection-kept-alive-body', { sends: 'POST of a body to an unknown path, then a known request on the same connection', why: 'A server that does not read the body can parse it as the next request', source: PERSISTENCE },
    [1, 2], async target => [await requestStep(target, { ...missing(target), method: 'POST', body: 'GET / HTTP/1.1\r\n\r\n' }), { responses: 1 }, await lastRequestStep(target, known(target))]),
  probeSteps('connection-many-errors', { sends: 'Ten requests for an unknown path, one after the other', why: 'State that an error leaves behind accumulates', source: PERSISTENCE },
    [1, 10], async target => [
      ...(await Promise.all(Array.from({ length: 9 }, (_, i) => requestStep(target, missing(target)).then(step => [step, { responses: i + 1 }])))).flat(),
      await lastRequestStep(target, missing(target))
    ]),
  probeSteps('connection-pipelined', { sends: 'A known request, one for an unknown path, and the known request again, all at once', why: 'Responses must be in order, with no bytes between them', source: PIPELINING },
    [1, 3], async target => [await requestStep(target, known(target)), await requestStep(target, missing(target)), await lastRequestStep(target, known(target))],
    { check: checkOrder }),
  probeSteps('connection-pipelined-head', { sends: 'HEAD, GET and HEAD of an unknown path, all at once', why: 'Clients read a body after a response to HEAD as the next response', source: PIPELINING },
    [1, 3], async target => {
      const head = { ...missing(target), method: 'HEAD' }
      return [await requestStep(target, head), await requestStep(target, missing(target)), await lastRequestStep(target, head)]
    }),
  probeSteps('connection-pipelined-malformed', { sends: 'A known request; after its response, the same request and a malformed one at once', why: 'The parser\'s error must not overtake the response to the request before it', source: PIPELINING },
    [1, 3], async target => {
      const request = await requestStep(target, known(target))
      return [request, { responses: 1 }, request, { send: Buffer.from('malformed\r\n\r\n'), method: 'GET' }]
    },
    { check: ({ responses: [first, second] }) => checkRepeated(first, second, 1) }),
  probeSteps('connection-pipelined-post', { sends: 'POST of malformed JSON, twice at once', why: 'The server can parse the rest of a body as the next request', source: PIPELINING },
    [1, 2], async target => {
      const request = { ...missing(target), method: 'POST', body: '{"a": nope}', headers: { 'content-type': 'application/json' } }
      return [await requestStep(target, request), await lastRequestStep(target, request)]
    }),
  probeSteps('connection-split', { sends: 'A request for an unknown path, byte by byte', why: 'The network can split a request anywhere', source: 'RFC 9112 section 2.2' },
    [1, 1], async target => {
      const bytes = await encodeRequest(target, { ...missing(target), headers: { connection: 'close' } })
      const parts = Array.from(bytes, byte => [{ send: Buffer.of(byte) }, { pause: 1 }]).flat()
      return [...parts.slice(0, -2), { send: bytes.subarray(-1), method: 'GET' }]
    }),
  probeSteps('connection-split-body', { sends: 'The header section of a POST, then after a pause the body', why: 'The server can send an error before it has the body', source: 'RFC 9112 section 9.3' },
    [1, 1], async target => {
      const bytes = await encodeRequest(target, { ...missing(target), method: 'POST', body: { a: 1 }, headers: { connection: 'close' } })
      const end = bytes.indexOf('\r\n\r\n') + 4
      return [{ send: bytes.subarray(0, end), method: 'POST' }, { pause: 100 }, { send: bytes.subarray(end) }]
    }),
  probeSteps('connection-half-closed', { sends: 'A request for an unknown path, then closes its side of the connection', why: 'The server can still send the response', source: 'RFC 9112 section 9.6' },
    [0, 1], async target => [await lastRequestStep(target, missing(target)), { end: true }]),
  probeRequest('connection-close', { sends: 'Connection: close', why: 'The response must have Connection: close, and be the last on its connection', source: 'RFC 9112 section 9.6' },
    target => ({ ...missing(target), headers: { connection: 'close' } })),
  probeRequest('connection-options', { sends: 'A Connection field with several options, including host', why: 'Some servers remove these fields, as a proxy would', source: 'RFC 9110 section 7.6.1' },
    target => ({ ...missing(target), headers: { connection: 'close, te, host, no-such-option', te: 'trailers' } })),
  probeSteps('connection-http-1-0', { sends: 'HTTP/1.0 without Host', why: 'The request is valid, and the server closes the connection after the response', source: 'RFC 9112 section 9.3' },
    [0, 1], target => [{ send: Buffer.from(`GET ${missingPath(target)} HTTP/1.0\r\n\r\n`), method: 'GET' }]),
  probeSteps('connection-http-1-0-kept-alive', { sends: 'HTTP/1.0 with Connection: keep-alive, twice', why: 'HTTP/1.0 has no chunks, so the response needs a length', source: 'RFC 9112 appendix C.2.2' },
    [1, 2], async target => {
      const request = { ...missing(target), headers: { connection: 'keep-alive' } }
      return [await requestStep(target, request, 'HTTP/1.0'), { responses: 1 }, await requestStep(target, missing(target), 'HTTP/1.0')]
    }),
  probeRequest('connection-upgrade-websocket', { sends: 'An Upgrade to websocket for an unknown path', why: 'In many servers the response does not come from the router', source: UPGRADE },
    target => ({
      ...missing(target),
      headers: { connection: 'upgrade, close', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' }
    })),
  probeRequest('connection-upgrade-h2c', { sends: 'An Upgrade to h2c', why: 'It is obsolete; a server ignores or rejects it', source: 'RFC 9113 section 3.1' },
    target => ({ ...missing(target), headers: { connection: 'upgrade, http2-settings, close', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' } })),
  probeRequest('connection-upgrade-unknown', { sends: 'An Upgrade to an unknown protocol', why: 'A 426 is not in the table', source: `${CONTRACT.statusCodes}, ${UPGRADE}` },
    target => ({ ...missing(target), headers: { connection: 'upgrade, close', upgrade: 'no-such-protocol/9' } })),
  probeBytes('connection-request-behind-close', { sends: 'A request with Connection: close, and another request after it', why: 'The second request gets no response', source: 'RFC 9112 section 9.6' },
    target => {
      const request = `GET ${missingPath(target)} HTTP/1.1\r\nHost: ${target.authority}\r\n`
      return `${request}Connection: close\r\n\r\n${request}\r\n`
    }, { answers: [0, 1] }),
  probeSteps('connection-slow-header', { sends: 'Part of a header section, then waits', why: 'A 408 is not in the table, and comes from the server\'s own timer', source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.9` },
    [0, 1], target => [{ send: Buffer.from(`GET ${missingPath(target)} HTTP/1.1\r\nHost: ${target.authority}\r\nA: `), method: 'GET' }], { slow: true }),
  probeSteps('connection-slow-body', { sends: 'Part of a body, then waits', why: 'A 408 is not in the table, and comes from the server\'s own timer', source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.9` },
    [0, 1], async target => {
      const request = target.requests.find(({ body }) => body !== undefined) ?? { ...missing(target), method: 'POST' }
      const headers = { ...request.headers, 'content-type': 'application/json', 'content-length': '100' }
      return [{ send: await encodeRequest(target, { ...request, headers, body: '{"a": "b' }), method: 'POST' }]
    }, { slow: true }),
  probeSteps('connection-slow-nothing', { sends: 'Nothing, then waits', why: 'An unrequested 408 is a response too', source: 'RFC 9110 section 15.5.9' },
    [0, 1], () => [{ responses: 1 }], { slow: true })
]
