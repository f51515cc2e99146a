import { CONTRACT } from '../sources.js'
import { missingPath, type Target } from '../target.js'
import { probeBytes, probeRequest, type Probe } from './probe.js'

/** Returns a request with this request line. */
const withRequestLine = (start: (target: Target) => string) => (target: Target) =>
  `${start(target)}\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`

const knownTarget = (target: Target): string => target.requests[0]!.url

/** Returns the path of a known request, without a slash at its end. */
function knownPath (target: Target): string {
  return knownTarget(target).split('?')[0]!.replace(/\/$/, '')
}

/** Methods and request targets. */
export const routing: readonly Probe[] = [
  probeRequest('routing-wrong-method', {
    sends: 'PROPFIND of a known path',
    why: 'A 405 is not in the table, and can come from the router or the HTTP parser',
    source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.6`
  }, target => ({ method: 'PROPFIND', url: knownTarget(target) })),
  probeRequest('routing-trace', {
    sends: 'TRACE of a known path',
    why: 'A server that supports TRACE responds with a body',
    source: 'RFC 9110 section 9.3.8'
  }, target => ({ method: 'TRACE', url: knownTarget(target) })),
  probeBytes('routing-unknown-method', {
    sends: 'An unknown method',
    why: 'The HTTP parser can reject it before the router',
    source: 'RFC 9110 section 9.1'
  }, withRequestLine(target => `FROBNICATE ${knownTarget(target)} HTTP/1.1`)),
  probeBytes('routing-lower-case-method', {
    sends: 'GET in lower case',
    why: 'Methods are case-sensitive',
    source: 'RFC 9110 section 9.1'
  }, withRequestLine(target => `get ${knownTarget(target)} HTTP/1.1`)),
  probeBytes('routing-long-method', {
    sends: 'A method of 10 000 letters',
    why: 'Many parsers stop before its end',
    source: 'RFC 9112 section 3'
  }, withRequestLine(target => `${'M'.repeat(10_000)} ${knownTarget(target)} HTTP/1.1`)),
  probeRequest('routing-options-asterisk', {
    sends: 'OPTIONS *',
    why: 'The request is about the server, and most routers have no such path',
    source: 'RFC 9112 section 3.2.4'
  }, () => ({ method: 'OPTIONS', url: '*' })),
  probeRequest('routing-options', {
    sends: 'OPTIONS of a known path',
    why: 'A plugin can respond before the router',
    source: 'RFC 9110 section 9.3.7'
  }, target => ({ method: 'OPTIONS', url: knownTarget(target) })),
  probeBytes('routing-get-asterisk', {
    sends: 'GET *',
    why: 'The asterisk-form is only for OPTIONS',
    source: 'RFC 9112 section 3.2.4'
  }, withRequestLine(() => 'GET * HTTP/1.1')),
  probeBytes('routing-connect', {
    sends: 'CONNECT to another host in authority-form',
    why: 'It asks for a tunnel, and the response does not come from the router',
    source: 'RFC 9112 section 3.2.3'
  }, withRequestLine(() => 'CONNECT example.invalid:443 HTTP/1.1'), { method: 'CONNECT' }),
  probeBytes('routing-connect-origin-form', {
    sends: 'CONNECT in origin-form',
    why: 'CONNECT takes only an authority',
    source: 'RFC 9112 section 3.2.3'
  }, withRequestLine(target => `CONNECT ${knownTarget(target)} HTTP/1.1`), { method: 'CONNECT' }),
  probeBytes('routing-authority-form', {
    sends: 'GET in authority-form',
    why: 'The authority-form is only for CONNECT',
    source: 'RFC 9112 section 3.2.3'
  }, withRequestLine(target => `GET ${target.authority} HTTP/1.1`)),
  probeRequest('routing-absolute-form', {
    sends: 'GET of an unknown path in absolute-form',
    why: 'A server must accept it',
    source: 'RFC 9112 section 3.2.2'
  }, target => ({ url: `${target.scheme}://${target.authority}${missingPath(target)}` })),
  probeBytes('routing-absolute-form-other', {
    sends: 'GET of another scheme and host in absolute-form',
    why: 'A server that is not a proxy rejects it',
    source: 'RFC 9110 section 7.4'
  }, withRequestLine(() => 'GET ftp://example.invalid/ HTTP/1.1')),
  probeBytes('routing-no-slash', {
    sends: 'GET of a path that does not start with a slash',
    why: 'No form of a request target starts like this',
    source: 'RFC 9112 section 3.2'
  }, withRequestLine(() => 'GET no-slash HTTP/1.1')),
  probeBytes('routing-empty-target', {
    sends: 'GET of an empty request target',
    why: 'A request target must not be empty',
    source: 'RFC 9112 section 3.2'
  }, withRequestLine(() => 'GET  HTTP/1.1')),
  probeBytes('routing-space-in-target', {
    sends: 'GET of an unknown path with a space',
    why: 'A server must not read the space as part of the path',
    source: 'RFC 9112 section 3'
  }, withRequestLine(target => `GET ${missingPath(target)} a HTTP/1.1`)),
  probeBytes('routing-fragment', {
    sends: 'GET of an unknown path with a fragment',
    why: 'A request target has no fragment',
    source: 'RFC 9112 section 3.2'
  }, withRequestLine(target => `GET ${missingPath(target)}#fragment HTTP/1.1`)),
  probeBytes('routing-bad-percent', {
    sends: 'GET of a path with a percent sign and no digits',
    why: 'Routers cannot decode it, and can respond in their own format',
    source: 'RFC 3986 section 2.1'
  }, withRequestLine(target => `GET ${target.base}/% HTTP/1.1`)),
  probeBytes('routing-bad-percent-digits', {
    sends: 'GET of a known path with a segment of a percent sign and letters',
    why: 'Parameters are decoded later than the path',
    source: 'RFC 3986 section 2.1'
  }, withRequestLine(target => `GET ${knownPath(target)}/%zz HTTP/1.1`)),
  probeBytes('routing-bad-utf-8', {
    sends: 'GET of a known path with a segment that decodes to invalid UTF-8',
    why: 'It causes a decoding error only in some languages',
    source: 'RFC 3986 section 2.5'
  }, withRequestLine(target => `GET ${knownPath(target)}/%ff%fe%c0%80 HTTP/1.1`)),
  probeRequest('routing-long-path', {
    sends: 'GET of an unknown path of 8000 characters',
    why: 'Servers should support 8000 characters; 414 is not in the table',
    source: `${CONTRACT.statusCodes}, RFC 9110 section 4.1`
  }, target => ({ url: missingPath(target, '/' + 'l'.repeat(7900)) })),
  probeBytes('routing-overlong-path', {
    sends: 'GET of an unknown path of 100 000 characters',
    why: 'Most parsers reject it and respond 414 or 431 themselves',
    source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.15`
  }, withRequestLine(target => `GET ${missingPath(target, '/' + 'o'.repeat(100_000))} HTTP/1.1`)),
  probeRequest('routing-overlong-parameter', {
    sends: 'GET of a known path with a segment of 1000 characters',
    why: 'Routers limit the length of parameters, and can respond in their own format',
    source: CONTRACT.unsuccessful
  }, target => ({ url: `${knownPath(target)}/${'p'.repeat(1000)}` })),
  probeRequest('routing-long-query', {
    sends: 'GET of an unknown path with 1000 query parameters',
    why: 'Query parsers have their own limits',
    source: CONTRACT.unsuccessful
  }, target => ({ url: missingPath(target, '?' + 'a=1&'.repeat(1000)) })),
  probeBytes('routing-query-nested', {
    sends: 'GET of a known path with a query of nested brackets, __proto__ and a percent sign',
    why: 'Query parsers can fail on it',
    source: CONTRACT.unsuccessful
  }, withRequestLine(target => `GET ${knownPath(target)}?${'a[b]'.repeat(20)}=1&__proto__[a]=1&constructor=1&% HTTP/1.1`)),
  probeRequest('routing-traversal', {
    sends: 'GET of a path with dot segments above the root',
    why: 'File servers reject it in their own format',
    source: 'RFC 3986 section 5.2.4'
  }, target => ({ url: `${target.base}/../../../../etc/passwd` })),
  probeRequest('routing-traversal-encoded', {
    sends: 'GET of a path with percent-encoded dot segments above the root',
    why: 'File servers reject it in their own format',
    source: 'RFC 3986 section 6.2.2.2'
  }, target => ({ url: `${target.base}/..%2f..%2f%2e%2e/etc%5cpasswd` })),
  probeRequest('routing-double-slash', {
    sends: 'GET of a path that starts with two slashes',
    why: 'A URL parser can read it as an authority',
    source: 'RFC 3986 section 3.3'
  }, () => ({ url: '//example.invalid/no-such-resource' })),
  probeBytes('routing-nul', {
    sends: 'GET of an unknown path with a NUL',
    why: 'Parsers reject it before the router',
    source: 'RFC 9112 section 3.2'
  }, withRequestLine(target => `GET ${missingPath(target)}\0 HTTP/1.1`)),
  probeRequest('routing-nul-encoded', {
    sends: 'GET of a known path with a segment of a percent-encoded NUL',
    why: 'NUL ends strings in file systems and databases, and their errors can leak',
    source: 'RFC 3986 section 7.3'
  }, target => ({ url: `${knownPath(target)}/%00` })),
  probeRequest('routing-prototype', {
    sends: 'GET of a path of property names that every object has',
    why: 'A route table that is a plain object also has these properties',
    source: CONTRACT.unsuccessful
  }, target => ({ url: `${target.base}/__proto__/constructor/toString` }))
]
