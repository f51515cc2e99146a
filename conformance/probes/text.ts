import { CONTRACT } from '../sources.js'
import { missingPath } from '../target.js'
import { probeBytes, probeRequest, type Probe } from './probe.js'

/** The status code, the message, and the limits of the message. */
export const text: readonly Probe[] = [
  probeRequest('text-no-resource', {
    sends: 'GET of an unknown path',
    why: 'This is the simplest error',
    source: `${CONTRACT.unsuccessful}, RFC 9110 section 15.5.5`
  }, target => ({ url: missingPath(target) })),
  probeRequest('text-no-resource-head', {
    sends: 'HEAD of an unknown path',
    why: 'Clients read a body after a response to HEAD as the next response',
    source: 'RFC 9110 section 9.3.2'
  }, target => ({ method: 'HEAD', url: missingPath(target) })),
  probeRequest('text-no-resource-post', {
    sends: 'POST of JSON to an unknown path',
    why: 'Errors before the body is read can come from another part of the server',
    source: CONTRACT.unsuccessful
  }, target => ({ method: 'POST', url: missingPath(target), body: { a: 1 } })),
  probeRequest('text-no-resource-put', {
    sends: 'PUT of text to an unknown path',
    why: 'Errors before the body is read can come from another part of the server',
    source: CONTRACT.unsuccessful
  }, target => ({ method: 'PUT', url: missingPath(target), body: 'text', headers: { 'content-type': 'text/plain' } })),
  probeRequest('text-no-resource-patch', {
    sends: 'PATCH of an unknown path',
    why: 'Each method can have its own error handling',
    source: `${CONTRACT.unsuccessful}, RFC 5789 section 2.2`
  }, target => ({ method: 'PATCH', url: missingPath(target), body: {} })),
  probeRequest('text-no-resource-delete', {
    sends: 'DELETE of an unknown path',
    why: 'Each method can have its own error handling',
    source: CONTRACT.unsuccessful
  }, target => ({ method: 'DELETE', url: missingPath(target) })),
  probeRequest('text-root', {
    sends: 'GET of the root',
    why: 'A success has no header, and an error has no body',
    source: CONTRACT.unsuccessful
  }, target => ({ url: `${target.base}/` })),
  probeRequest('text-root-head', {
    sends: 'HEAD of the root',
    why: 'The response must be the one to GET, without the body',
    source: 'RFC 9110 section 9.3.2'
  }, target => ({ method: 'HEAD', url: `${target.base}/` })),
  probeRequest('text-over-128', {
    sends: 'GET of an unknown path of 200 characters',
    why: 'Messages often repeat the path; the reason phrase is truncated to 128 characters, the header is not',
    source: CONTRACT.message
  }, target => ({ url: missingPath(target, '/' + 'p'.repeat(200)) })),
  probeRequest('text-over-512', {
    sends: 'GET of an unknown path of 600 characters',
    why: 'Messages often repeat the path; the header is truncated to 512 characters',
    source: CONTRACT.message
  }, target => ({ url: missingPath(target, '/' + 'h'.repeat(600)) })),
  probeRequest('text-blank-at-cut', {
    sends: 'GET of an unknown path with a space at every second character',
    why: 'Truncation can leave a space at the end, and no field value ends with a space',
    source: `${CONTRACT.message}, RFC 9110 section 5.5`
  }, target => ({ url: missingPath(target, '/' + 'b%20'.repeat(300)) })),
  probeRequest('text-not-ascii', {
    sends: 'GET of an unknown path in Greek with a query in Chinese, both percent-encoded',
    why: 'A message that repeats it must still be ASCII',
    source: CONTRACT.message
  }, target => ({ url: missingPath(target, '/%CE%B1%CE%B2%CE%B3?q=%E4%BD%A0%E5%A5%BD') })),
  probeRequest('text-emoji', {
    sends: 'GET of an unknown path of percent-encoded emoji',
    why: 'In many languages an emoji is a surrogate pair, and truncation can split it',
    source: CONTRACT.message
  }, target => ({ url: missingPath(target, '/' + '%F0%9F%98%80'.repeat(140)) })),
  probeBytes('text-not-ascii-bytes', {
    sends: 'GET of an unknown path with bytes that are not ASCII',
    why: 'Some servers accept them and repeat them in the message',
    source: `${CONTRACT.message}, RFC 3986 section 2`
  }, target => `GET ${missingPath(target)}/\xc3\xa9\xff HTTP/1.1\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  probeRequest('text-line-break', {
    sends: 'GET of an unknown path with a percent-encoded line break and response after it',
    why: 'A message that repeats it must not split the response (CWE-113)',
    source: 'RFC 9110 section 5.5'
  }, target => ({ url: missingPath(target, '/%0D%0A%0D%0AHTTP/1.1%20200%20OK%0D%0AContent-Length:%200%0D%0A%0D%0A') })),
  probeRequest('text-line-break-query', {
    sends: 'GET of a query with a percent-encoded line break and header field after it',
    why: 'A message that repeats it must not split the response (CWE-113)',
    source: 'RFC 9110 section 5.5'
  }, target => ({ url: missingPath(target, '?a=%0D%0ASet-Cookie:%20a=b') })),
  probeRequest('text-control', {
    sends: 'GET of an unknown path with percent-encoded control characters',
    why: 'They are ASCII, but not printable',
    source: 'RFC 9110 section 5.5'
  }, target => ({ url: missingPath(target, '/%01%07%1B%5B31m%7F') })),
  probeRequest('text-accept-html', {
    sends: 'GET of an unknown path with the Accept field of a browser',
    why: 'Many servers send an error page to browsers',
    source: CONTRACT.noBody
  }, target => ({ url: missingPath(target), headers: { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' } })),
  probeRequest('text-accept-problem', {
    sends: 'GET of an unknown path that accepts application/problem+json',
    why: 'Frameworks that support RFC 9457 send a body',
    source: CONTRACT.noBody
  }, target => ({ url: missingPath(target), headers: { accept: 'application/problem+json' } })),
  probeRequest('text-accept-nothing', {
    sends: 'GET of the root that accepts only an unknown media type',
    why: 'A 406 is not in the table',
    source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.7`
  }, target => ({ url: `${target.base}/`, headers: { accept: 'application/x-no-such-type, */*;q=0' } })),
  probeRequest('text-accept-encoding', {
    sends: 'GET of an unknown path that accepts gzip, br and deflate',
    why: 'Compression must not change responses without a body',
    source: `${CONTRACT.noBody}, RFC 9110 section 8.4`
  }, target => ({ url: missingPath(target), headers: { 'accept-encoding': 'gzip, br, deflate' } })),
  probeRequest('text-range', {
    sends: 'GET of the root with a range that cannot be satisfied',
    why: 'A 416 has Content-Range, and is not in the table',
    source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.17`
  }, target => ({ url: `${target.base}/`, headers: { range: 'bytes=999999999999-' } })),
  probeRequest('text-precondition', {
    sends: 'GET of the root with an If-Match that matches nothing',
    why: 'A 412 has ETag, and is not in the table',
    source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.13`
  }, target => ({ url: `${target.base}/`, headers: { 'if-match': '"no-such-representation"' } })),
  probeRequest('text-origin', {
    sends: 'GET of an unknown path with an Origin field',
    why: 'CORS plugins must not remove other header fields',
    source: CONTRACT.unsuccessful
  }, target => ({ url: missingPath(target), headers: { origin: 'https://example.com' } })),
  probeRequest('text-preflight', {
    sends: 'A CORS preflight for an unknown path',
    why: 'A CORS plugin can respond before the router',
    source: CONTRACT.unsuccessful
  }, target => ({ method: 'OPTIONS', url: missingPath(target), headers: { origin: 'https://example.com', 'access-control-request-method': 'DELETE' } })),
  probeRequest('text-authorization', {
    sends: 'GET of an unknown path with invalid credentials',
    why: 'A 401 must have WWW-Authenticate',
    source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.2`
  }, target => ({ url: missingPath(target), headers: { authorization: 'Bearer not-a-token' } }))
]
