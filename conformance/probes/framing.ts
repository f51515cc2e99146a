import { raw, type Probe } from '../probe.js'
import { nowhere, type Target } from '../target.js'

const HOST = 'RFC 9112 section 3.2'
const LENGTH = 'RFC 9112 section 6.3'
const CHUNKED = 'RFC 9112 section 7.1'
const FIELD = 'RFC 9112 section 5'

const PARSER = 'The HTTP parser refuses it, before any hook of a framework'
const SMUGGLING = 'Two recipients that read it differently can be played off against each other'

/** A request line, Host, and what comes behind them. */
const get = (rest: string) => (target: Target) =>
  `GET ${nowhere(target)} HTTP/1.1\r\nHost: ${target.authority}\r\n${rest}`

const post = (rest: string) => (target: Target) =>
  `POST ${nowhere(target)} HTTP/1.1\r\nHost: ${target.authority}\r\nContent-Type: text/plain\r\n${rest}`

/** Bytes that some servers take for a request and what is behind it. */
const TWO = { answers: [0, 2] } as const

/** Messages that are not as RFC 9112 has them, or nearly so. */
export const framing: readonly Probe[] = [
  raw('framing-host-missing', { sends: 'HTTP/1.1 without Host', why: PARSER, source: HOST },
    target => `GET ${nowhere(target)} HTTP/1.1\r\nConnection: close\r\n\r\n`),
  raw('framing-host-empty', { sends: 'An empty Host', why: 'It is right for a target without an authority only', source: HOST },
    target => `GET ${nowhere(target)} HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n`),
  raw('framing-host-duplicate', { sends: 'Two lines of Host', why: SMUGGLING, source: HOST },
    get('Host: example.invalid\r\nConnection: close\r\n\r\n')),
  raw('framing-host-bad', { sends: 'A Host that is none', why: 'It fails where a URL is made of it', source: HOST },
    target => `GET ${nowhere(target)} HTTP/1.1\r\nHost: a b@[::1/\\:99999\r\nConnection: close\r\n\r\n`),
  raw('framing-host-list', { sends: 'A Host of two names', why: SMUGGLING, source: HOST },
    target => `GET ${nowhere(target)} HTTP/1.1\r\nHost: ${target.authority}, example.invalid\r\nConnection: close\r\n\r\n`),

  raw('framing-length-duplicate', { sends: 'The same Content-Length twice', why: SMUGGLING, source: LENGTH },
    post('Content-Length: 1\r\nContent-Length: 1\r\nConnection: close\r\n\r\na')),
  raw('framing-length-disagreeing', { sends: 'Two lines of Content-Length that disagree', why: SMUGGLING, source: LENGTH },
    post('Content-Length: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab'), TWO),
  raw('framing-length-list', { sends: 'A Content-Length of two equal numbers', why: SMUGGLING, source: LENGTH },
    post('Content-Length: 1, 1\r\nConnection: close\r\n\r\na')),
  raw('framing-length-negative', { sends: 'A negative Content-Length', why: PARSER, source: LENGTH },
    post('Content-Length: -1\r\nConnection: close\r\n\r\na'), TWO),
  raw('framing-length-sign', { sends: 'A Content-Length with a sign', why: SMUGGLING, source: LENGTH },
    post('Content-Length: +1\r\nConnection: close\r\n\r\na'), TWO),
  raw('framing-length-hexadecimal', { sends: 'A hexadecimal Content-Length', why: SMUGGLING, source: LENGTH },
    post('Content-Length: 0x1\r\nConnection: close\r\n\r\na'), TWO),
  raw('framing-length-empty', { sends: 'An empty Content-Length', why: PARSER, source: LENGTH },
    post('Content-Length: \r\nConnection: close\r\n\r\n')),
  raw('framing-length-overflow', { sends: 'A Content-Length of 30 digits', why: 'It overflows', source: LENGTH },
    post(`Content-Length: ${'9'.repeat(30)}\r\nConnection: close\r\n\r\na`)),
  raw('framing-length-and-chunked', { sends: 'Content-Length and Transfer-Encoding', why: SMUGGLING, source: LENGTH },
    post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n'), TWO),
  raw('framing-chunked-and-length', { sends: 'Transfer-Encoding and Content-Length, the other way round', why: SMUGGLING, source: LENGTH },
    post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\nConnection: close\r\n\r\n0\r\n\r\n'), TWO),
  raw('framing-transfer-encoding-unknown', { sends: 'A transfer coding that there is not', why: 'A 501 is right, and comes from the HTTP parser', source: 'RFC 9112 section 6.1' },
    post('Transfer-Encoding: no-such-coding\r\nConnection: close\r\n\r\n')),
  raw('framing-transfer-encoding-order', { sends: 'A transfer coding behind chunked', why: SMUGGLING, source: LENGTH },
    post('Transfer-Encoding: chunked, identity\r\nConnection: close\r\n\r\n0\r\n\r\n'), TWO),
  raw('framing-transfer-encoding-twice', { sends: 'Chunked twice', why: SMUGGLING, source: 'RFC 9112 section 6.1' },
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n'), TWO),
  raw('framing-transfer-encoding-http-1-0', { sends: 'Chunked in HTTP/1.0', why: 'HTTP/1.0 has no transfer codings', source: 'RFC 9112 section 6.1' },
    target => `POST ${nowhere(target)} HTTP/1.0\r\nHost: ${target.authority}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, TWO),

  raw('framing-chunk-size', { sends: 'A chunk size that is no number', why: PARSER, source: CHUNKED },
    post('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\na\r\n0\r\n\r\n')),
  raw('framing-chunk-size-overflow', { sends: 'A chunk size of 20 digits', why: 'It overflows', source: CHUNKED },
    post(`Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${'f'.repeat(20)}\r\na\r\n0\r\n\r\n`)),
  raw('framing-chunk-size-prefix', { sends: 'A chunk size with 0x in front', why: SMUGGLING, source: CHUNKED },
    post('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0x1\r\na\r\n0\r\n\r\n')),
  raw('framing-chunk-too-long', { sends: 'A chunk that is longer than its size', why: PARSER, source: CHUNKED },
    post('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nabc\r\n0\r\n\r\n')),
  raw('framing-chunk-bare-lf', { sends: 'Chunks whose lines end with LF alone', why: SMUGGLING, source: CHUNKED },
    post('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\na\n0\n\n')),
  raw('framing-chunk-extension', { sends: 'A chunk with an extension', why: 'A recipient must ignore those it does not know', source: 'RFC 9112 section 7.1.1' },
    post('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1;name="value"\r\na\r\n0\r\n\r\n')),
  raw('framing-chunk-extension-long', { sends: 'A chunk with an extension of 20 000 characters', why: 'A server limits their length', source: 'RFC 9112 section 7.1.1' },
    post(`Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1;${'e'.repeat(20_000)}\r\na\r\n0\r\n\r\n`)),
  raw('framing-trailer', { sends: 'A trailer section', why: 'It is part of a good request', source: 'RFC 9112 section 7.1.2' },
    post('Transfer-Encoding: chunked\r\nTrailer: a\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\nA: b\r\n\r\n')),
  raw('framing-trailer-forbidden', { sends: 'A trailer section with what can be no trailer', why: SMUGGLING, source: 'RFC 9110 section 6.5.1' },
    post('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\nContent-Length: 10\r\nHost: example.invalid\r\n\r\n')),
  raw('framing-trailer-bad', { sends: 'A trailer line without a colon', why: PARSER, source: 'RFC 9112 section 7.1.2' },
    post('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\nno colon\r\n\r\n')),

  raw('framing-bare-lf', { sends: 'Lines that end with LF alone', why: 'A recipient may take it for a line break', source: 'RFC 9112 section 2.2' },
    target => `GET ${nowhere(target)} HTTP/1.1\nHost: ${target.authority}\nConnection: close\n\n`),
  raw('framing-bare-cr', { sends: 'A field value with CR alone', why: SMUGGLING, source: 'RFC 9112 section 2.2' },
    get('A: b\rC: d\r\nConnection: close\r\n\r\n')),
  raw('framing-obs-fold', { sends: 'A field value on two lines', why: 'It is obsolete, and refused or read as one line', source: 'RFC 9112 section 5.2' },
    get('A: b\r\n c\r\nConnection: close\r\n\r\n')),
  raw('framing-fold-first', { sends: 'White space in front of the first field line', why: SMUGGLING, source: 'RFC 9112 section 2.2' },
    target => `GET ${nowhere(target)} HTTP/1.1\r\n Host: ${target.authority}\r\nConnection: close\r\n\r\n`),
  raw('framing-space-before-colon', { sends: 'White space between a field name and its colon', why: 'A server must refuse it, with a 400', source: 'RFC 9112 section 5.1' },
    get('A : b\r\nConnection: close\r\n\r\n')),
  raw('framing-space-in-name', { sends: 'White space in a field name', why: PARSER, source: FIELD },
    get('A b: c\r\nConnection: close\r\n\r\n')),
  raw('framing-name-empty', { sends: 'An empty field name', why: PARSER, source: FIELD },
    get(': b\r\nConnection: close\r\n\r\n')),
  raw('framing-name-not-ascii', { sends: 'A field name that is not ASCII', why: PARSER, source: FIELD },
    get('\xc3\xa9: b\r\nConnection: close\r\n\r\n')),
  raw('framing-no-colon', { sends: 'A field line without a colon', why: PARSER, source: FIELD },
    get('no colon\r\nConnection: close\r\n\r\n')),
  raw('framing-value-nul', { sends: 'A field value with a NUL', why: PARSER, source: 'RFC 9110 section 5.5' },
    get('A: b\0c\r\nConnection: close\r\n\r\n')),
  raw('framing-value-control', { sends: 'A field value with control characters', why: PARSER, source: 'RFC 9110 section 5.5' },
    get('A: b\x01\x08\x7f\r\nConnection: close\r\n\r\n')),
  raw('framing-value-not-ascii', { sends: 'A field value with bytes that are not ASCII', why: 'They are allowed, and opaque', source: 'RFC 9110 section 5.5' },
    get('A: \xc3\xa9\xff\r\nConnection: close\r\n\r\n')),
  raw('framing-section-too-large', { sends: 'A header section of 200 000 bytes, in one field', why: 'A 431 is not of the table, and comes from the HTTP parser', source: 'RFC 6585 section 5' },
    get(`A: ${'b'.repeat(200_000)}\r\nConnection: close\r\n\r\n`)),
  raw('framing-too-many-fields', { sends: 'A header section of 3000 fields', why: 'Some servers leave out what is too many', source: 'RFC 6585 section 5' },
    get(`${'A: b\r\n'.repeat(3000)}Connection: close\r\n\r\n`)),

  raw('framing-version-minor', { sends: 'HTTP/1.9', why: 'It is read as the highest minor version that is known', source: 'RFC 9110 section 2.5' },
    target => `GET ${nowhere(target)} HTTP/1.9\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  raw('framing-version-major', { sends: 'HTTP/9.9', why: 'A 505 is not of the table', source: 'RFC 9110 section 15.6.6' },
    target => `GET ${nowhere(target)} HTTP/9.9\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  raw('framing-version-bad', { sends: 'A version that is none', why: PARSER, source: 'RFC 9112 section 2.3' },
    target => `GET ${nowhere(target)} HTTQ/1.x\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  raw('framing-version-lower-case', { sends: 'http/1.1 in lower case', why: 'The name is case-sensitive', source: 'RFC 9112 section 2.3' },
    target => `GET ${nowhere(target)} http/1.1\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  raw('framing-version-missing', { sends: 'A request line without a version, as in HTTP/0.9', why: 'There, an answer has no status line', source: 'RFC 9112 section 2.3' },
    target => `GET ${nowhere(target)}\r\n\r\n`),
  raw('framing-preface', { sends: 'The preface of HTTP/2, and nothing behind it', why: 'A server of HTTP/1.1 takes it for a request', source: 'RFC 9113 section 3.4' },
    () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', TWO),
  raw('framing-garbage', { sends: 'Bytes that are no request at all', why: PARSER, source: 'RFC 9112 section 2.2' },
    () => Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 7 + 128) & 0xff))),
  raw('framing-garbage-text', { sends: 'A line that is no request line', why: PARSER, source: 'RFC 9112 section 3' },
    () => 'how are you\r\n\r\n'),
  raw('framing-tls', { sends: 'The start of a TLS handshake, in clear on http and inside of TLS on https', why: 'Clients mix up the two', source: 'RFC 8446 section 5.1' },
    () => Buffer.from('160301007b0100007703030000000000000000', 'hex')),
  raw('framing-endless-line', { sends: 'A request line of 100 000 characters that does not end', why: 'A server refuses it before its end', source: 'RFC 9112 section 3' },
    target => `GET ${nowhere(target)}/${'e'.repeat(100_000)}`),
  raw('framing-endless-section', { sends: 'A header section of 100 000 characters that does not end', why: 'A server refuses it before its end', source: 'RFC 6585 section 5' },
    get('A: b\r\n'.repeat(17_000))),
  raw('framing-cut-line', { sends: 'A request line that is cut', why: 'The end of the bytes is an error by itself', source: 'RFC 9112 section 8' },
    target => `GET ${nowhere(target)} HT`),
  raw('framing-cut-section', { sends: 'A header section that is cut', why: 'The end of the bytes is an error by itself', source: 'RFC 9112 section 8' },
    get('A: b')),
  raw('framing-leading-line-breaks', { sends: 'Line breaks in front of a request', why: 'A server should ignore one at least', source: 'RFC 9112 section 2.2' },
    target => `\r\n\r\n\r\nGET ${nowhere(target)} HTTP/1.1\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  raw('framing-tabs-in-line', { sends: 'A request line with tabs for its spaces', why: 'A recipient may take them for spaces', source: 'RFC 9112 section 3' },
    target => `GET\t${nowhere(target)}\tHTTP/1.1\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  raw('framing-nothing', { sends: 'Nothing, and closes its side', why: 'Nobody asked, so nothing need come', source: 'RFC 9112 section 9.8' },
    () => '')
]
