import { gzipSync } from 'node:zlib'
import { stream, streams, type Probe } from '../probe.js'
import type { RequestOptions } from '../request.js'
import { nowhere, type Target } from '../target.js'

const RESPONSES = 'responses.md'
const MALFORMED = 'RFC 9113 section 8.1.1'
const CARRIER = 'HTTP/2 has no reason phrase, so the header is the only carrier'

const JSON_TYPE = { 'content-type': 'application/json' }

const one = (request: (target: Target) => RequestOptions) => async (target: Target) => [await stream(target, request(target))]

const path = (target: Target): string => target.requests[0]!.url.split('?')[0]!.replace(/\/$/, '')
const error = (target: Target) => ({ url: nowhere(target) })
const good = ({ requests }: Target) => requests[0]!

/** A body for a path that takes one, or for one that no service has. */
const body = (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) => one(target => {
  const { method, url } = target.requests.find(({ body }) => body !== undefined) ?? { method: 'POST', url: nowhere(target) }
  return { method, url, body, headers }
})

/** What of the other groups HTTP/2 can express, with the header as the only carrier. */
export const http2: readonly Probe[] = [
  streams('http2-text-no-resource', { sends: 'GET of a path that no service has', why: CARRIER, source: RESPONSES }, 1, one(error)),
  streams('http2-text-no-resource-head', { sends: 'HEAD of a path that no service has', why: CARRIER, source: 'RFC 9110 section 9.3.2' }, 1,
    one(target => ({ ...error(target), method: 'HEAD' }))),
  streams('http2-text-no-resource-post', { sends: 'POST of JSON to a path that no service has', why: CARRIER, source: RESPONSES }, 1,
    one(target => ({ ...error(target), method: 'POST', body: {} }))),
  streams('http2-text-good', { sends: 'A request that the service answers', why: 'A success has no header', source: RESPONSES }, 1, one(good)),
  streams('http2-text-over-512', { sends: 'GET of a path of 600 characters', why: 'The header is cut at 512 characters', source: RESPONSES }, 1,
    one(target => ({ url: nowhere(target, '/' + 'h'.repeat(600)) }))),
  streams('http2-text-not-ascii', { sends: 'GET of a path of emoji, percent-encoded', why: 'A message that repeats it is ASCII all the same', source: RESPONSES }, 1,
    one(target => ({ url: nowhere(target, '/' + '%F0%9F%98%80'.repeat(140)) }))),
  streams('http2-text-line-break', { sends: 'GET of a path with a line break, percent-encoded', why: 'In a field value, it makes the response malformed', source: 'RFC 9113 section 8.2.1' }, 1,
    one(target => ({ url: nowhere(target, '/%0D%0ASet-Cookie:%20a=b') }))),
  streams('http2-text-range', { sends: 'A good request for a range that it cannot have', why: 'A 416 has Content-Range, and is not of the table', source: RESPONSES }, 1,
    one(target => ({ ...good(target), headers: { ...good(target).headers, range: 'bytes=999999999999-' } }))),
  streams('http2-routing-wrong-method', { sends: 'PROPFIND of a path that the service has', why: 'A 405 is not of the table', source: RESPONSES }, 1,
    one(target => ({ ...good(target), method: 'PROPFIND', body: undefined }))),
  streams('http2-routing-unknown-method', { sends: 'A method that there is not', why: 'It reaches the router, past no parser that knows it', source: 'RFC 9110 section 9.1' }, 0,
    one(target => ({ url: path(target), method: 'FROBNICATE' }))),
  streams('http2-routing-options-asterisk', { sends: 'OPTIONS *', why: 'It asks about the server, and most routers know no such path', source: 'RFC 9113 section 8.3.1' }, 1,
    one(() => ({ method: 'OPTIONS', url: '*' }))),
  streams('http2-routing-connect', { sends: 'CONNECT to another host', why: 'It asks for a tunnel, and is answered past every router', source: 'RFC 9113 section 8.5' }, 0,
    () => [{ headers: { ':method': 'CONNECT', ':authority': 'example.invalid:443' }, body: new Uint8Array() }]),
  streams('http2-routing-bad-percent', { sends: 'GET of a path with a percent sign alone', why: 'Routers fail to decode it, and answer in a way of their own', source: 'RFC 3986 section 2.1' }, 0,
    one(target => ({ url: `${target.base}/%` }))),
  streams('http2-routing-bad-utf-8', { sends: 'GET of a path that is not UTF-8 once it is decoded', why: 'It fails to decode in some languages only', source: 'RFC 3986 section 2.5' }, 0,
    one(target => ({ url: `${path(target)}/%ff%fe%c0%80` }))),
  streams('http2-routing-long-path', { sends: 'GET of a path of 8000 characters', why: 'A 414 is not of the table', source: `${RESPONSES}, RFC 9110 section 4.1` }, 1,
    one(target => ({ url: nowhere(target, '/' + 'l'.repeat(7900)) }))),
  streams('http2-routing-overlong-parameter', { sends: 'GET of the known path, with a segment of 1000 characters behind it', why: 'Routers have a limit for parameters', source: RESPONSES }, 1,
    one(target => ({ url: `${path(target)}/${'p'.repeat(1000)}` }))),
  streams('http2-routing-no-slash', { sends: 'GET of a path without a slash in front', why: 'It is malformed', source: 'RFC 9113 section 8.3.1' }, 0,
    one(() => ({ url: 'no-slash' }))),
  streams('http2-routing-traversal', { sends: 'GET of a path that climbs', why: 'What serves files refuses it in a way of its own', source: 'RFC 3986 section 5.2.4' }, 1,
    one(target => ({ url: `${target.base}/../..%2f%2e%2e/etc/passwd` }))),
  streams('http2-routing-nul-encoded', { sends: 'GET of the known path, with a NUL, percent-encoded, behind it', why: 'Errors of file systems and data bases come out', source: 'RFC 3986 section 7.3' }, 1,
    one(target => ({ url: `${path(target)}/%00` }))),
  streams('http2-framing-authority-empty', { sends: 'GET with an empty authority', why: 'An http or https URI has a host', source: 'RFC 9113 section 8.3.1' }, 0,
    async target => [await stream(target, error(target), { ':authority': '' })]),
  streams('http2-framing-authority-bad', { sends: 'An authority that is none', why: 'It fails where a URL is made of it', source: 'RFC 9113 section 8.3.1' }, 0,
    async target => [await stream(target, error(target), { ':authority': 'a b@[::1' })]),
  streams('http2-framing-length-disagreeing', { sends: 'A Content-Length that is not that of the body', why: 'It is malformed', source: MALFORMED }, 0,
    async target => [await stream(target, { ...error(target), method: 'POST', body: 'abc' }, { 'content-length': '10' })]),
  streams('http2-framing-section-too-large', { sends: 'A header section of 60 000 bytes', why: 'A 431 is not of the table', source: 'RFC 9113 section 10.5.1' }, 0,
    one(target => ({ ...error(target), headers: Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`a${i}`, 'b'.repeat(1000)])) }))),
  streams('http2-payload-malformed-json', { sends: 'JSON that is none', why: 'The parser\'s own message comes out', source: RESPONSES }, 1, body('{"a": nope}')),
  streams('http2-payload-empty-json', { sends: 'No bytes as JSON', why: 'No bytes are no JSON', source: RESPONSES }, 1, body('')),
  streams('http2-payload-type-unknown', { sends: 'A media type that there is not', why: 'A 415 is not of the table', source: RESPONSES }, 1,
    body('{}', { 'content-type': 'application/x-no-such-type' })),
  streams('http2-payload-type-missing', { sends: 'A body without Content-Type', why: 'What it is, is for the server to guess or refuse', source: RESPONSES }, 1,
    body(Buffer.from('{}'), {})),
  streams('http2-payload-encoding', { sends: 'JSON as gzip', why: 'Many servers do not know it in a request', source: RESPONSES }, 1,
    body(gzipSync('{}'), { ...JSON_TYPE, 'content-encoding': 'gzip' })),
  streams('http2-payload-too-large', { sends: 'A body of 4 MiB', why: 'A 413 is not of the table, and the rest of the body is not read', source: RESPONSES }, 0,
    body('a'.repeat(4 * 1024 * 1024))),
  streams('http2-payload-expect-unknown', { sends: 'An expectation that there is not', why: 'A 417 is not of the table', source: RESPONSES }, 0,
    body('{}', { ...JSON_TYPE, expect: 'no-such-expectation' })),
  streams('http2-connection-concurrent', { sends: 'A good request, two for what is not there and the good one again, at once', why: 'Errors must not reset the streams beside them', source: 'RFC 9113 section 5.4.2' }, 4,
    async target => [
      await stream(target, good(target)), await stream(target, error(target)),
      await stream(target, { ...error(target), method: 'HEAD' }), await stream(target, good(target))
    ]),
  streams('http2-connection-kept', { sends: 'A request for what is not there, and after its answer a good one', why: 'An error is no reason to close the connection', source: 'RFC 9113 section 5.4.2' }, 1,
    async target => [await stream(target, error(target)), { ...await stream(target, good(target)), after: true }])
]
