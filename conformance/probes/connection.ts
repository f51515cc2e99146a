import { isUnsuccessful } from '../../lib/status-codes.js'
import type { Answer } from '../answer.js'
import type { Exchange } from '../exchange.js'
import { ask, raw, sends, sendsLast, steps, type Probe } from '../probe.js'
import { compose } from '../request.js'
import { EXCHANGE, type Violation } from '../rules.js'
import { nowhere, type Target } from '../target.js'

const PERSISTENCE = 'RFC 9112 section 9.3'
const PIPELINING = 'RFC 9112 section 9.3.2'
const UPGRADE = 'RFC 9110 section 7.8'

const error = (target: Target) => ({ url: nowhere(target) })
const good = ({ requests }: Target) => requests[0]!

/** Answers in order: a good one on both sides of an error. */
function inOrder ({ answers: [first, second, third] }: Exchange): Violation[] {
  // Where the service has no good answer, the order cannot be seen.
  if (first === undefined || isUnsuccessful(first.statusCode)) return []
  const violations: Violation[] = []
  if (second !== undefined && !isUnsuccessful(second.statusCode)) {
    violations.push({ rule: EXCHANGE.order, found: `${second.statusCode} to a request for what is not there`, answer: 1 })
  }
  return [...violations, ...repeats(first, third, 2)]
}

/** Whether a good request is answered as it was before. */
function repeats (before: Answer | undefined, answer: Answer | undefined, i: number): Violation[] {
  if (before === undefined || answer === undefined || isUnsuccessful(before.statusCode) || answer.statusCode === before.statusCode) return []
  return [{ rule: EXCHANGE.order, found: `${answer.statusCode} to the request that was answered ${before.statusCode} before`, answer: i }]
}

