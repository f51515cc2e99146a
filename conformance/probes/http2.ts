import { gzipSync } from 'node:zlib'
import { toHttp2Request } from '../exchange/http2.js'
import type { RequestOptions } from '../exchange/request.js'
import { CONTRACT } from '../sources.js'
import { missingPath, type Target } from '../target.js'
import { probeHttp2, type Probe } from './probe.js'

const MALFORMED = 'RFC 9113 section 8.1.1'
const CARRIER = 'HTTP/2 has no reason phrase, so only the header has the message'

const JSON_TYPE = { 'content-type': 'application/json' }

const oneRequest = (request: (target: Target) => RequestOptions) => async (target: Target) => [await toHttp2Request(target, request(target))]

const knownPath = (target: Target): string => target.requests[0]!.url.split('?')[0]!.replace(/\/$/, '')
const missing = (target: Target) => ({ url: missingPath(target) })
const known = ({ requests }: Target) => requests[0]!

/** Returns a request with this body: to a known path that accepts a body, or to an unknown path. */
const withBody = (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) => oneRequest(target => {
  const { method, url } = target.requests.find(request => request.body !== undefined) ?? { method: 'POST', url: missingPath(target) }
  return { method, url, body, headers }
})

/** The probes of the other groups that can also be sent over HTTP/2. */
export const http2: readonly Probe[] = [
  probeHttp2('http2-text-no-resource', { sends: 'GET of an unknown path', why: CARRIER, source: CONTRACT.message }, 1, oneRequest(missing)),
  probeHttp2('http2-text-no-resource-head', { sends: 'HEAD of an unknown path', why: CARRIER, source: 'RFC 9110 section 9.3.2' }, 1,
    oneRequest(target => ({ ...missing(target), method: 'HEAD' }))),
  probeHttp2('http2-text-no-resource-post', { sends: 'POST of JSON to an unknown path', why: CARRIER, source: CONTRACT.message }, 1,
    oneRequest(target => ({ ...missing(target), method: 'POST', body: {} }))),
  probeHttp2('http2-text-good', { sends: 'A known request', why: 'A success has no header', source: CONTRACT.successful }, 1, oneRequest(known)),
  probeHttp2('http2-text-over-512', { sends: 'GET of an unknown path of 600 characters', why: 'Messages often repeat the path; the header is truncated to 512 characters', source: CONTRACT.message }, 1,
    oneRequest(target => ({ url: missingPath(target, '/' + 'h'.repeat(600)) }))),
  probeHttp2('http2-text-not-ascii', { sends: 'GET of an unknown path of percent-encoded emoji', why: 'A message that repeats it must still be ASCII', source: CONTRACT.message }, 1,
    oneRequest(target => ({ url: missingPath(target, '/' + '%F0%9F%98%80'.repeat(140)) }))),
  probeHttp2('http2-text-line-break', { sends: 'GET of an unknown path with a percent-encoded line break', why: 'A line break in a field value makes the response malformed', source: 'RFC 9113 section 8.2.1' }, 1,
    oneRequest(target => ({ url: missingPath(target, '/%0D%0ASet-Cookie:%20a=b') }))),
  probeHttp2('http2-text-range', { sends: 'A known request with a range that cannot be satisfied', why: 'A 416 has Content-Range, and is not in the table', source: CONTRACT.statusCodes }, 1,
    oneRequest(target => ({ ...known(target), headers: { ...known(target).headers, range: 'bytes=999999999999-' } }))),
  probeHttp2('http2-routing-wrong-method', { sends: 'PROPFIND of a known path', why: 'A 405 is not in the table', source: CONTRACT.statusCodes }, 1,
    oneRequest(target => ({ ...known(target), method: 'PROPFIND', body: undefined }))),
  probeHttp2('http2-routing-unknown-method', { sends: 'An unknown method', why: 'No HTTP/1.1 parser rejects it before the router', source: 'RFC 9110 section 9.1' }, 0,
    oneRequest(target => ({ url: knownPath(target), method: 'FROBNICATE' }))),
  probeHttp2('http2-routing-options-asterisk', { sends: 'OPTIONS *', why: 'The request is about the server, and most routers have no such path', source: 'RFC 9113 section 8.3.1' }, 1,
    oneRequest(() => ({ method: 'OPTIONS', url: '*' }))),
  probeHttp2('http2-routing-connect', { sends: 'CONNECT to another host', why: 'It asks for a tunnel, and the response does not come from the router', source: 'RFC 9113 section 8.5' }, 0,
    () => [{ headers: { ':method': 'CONNECT', ':authority': 'example.invalid:443' }, body: new Uint8Array() }]),
  probeHttp2('http2-routing-bad-percent', { sends: 'GET of a path with a percent sign and no digits', why: 'Routers cannot decode it, and can respond in their own format', source: 'RFC 3986 section 2.1' }, 0,
    oneRequest(target => ({ url: `${target.base}/%` }))),
  probeHttp2('http2-routing-bad-utf-8', { sends: 'GET of a known path with a segment that decodes to invalid UTF-8', why: 'It causes a decoding error only in some languages', source: 'RFC 3986 section 2.5' }, 0,
    oneRequest(target => ({ url: `${knownPath(target)}/%ff%fe%c0%80` }))),
  probeHttp2('http2-routing-long-path', { sends: 'GET of an unknown path of 8000 characters', why: 'A 414 is not in the table', source: `${CONTRACT.statusCodes}, RFC 9110 section 4.1` }, 1,
    oneRequest(target => ({ url: missingPath(target, '/' + 'l'.repeat(7900)) }))),
  probeHttp2('http2-routing-overlong-parameter', { sends: 'GET of a known path with a segment of 1000 characters', why: 'Routers limit the length of parameters', source: CONTRACT.unsuccessful }, 1,
    oneRequest(target => ({ url: `${knownPath(target)}/${'p'.repeat(1000)}` }))),
  probeHttp2('http2-routing-no-slash', { sends: 'GET of a path that does not start with a slash', why: 'The request is malformed', source: 'RFC 9113 section 8.3.1' }, 0,
    oneRequest(() => ({ url: 'no-slash' }))),
  probeHttp2('http2-routing-traversal', { sends: 'GET of a path with dot segments above the root', why: 'File servers reject it in their own format', source: 'RFC 3986 section 5.2.4' }, 1,
    oneRequest(target => ({ url: `${target.base}/../..%2f%2e%2e/etc/passwd` }))),
  probeHttp2('http2-routing-nul-encoded', { sends: 'GET of a known path with a segment of a percent-encoded NUL', why: 'Errors of file systems and databases can leak', source: 'RFC 3986 section 7.3' }, 1,
    oneRequest(target => ({ url: `${knownPath(target)}/%00` }))),
  probeHttp2('http2-framing-authority-empty', { sends: 'GET with an empty authority', why: 'An http or https URI must have a host', source: 'RFC 9113 section 8.3.1' }, 0,
    async target => [await toHttp2Request(target, missing(target), { ':authority': '' })]),
  probeHttp2('http2-framing-authority-bad', { sends: 'An invalid authority', why: 'It is rejected when the server parses it as a URL', source: 'RFC 9113 section 8.3.1' }, 0,
    async target => [await toHttp2Request(target, missing(target), { ':authority': 'a b@[::1' })]),
  probeHttp2('http2-framing-length-disagreeing', { sends: 'A Content-Length that differs from the length of the body', why: 'The request is malformed', source: MALFORMED }, 0,
    async target => [await toHttp2Request(target, { ...missing(target), method: 'POST', body: 'abc' }, { 'content-length': '10' })]),
  probeHttp2('http2-framing-section-too-large', { sends: 'A header section of 60 000 bytes', why: 'A 431 is not in the table', source: 'RFC 9113 section 10.5.1' }, 0,
    oneRequest(target => ({ ...missing(target), headers: Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`a${i}`, 'b'.repeat(1000)])) }))),
  probeHttp2('http2-payload-malformed-json', { sends: 'Malformed JSON', why: 'The parser\'s own message can leak', source: CONTRACT.message }, 1, withBody('{"a": nope}')),
  probeHttp2('http2-payload-empty-json', { sends: 'An empty body with the media type JSON', why: 'An empty body is not JSON', source: CONTRACT.unsuccessful }, 1, withBody('')),
  probeHttp2('http2-payload-type-unknown', { sends: 'An unknown media type', why: 'A 415 is not in the table', source: CONTRACT.statusCodes }, 1,
    withBody('{}', { 'content-type': 'application/x-no-such-type' })),
  probeHttp2('http2-payload-type-missing', { sends: 'A body without Content-Type', why: 'The server must guess the media type or reject the body', source: CONTRACT.unsuccessful }, 1,
    withBody(Buffer.from('{}'), {})),
  probeHttp2('http2-payload-encoding', { sends: 'JSON compressed with gzip', why: 'Many servers do not support it in requests', source: CONTRACT.unsuccessful }, 1,
    withBody(gzipSync('{}'), { ...JSON_TYPE, 'content-encoding': 'gzip' })),
  probeHttp2('http2-payload-too-large', { sends: 'A body of 4 MiB', why: 'A 413 is not in the table, and the rest of the body stays unread', source: CONTRACT.statusCodes }, 0,
    withBody('a'.repeat(4 * 1024 * 1024))),
  probeHttp2('http2-payload-expect-unknown', { sends: 'An unknown expectation', why: 'A 417 is not in the table', source: CONTRACT.statusCodes }, 0,
    withBody('{}', { ...JSON_TYPE, expect: 'no-such-expectation' })),
  probeHttp2('http2-connection-concurrent', { sends: 'A known request, two for an unknown path, and the known request again, all at once', why: 'An error must not reset other streams', source: 'RFC 9113 section 5.4.2' }, 4,
    async target => [
      await toHttp2Request(target, known(target)), await toHttp2Request(target, missing(target)),
      await toHttp2Request(target, { ...missing(target), method: 'HEAD' }), await toHttp2Request(target, known(target))
    ]),
  probeHttp2('http2-connection-kept', { sends: 'A request for an unknown path, then after its response a known request', why: 'An error must not close the connection', source: 'RFC 9113 section 5.4.2' }, 1,
    async target => [await toHttp2Request(target, missing(target)), { ...await toHttp2Request(target, known(target)), waitsForPrevious: true }])
]
