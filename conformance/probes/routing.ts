import { ask, raw, type Probe } from '../probe.js'
import { nowhere, type Target } from '../target.js'

const line = (start: (target: Target) => string) => (target: Target) =>
  `${start(target)}\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`

const path = (target: Target): string => target.requests[0]!.url

/** Methods and request targets. */
export const routing: readonly Probe[] = [
  ask('routing-wrong-method', {
    sends: 'PROPFIND of a path that the service has',
    why: 'A 405 is not of the table, and can come from the router or from the HTTP parser',
    source: 'responses.md, RFC 9110 section 15.5.6'
  }, target => ({ method: 'PROPFIND', url: path(target) })),
  ask('routing-trace', {
    sends: 'TRACE of a path that the service has',
    why: 'Where it is not refused, it is answered with a body',
    source: 'RFC 9110 section 9.3.8'
  }, target => ({ method: 'TRACE', url: path(target) })),
  raw('routing-unknown-method', {
    sends: 'A method that there is not',
    why: 'The HTTP parser can refuse it, before any router',
    source: 'RFC 9110 section 9.1'
  }, line(target => `FROBNICATE ${path(target)} HTTP/1.1`)),
  raw('routing-lower-case-method', {
    sends: 'GET in lower case',
    why: 'Methods are case-sensitive',
    source: 'RFC 9110 section 9.1'
  }, line(target => `get ${path(target)} HTTP/1.1`)),
  raw('routing-long-method', {
    sends: 'A method of 10 000 letters',
    why: 'It is not read as a whole by many parsers',
    source: 'RFC 9112 section 3'
  }, line(target => `${'M'.repeat(10_000)} ${path(target)} HTTP/1.1`)),
  ask('routing-options-asterisk', {
    sends: 'OPTIONS *',
    why: 'It asks about the server, and most routers know no such path',
    source: 'RFC 9112 section 3.2.4'
  }, () => ({ method: 'OPTIONS', url: '*' })),
  ask('routing-options', {
    sends: 'OPTIONS of a path that the service has',
    why: 'It is answered by a plugin, or not at all',
    source: 'RFC 9110 section 9.3.7'
  }, target => ({ method: 'OPTIONS', url: path(target) })),
  raw('routing-get-asterisk', {
    sends: 'GET *',
    why: 'The asterisk-form is for OPTIONS only',
    source: 'RFC 9112 section 3.2.4'
  }, line(() => 'GET * HTTP/1.1')),
  raw('routing-connect', {
    sends: 'CONNECT in authority-form, to another host',
    why: 'It asks for a tunnel, and is answered past every router',
    source: 'RFC 9112 section 3.2.3'
  }, line(() => 'CONNECT example.invalid:443 HTTP/1.1'), { method: 'CONNECT' }),
  raw('routing-connect-origin-form', {
    sends: 'CONNECT in origin-form',
    why: 'CONNECT takes an authority only',
    source: 'RFC 9112 section 3.2.3'
  }, line(target => `CONNECT ${path(target)} HTTP/1.1`), { method: 'CONNECT' }),
  raw('routing-authority-form', {
    sends: 'GET in authority-form',
    why: 'The authority-form is for CONNECT only',
    source: 'RFC 9112 section 3.2.3'
  }, line(target => `GET ${target.authority} HTTP/1.1`)),
  ask('routing-absolute-form', {
    sends: 'GET in absolute-form, of a path that no service has',
    why: 'A server must take it',
    source: 'RFC 9112 section 3.2.2'
  }, target => ({ url: `${target.scheme}://${target.authority}${nowhere(target)}` })),
  raw('routing-absolute-form-other', {
    sends: 'GET in absolute-form, of another host by another scheme',
    why: 'A server that is no proxy refuses it',
    source: 'RFC 9110 section 7.4'
  }, line(() => 'GET ftp://example.invalid/ HTTP/1.1')),
  raw('routing-no-slash', {
    sends: 'GET of a path without a slash in front',
    why: 'No form of request target has it',
    source: 'RFC 9112 section 3.2'
  }, line(() => 'GET no-slash HTTP/1.1')),
  raw('routing-empty-target', {
    sends: 'GET of nothing',
    why: 'No form of request target is empty',
    source: 'RFC 9112 section 3.2'
  }, line(() => 'GET  HTTP/1.1')),
  raw('routing-space-in-target', {
    sends: 'GET of a path with a space',
    why: 'It must not be read as a part of the path',
    source: 'RFC 9112 section 3'
  }, line(target => `GET ${nowhere(target)} a HTTP/1.1`)),
  raw('routing-fragment', {
    sends: 'GET of a path with a fragment',
    why: 'A request target has none',
    source: 'RFC 9112 section 3.2'
  }, line(target => `GET ${nowhere(target)}#fragment HTTP/1.1`)),
  raw('routing-bad-percent', {
    sends: 'GET of a path with a percent sign alone',
    why: 'Routers fail to decode it, and answer in a way of their own',
    source: 'RFC 3986 section 2.1'
  }, line(target => `GET ${target.base}/% HTTP/1.1`)),
  raw('routing-bad-percent-digits', {
    sends: 'GET of the known path, and a percent sign with letters that are no digits behind it',
    why: 'A parameter fails to decode later than a path',
    source: 'RFC 3986 section 2.1'
  }, line(target => `GET ${pathOnly(target)}/%zz HTTP/1.1`)),
  raw('routing-bad-utf-8', {
    sends: 'GET of a path that is not UTF-8 once it is decoded',
    why: 'It fails to decode in some languages only',
    source: 'RFC 3986 section 2.5'
  }, line(target => `GET ${pathOnly(target)}/%ff%fe%c0%80 HTTP/1.1`)),
  ask('routing-long-path', {
    sends: 'GET of a path of 8000 characters',
    why: 'Every recipient should read that much; a 414 is not of the table',
    source: 'responses.md, RFC 9110 section 4.1'
  }, target => ({ url: nowhere(target, '/' + 'l'.repeat(7900)) })),
  raw('routing-overlong-path', {
    sends: 'GET of a path of 100 000 characters',
    why: 'It is too much for most parsers, which answer a 414 or a 431 by themselves',
    source: 'responses.md, RFC 9110 section 15.5.15'
  }, line(target => `GET ${nowhere(target, '/' + 'o'.repeat(100_000))} HTTP/1.1`)),
  ask('routing-overlong-parameter', {
    sends: 'GET of the known path, with a segment of 1000 characters behind it',
    why: 'Routers have a limit for parameters, and answer in a way of their own',
    source: 'responses.md'
  }, target => ({ url: `${pathOnly(target)}/${'p'.repeat(1000)}` })),
  ask('routing-long-query', {
    sends: 'GET of a path that no service has, with 1000 parameters in the query',
    why: 'Parsers of queries have limits of their own',
    source: 'responses.md'
  }, target => ({ url: nowhere(target, '?' + 'a=1&'.repeat(1000)) })),
  raw('routing-query-nested', {
    sends: 'GET of the known path, with a query of brackets, a prototype and a percent sign alone',
    why: 'Parsers of queries fail on it in ways of their own',
    source: 'responses.md'
  }, line(target => `GET ${pathOnly(target)}?${'a[b]'.repeat(20)}=1&__proto__[a]=1&constructor=1&% HTTP/1.1`)),
  ask('routing-traversal', {
    sends: 'GET of a path that climbs',
    why: 'What serves files refuses it in a way of its own',
    source: 'RFC 3986 section 5.2.4'
  }, target => ({ url: `${target.base}/../../../../etc/passwd` })),
  ask('routing-traversal-encoded', {
    sends: 'GET of a path that climbs, percent-encoded',
    why: 'What serves files refuses it in a way of its own',
    source: 'RFC 3986 section 6.2.2.2'
  }, target => ({ url: `${target.base}/..%2f..%2f%2e%2e/etc%5cpasswd` })),
  ask('routing-double-slash', {
    sends: 'GET of a path that begins with two slashes',
    why: 'It can be taken for an authority',
    source: 'RFC 3986 section 3.3'
  }, () => ({ url: '//example.invalid/no-such-resource' })),
  raw('routing-nul', {
    sends: 'GET of a path with a NUL',
    why: 'Parsers refuse it, before any router',
    source: 'RFC 9112 section 3.2'
  }, line(target => `GET ${nowhere(target)}\0 HTTP/1.1`)),
  ask('routing-nul-encoded', {
    sends: 'GET of the known path, with a NUL, percent-encoded, behind it',
    why: 'It ends strings in file systems and data bases, whose errors come out',
    source: 'RFC 3986 section 7.3'
  }, target => ({ url: `${pathOnly(target)}/%00` })),
  ask('routing-prototype', {
    sends: 'GET of the names that every object has',
    why: 'A table of routes that is an object has them, too',
    source: 'responses.md'
  }, target => ({ url: `${target.base}/__proto__/constructor/toString` }))
]

function pathOnly (target: Target): string {
  return path(target).split('?')[0]!.replace(/\/$/, '')
}
