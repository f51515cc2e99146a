import { ask, raw, type Probe } from '../probe.js'
import { nowhere } from '../target.js'

const RESPONSES = 'responses.md'

/** The table and the text: what an error says, and how. */
export const text: readonly Probe[] = [
  ask('text-no-resource', {
    sends: 'GET of a path that no service has',
    why: 'The plainest error there is',
    source: `${RESPONSES}, RFC 9110 section 15.5.5`
  }, target => ({ url: nowhere(target) })),
  ask('text-no-resource-head', {
    sends: 'HEAD of a path that no service has',
    why: 'A body after the answer to HEAD is read as the next answer',
    source: 'RFC 9110 section 9.3.2'
  }, target => ({ method: 'HEAD', url: nowhere(target) })),
  ask('text-no-resource-post', {
    sends: 'POST of JSON to a path that no service has',
    why: 'Errors before a body is read come from elsewhere',
    source: RESPONSES
  }, target => ({ method: 'POST', url: nowhere(target), body: { a: 1 } })),
  ask('text-no-resource-put', {
    sends: 'PUT of a text to a path that no service has',
    why: 'Errors before a body is read come from elsewhere',
    source: RESPONSES
  }, target => ({ method: 'PUT', url: nowhere(target), body: 'text', headers: { 'content-type': 'text/plain' } })),
  ask('text-no-resource-patch', {
    sends: 'PATCH of a path that no service has',
    why: 'Every method has its errors',
    source: `${RESPONSES}, RFC 5789 section 2.2`
  }, target => ({ method: 'PATCH', url: nowhere(target), body: {} })),
  ask('text-no-resource-delete', {
    sends: 'DELETE of a path that no service has',
    why: 'Every method has its errors',
    source: RESPONSES
  }, target => ({ method: 'DELETE', url: nowhere(target) })),
  ask('text-root', {
    sends: 'GET of the root',
    why: 'Whatever it is, a success has no header and an error has no body',
    source: RESPONSES
  }, target => ({ url: `${target.base}/` })),
  ask('text-root-head', {
    sends: 'HEAD of the root',
    why: 'Its answer is that of GET, without the body',
    source: 'RFC 9110 section 9.3.2'
  }, target => ({ method: 'HEAD', url: `${target.base}/` })),
  ask('text-over-128', {
    sends: 'GET of a path of 200 characters, which messages often repeat',
    why: 'The reason phrase is cut at 128 characters, the header is not',
    source: RESPONSES
  }, target => ({ url: nowhere(target, '/' + 'p'.repeat(200)) })),
  ask('text-over-512', {
    sends: 'GET of a path of 600 characters, which messages often repeat',
    why: 'The header is cut at 512 characters',
    source: RESPONSES
  }, target => ({ url: nowhere(target, '/' + 'h'.repeat(600)) })),
  ask('text-blank-at-cut', {
    sends: 'GET of a path with a blank at every second character',
    why: 'A cut can fall on a blank, which no field value ends with',
    source: `${RESPONSES}, RFC 9110 section 5.5`
  }, target => ({ url: nowhere(target, '/' + 'b%20'.repeat(300)) })),
  ask('text-not-ascii', {
    sends: 'GET of a path in Greek, percent-encoded, and of a query in Chinese',
    why: 'A message that repeats it is ASCII all the same',
    source: RESPONSES
  }, target => ({ url: nowhere(target, '/%CE%B1%CE%B2%CE%B3?q=%E4%BD%A0%E5%A5%BD') })),
  ask('text-emoji', {
    sends: 'GET of a path of emoji, percent-encoded',
    why: 'What is outside the Basic Multilingual Plane is two units in many languages, and a cut can fall between them',
    source: RESPONSES
  }, target => ({ url: nowhere(target, '/' + '%F0%9F%98%80'.repeat(140)) })),
  raw('text-not-ascii-bytes', {
    sends: 'GET of a path with bytes that are not ASCII',
    why: 'Some servers let them in, and into a message',
    source: `${RESPONSES}, RFC 3986 section 2`
  }, target => `GET ${nowhere(target)}/\xc3\xa9\xff HTTP/1.1\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  ask('text-line-break', {
    sends: 'GET of a path with a line break, percent-encoded, and a header field behind it',
    why: 'A message that repeats it must not split the response (CWE-113)',
    source: 'RFC 9110 section 5.5'
  }, target => ({ url: nowhere(target, '/%0D%0A%0D%0AHTTP/1.1%20200%20OK%0D%0AContent-Length:%200%0D%0A%0D%0A') })),
  ask('text-line-break-query', {
    sends: 'GET of a query with a line break, percent-encoded, and a header field behind it',
    why: 'A message that repeats it must not split the response (CWE-113)',
    source: 'RFC 9110 section 5.5'
  }, target => ({ url: nowhere(target, '?a=%0D%0ASet-Cookie:%20a=b') })),
  ask('text-control', {
    sends: 'GET of a path with control characters, percent-encoded',
    why: 'They are ASCII, but no text',
    source: 'RFC 9110 section 5.5'
  }, target => ({ url: nowhere(target, '/%01%07%1B%5B31m%7F') })),
  ask('text-accept-html', {
    sends: 'GET of a path that no service has, as a browser does',
    why: 'Many servers have an error page for browsers',
    source: RESPONSES
  }, target => ({ url: nowhere(target), headers: { accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8' } })),
  ask('text-accept-problem', {
    sends: 'GET of a path that no service has, accepting application/problem+json',
    why: 'Frameworks that know RFC 9457 would send a body',
    source: RESPONSES
  }, target => ({ url: nowhere(target), headers: { accept: 'application/problem+json' } })),
  ask('text-accept-nothing', {
    sends: 'GET of the root, accepting a media type that there is not',
    why: 'A 406 is not of the table',
    source: `${RESPONSES}, RFC 9110 section 15.5.7`
  }, target => ({ url: `${target.base}/`, headers: { accept: 'application/x-no-such-type, */*;q=0' } })),
  ask('text-accept-encoding', {
    sends: 'GET of a path that no service has, accepting gzip, br and deflate',
    why: 'What compresses responses must leave those without a body alone',
    source: `${RESPONSES}, RFC 9110 section 8.4`
  }, target => ({ url: nowhere(target), headers: { 'accept-encoding': 'gzip, br, deflate' } })),
  ask('text-range', {
    sends: 'GET of the root for a range that it cannot have',
    why: 'A 416 has Content-Range, and is not of the table',
    source: `${RESPONSES}, RFC 9110 section 15.5.17`
  }, target => ({ url: `${target.base}/`, headers: { range: 'bytes=999999999999-' } })),
  ask('text-precondition', {
    sends: 'GET of the root if it is a representation that it cannot be',
    why: 'A 412 has ETag, and is not of the table',
    source: `${RESPONSES}, RFC 9110 section 15.5.13`
  }, target => ({ url: `${target.base}/`, headers: { 'if-match': '"no-such-representation"' } })),
  ask('text-origin', {
    sends: 'GET of a path that no service has, from another origin',
    why: 'What adds CORS headers must not take others away',
    source: RESPONSES
  }, target => ({ url: nowhere(target), headers: { origin: 'https://example.com' } })),
  ask('text-preflight', {
    sends: 'A CORS preflight for a path that no service has',
    why: 'It is answered by a plugin of its own',
    source: RESPONSES
  }, target => ({ method: 'OPTIONS', url: nowhere(target), headers: { origin: 'https://example.com', 'access-control-request-method': 'DELETE' } })),
  ask('text-authorization', {
    sends: 'GET of a path that no service has, with credentials that nobody has',
    why: 'A 401 has WWW-Authenticate',
    source: `${RESPONSES}, RFC 9110 section 15.5.2`
  }, target => ({ url: nowhere(target), headers: { authorization: 'Bearer not-a-token' } }))
]