/** How connections live on, or end. */
export const connection: readonly Probe[] = [
  steps('connection-kept-alive', { sends: 'A request for what is not there, and on the same connection a good one', why: 'An error is no reason to close; a client that knows its end goes on', source: PERSISTENCE },
    [1, 2], async target => [await sends(target, error(target)), { answers: 1 }, await sendsLast(target, good(target))]),
  steps('connection-kept-alive-head', { sends: 'HEAD of what is not there, and on the same connection a good request', why: 'A body after the answer to HEAD is read as the next answer', source: 'RFC 9110 section 9.3.2' },
    [1, 2], async target => [await sends(target, { ...error(target), method: 'HEAD' }), { answers: 1 }, await sendsLast(target, good(target))]),
  steps('connection-kept-alive-body', { sends: 'POST of a body to what is not there, and on the same connection a good request', why: 'A body that is not read is taken for the next request', source: PERSISTENCE },
    [1, 2], async target => [await sends(target, { ...error(target), method: 'POST', body: 'GET / HTTP/1.1\r\n\r\n' }), { answers: 1 }, await sendsLast(target, good(target))]),
  steps('connection-many-errors', { sends: 'Ten requests for what is not there, one after the other', why: 'What an error leaves behind adds up', source: PERSISTENCE },
    [1, 10], async target => [
      ...(await Promise.all(Array.from({ length: 9 }, (_, i) => sends(target, error(target)).then(step => [step, { answers: i + 1 }])))).flat(),
      await sendsLast(target, error(target))
    ]),
  steps('connection-pipelined', { sends: 'A good request, one for what is not there and the good one again, at once', why: 'The answers come in order, with nothing between them', source: PIPELINING },
    [1, 3], async target => [await sends(target, good(target)), await sends(target, error(target)), await sendsLast(target, good(target))],
    { check: inOrder }),
  steps('connection-pipelined-head', { sends: 'HEAD, GET and HEAD of what is not there, at once', why: 'A body after the answer to HEAD is read as the next answer', source: PIPELINING },
    [1, 3], async target => {
      const head = { ...error(target), method: 'HEAD' }
      return [await sends(target, head), await sends(target, error(target)), await sendsLast(target, head)]
    }),
  steps('connection-pipelined-malformed', { sends: 'A good request, and after its answer the same again with a malformed one behind it, at once', why: 'The parser\'s error must not overtake the answer that is still to come', source: PIPELINING },
    [1, 3], async target => {
      const request = await sends(target, good(target))
      return [request, { answers: 1 }, request, { send: Buffer.from('malformed\r\n\r\n'), method: 'GET' }]
    },
    { check: ({ answers: [first, second] }) => repeats(first, second, 1) }),
  steps('connection-pipelined-post', { sends: 'POST of a body that is no JSON, twice at once', why: 'What is left of a body is taken for the next request', source: PIPELINING },
    [1, 2], async target => {
      const request = { ...error(target), method: 'POST', body: '{"a": nope}', headers: { 'content-type': 'application/json' } }
      return [await sends(target, request), await sendsLast(target, request)]
    }),
  steps('connection-split', { sends: 'A request for what is not there, byte by byte', why: 'Bytes come as the network has them', source: 'RFC 9112 section 2.2' },
    [1, 1], async target => {
      const bytes = await compose(target, { ...error(target), headers: { connection: 'close' } })
      const parts = Array.from(bytes, byte => [{ send: Buffer.of(byte) }, { pause: 1 }]).flat()
      return [...parts.slice(0, -2), { send: bytes.subarray(-1), method: 'GET' }]
    }),
  steps('connection-split-body', { sends: 'The header section of a POST, and after a pause the body', why: 'An error can be sent before the body is there', source: 'RFC 9112 section 9.3' },
    [1, 1], async target => {
      const bytes = await compose(target, { ...error(target), method: 'POST', body: { a: 1 }, headers: { connection: 'close' } })
      const end = bytes.indexOf('\r\n\r\n') + 4
      return [{ send: bytes.subarray(0, end), method: 'POST' }, { pause: 100 }, { send: bytes.subarray(end) }]
    }),
  steps('connection-half-closed', { sends: 'A request for what is not there, and closes its side', why: 'The other side is open for the answer', source: 'RFC 9112 section 9.6' },
    [0, 1], async target => [await sendsLast(target, error(target)), { end: true }]),
  ask('connection-close', { sends: 'Connection: close', why: 'The answer is the last, and says so', source: 'RFC 9112 section 9.6' },
    target => ({ ...error(target), headers: { connection: 'close' } })),
  ask('connection-options', { sends: 'A Connection of several options, one of them Host', why: 'What an intermediary would take away is taken away by some servers', source: 'RFC 9110 section 7.6.1' },
    target => ({ ...error(target), headers: { connection: 'close, te, host, no-such-option', te: 'trailers' } })),
  steps('connection-http-1-0', { sends: 'HTTP/1.0 without Host', why: 'It is valid there, and the connection is closed behind the answer', source: 'RFC 9112 section 9.3' },
    [0, 1], target => [{ send: Buffer.from(`GET ${nowhere(target)} HTTP/1.0\r\n\r\n`), method: 'GET' }]),
  steps('connection-http-1-0-kept-alive', { sends: 'HTTP/1.0 with Connection: keep-alive, twice', why: 'There are no chunks, so the length must be known', source: 'RFC 9112 appendix C.2.2' },
    [1, 2], async target => {
      const request = { ...error(target), headers: { connection: 'keep-alive' } }
      return [await sends(target, request, 'HTTP/1.0'), { answers: 1 }, await sends(target, error(target), 'HTTP/1.0')]
    }),
  ask('connection-upgrade-websocket', { sends: 'An Upgrade to websocket for what is not there', why: 'It is answered past the router in many servers', source: UPGRADE },
    target => ({
      ...error(target),
      headers: { connection: 'upgrade, close', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' }
    })),
  ask('connection-upgrade-h2c', { sends: 'An Upgrade to h2c', why: 'It is obsolete, and ignored or refused', source: 'RFC 9113 section 3.1' },
    target => ({ ...error(target), headers: { connection: 'upgrade, http2-settings, close', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' } })),
  ask('connection-upgrade-unknown', { sends: 'An Upgrade to a protocol that there is not', why: 'A 426 is not of the table', source: `responses.md, ${UPGRADE}` },
    target => ({ ...error(target), headers: { connection: 'upgrade, close', upgrade: 'no-such-protocol/9' } })),
  raw('connection-request-behind-close', { sends: 'A request with Connection: close, and another behind it', why: 'The second is not answered', source: 'RFC 9112 section 9.6' },
    target => {
      const request = `GET ${nowhere(target)} HTTP/1.1\r\nHost: ${target.authority}\r\n`
      return `${request}Connection: close\r\n\r\n${request}\r\n`
    }, { answers: [0, 1] }),
  steps('connection-slow-header', { sends: 'A part of a header section, and waits', why: 'A 408 is not of the table, and comes from the server\'s own timer', source: 'responses.md, RFC 9110 section 15.5.9' },
    [0, 1], target => [{ send: Buffer.from(`GET ${nowhere(target)} HTTP/1.1\r\nHost: ${target.authority}\r\nA: `), method: 'GET' }], { slow: true }),
  steps('connection-slow-body', { sends: 'A part of a body, and waits', why: 'A 408 is not of the table, and comes from the server\'s own timer', source: 'responses.md, RFC 9110 section 15.5.9' },
    [0, 1], async target => {
      const request = target.requests.find(({ body }) => body !== undefined) ?? { ...error(target), method: 'POST' }
      const headers = { ...request.headers, 'content-type': 'application/json', 'content-length': '100' }
      return [{ send: await compose(target, { ...request, headers, body: '{"a": "b' }), method: 'POST' }]
    }, { slow: true }),
  steps('connection-slow-nothing', { sends: 'Nothing, and waits', why: 'A 408 that nobody asked for is an answer, too', source: 'RFC 9110 section 15.5.9' },
    [0, 1], () => [{ answers: 1 }], { slow: true })
]
