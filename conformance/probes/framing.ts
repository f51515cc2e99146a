import { missingPath, type Target } from '../target.js'
import { probeBytes, type Probe } from './probe.js'

const HOST = 'RFC 9112 section 3.2'
const LENGTH = 'RFC 9112 section 6.3'
const CHUNKED = 'RFC 9112 section 7.1'
const FIELD = 'RFC 9112 section 5'

const PARSER = 'The HTTP parser rejects it before any hook of the framework'
const SMUGGLING = 'Two recipients can read it differently, which allows request smuggling'

/** Returns the bytes of a GET of an unknown path: the request line, Host, and the given rest. */
const getMissing = (rest: string) => (target: Target) =>
  `GET ${missingPath(target)} HTTP/1.1\r\nHost: ${target.authority}\r\n${rest}`

/** Returns the bytes of a POST of text to an unknown path: the request line, Host, Content-Type, and the given rest. */
const postMissing = (rest: string) => (target: Target) =>
  `POST ${missingPath(target)} HTTP/1.1\r\nHost: ${target.authority}\r\nContent-Type: text/plain\r\n${rest}`

// Some servers read these bytes as one request and the start of another one.
const UP_TO_TWO_RESPONSES = { answers: [0, 2] } as const

/** Messages that break the syntax of RFC 9112, or use rare parts of it. */
export const framing: readonly Probe[] = [
  probeBytes('framing-host-missing', { sends: 'HTTP/1.1 without Host', why: PARSER, source: HOST },
    target => `GET ${missingPath(target)} HTTP/1.1\r\nConnection: close\r\n\r\n`),
  probeBytes('framing-host-empty', { sends: 'An empty Host', why: 'It is valid only for a target without an authority', source: HOST },
    target => `GET ${missingPath(target)} HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n`),
  probeBytes('framing-host-duplicate', { sends: 'Two Host fields', why: SMUGGLING, source: HOST },
    getMissing('Host: example.invalid\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-host-bad', { sends: 'An invalid Host', why: 'It is rejected when the server parses it as a URL', source: HOST },
    target => `GET ${missingPath(target)} HTTP/1.1\r\nHost: a b@[::1/\\:99999\r\nConnection: close\r\n\r\n`),
  probeBytes('framing-host-list', { sends: 'A Host with two names', why: SMUGGLING, source: HOST },
    target => `GET ${missingPath(target)} HTTP/1.1\r\nHost: ${target.authority}, example.invalid\r\nConnection: close\r\n\r\n`),

  probeBytes('framing-length-duplicate', { sends: 'The same Content-Length twice', why: SMUGGLING, source: LENGTH },
    postMissing('Content-Length: 1\r\nContent-Length: 1\r\nConnection: close\r\n\r\na')),
  probeBytes('framing-length-disagreeing', { sends: 'Two different Content-Length fields', why: SMUGGLING, source: LENGTH },
    postMissing('Content-Length: 1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab'), UP_TO_TWO_RESPONSES),
  probeBytes('framing-length-list', { sends: 'A Content-Length with a list of two equal numbers', why: SMUGGLING, source: LENGTH },
    postMissing('Content-Length: 1, 1\r\nConnection: close\r\n\r\na')),
  probeBytes('framing-length-negative', { sends: 'A negative Content-Length', why: PARSER, source: LENGTH },
    postMissing('Content-Length: -1\r\nConnection: close\r\n\r\na'), UP_TO_TWO_RESPONSES),
  probeBytes('framing-length-sign', { sends: 'A Content-Length with a plus sign', why: SMUGGLING, source: LENGTH },
    postMissing('Content-Length: +1\r\nConnection: close\r\n\r\na'), UP_TO_TWO_RESPONSES),
  probeBytes('framing-length-hexadecimal', { sends: 'A hexadecimal Content-Length', why: SMUGGLING, source: LENGTH },
    postMissing('Content-Length: 0x1\r\nConnection: close\r\n\r\na'), UP_TO_TWO_RESPONSES),
  probeBytes('framing-length-empty', { sends: 'An empty Content-Length', why: PARSER, source: LENGTH },
    postMissing('Content-Length: \r\nConnection: close\r\n\r\n')),
  probeBytes('framing-length-overflow', { sends: 'A Content-Length of 30 digits', why: 'The number overflows', source: LENGTH },
    postMissing(`Content-Length: ${'9'.repeat(30)}\r\nConnection: close\r\n\r\na`)),
  probeBytes('framing-length-and-chunked', { sends: 'Content-Length and then Transfer-Encoding', why: SMUGGLING, source: LENGTH },
    postMissing('Content-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n'), UP_TO_TWO_RESPONSES),
  probeBytes('framing-chunked-and-length', { sends: 'Transfer-Encoding and then Content-Length', why: SMUGGLING, source: LENGTH },
    postMissing('Transfer-Encoding: chunked\r\nContent-Length: 5\r\nConnection: close\r\n\r\n0\r\n\r\n'), UP_TO_TWO_RESPONSES),
  probeBytes('framing-transfer-encoding-unknown', { sends: 'An unknown transfer coding', why: 'A 501 is right, and comes from the HTTP parser', source: 'RFC 9112 section 6.1' },
    postMissing('Transfer-Encoding: no-such-coding\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-transfer-encoding-order', { sends: 'A transfer coding after chunked', why: SMUGGLING, source: LENGTH },
    postMissing('Transfer-Encoding: chunked, identity\r\nConnection: close\r\n\r\n0\r\n\r\n'), UP_TO_TWO_RESPONSES),
  probeBytes('framing-transfer-encoding-twice', { sends: 'Transfer-Encoding: chunked twice', why: SMUGGLING, source: 'RFC 9112 section 6.1' },
    postMissing('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n'), UP_TO_TWO_RESPONSES),
  probeBytes('framing-transfer-encoding-http-1-0', { sends: 'Transfer-Encoding: chunked in HTTP/1.0', why: 'HTTP/1.0 has no transfer codings', source: 'RFC 9112 section 6.1' },
    target => `POST ${missingPath(target)} HTTP/1.0\r\nHost: ${target.authority}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, UP_TO_TWO_RESPONSES),

  probeBytes('framing-chunk-size', { sends: 'A chunk size that is not a number', why: PARSER, source: CHUNKED },
    postMissing('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\na\r\n0\r\n\r\n')),
  probeBytes('framing-chunk-size-overflow', { sends: 'A chunk size of 20 digits', why: 'The number overflows', source: CHUNKED },
    postMissing(`Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n${'f'.repeat(20)}\r\na\r\n0\r\n\r\n`)),
  probeBytes('framing-chunk-size-prefix', { sends: 'A chunk size that starts with 0x', why: SMUGGLING, source: CHUNKED },
    postMissing('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0x1\r\na\r\n0\r\n\r\n')),
  probeBytes('framing-chunk-too-long', { sends: 'A chunk that is longer than its size', why: PARSER, source: CHUNKED },
    postMissing('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\nabc\r\n0\r\n\r\n')),
  probeBytes('framing-chunk-bare-lf', { sends: 'Chunks with lines that end in LF without CR', why: SMUGGLING, source: CHUNKED },
    postMissing('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\na\n0\n\n')),
  probeBytes('framing-chunk-extension', { sends: 'A chunk with an extension', why: 'A recipient must ignore unknown extensions', source: 'RFC 9112 section 7.1.1' },
    postMissing('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1;name="value"\r\na\r\n0\r\n\r\n')),
  probeBytes('framing-chunk-extension-long', { sends: 'A chunk with an extension of 20 000 characters', why: 'A server limits the length of extensions', source: 'RFC 9112 section 7.1.1' },
    postMissing(`Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1;${'e'.repeat(20_000)}\r\na\r\n0\r\n\r\n`)),
  probeBytes('framing-trailer', { sends: 'A trailer section', why: 'Trailer sections are allowed', source: 'RFC 9112 section 7.1.2' },
    postMissing('Transfer-Encoding: chunked\r\nTrailer: a\r\nConnection: close\r\n\r\n1\r\na\r\n0\r\nA: b\r\n\r\n')),
  probeBytes('framing-trailer-forbidden', { sends: 'A trailer section with fields that are not allowed there', why: SMUGGLING, source: 'RFC 9110 section 6.5.1' },
    postMissing('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\nContent-Length: 10\r\nHost: example.invalid\r\n\r\n')),
  probeBytes('framing-trailer-bad', { sends: 'A trailer line without a colon', why: PARSER, source: 'RFC 9112 section 7.1.2' },
    postMissing('Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\nno colon\r\n\r\n')),

  probeBytes('framing-bare-lf', { sends: 'Lines that end in LF without CR', why: 'A recipient may read LF alone as a line break', source: 'RFC 9112 section 2.2' },
    target => `GET ${missingPath(target)} HTTP/1.1\nHost: ${target.authority}\nConnection: close\n\n`),
  probeBytes('framing-bare-cr', { sends: 'A field value with CR without LF', why: SMUGGLING, source: 'RFC 9112 section 2.2' },
    getMissing('A: b\rC: d\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-obs-fold', { sends: 'A field value on two lines', why: 'Line folding is obsolete; a server rejects it or reads one line', source: 'RFC 9112 section 5.2' },
    getMissing('A: b\r\n c\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-fold-first', { sends: 'White space before the first field line', why: SMUGGLING, source: 'RFC 9112 section 2.2' },
    target => `GET ${missingPath(target)} HTTP/1.1\r\n Host: ${target.authority}\r\nConnection: close\r\n\r\n`),
  probeBytes('framing-space-before-colon', { sends: 'White space between a field name and its colon', why: 'A server must reject it with 400', source: 'RFC 9112 section 5.1' },
    getMissing('A : b\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-space-in-name', { sends: 'White space in a field name', why: PARSER, source: FIELD },
    getMissing('A b: c\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-name-empty', { sends: 'An empty field name', why: PARSER, source: FIELD },
    getMissing(': b\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-name-not-ascii', { sends: 'A field name that is not ASCII', why: PARSER, source: FIELD },
    getMissing('\xc3\xa9: b\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-no-colon', { sends: 'A field line without a colon', why: PARSER, source: FIELD },
    getMissing('no colon\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-value-nul', { sends: 'A field value with a NUL', why: PARSER, source: 'RFC 9110 section 5.5' },
    getMissing('A: b\0c\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-value-control', { sends: 'A field value with control characters', why: PARSER, source: 'RFC 9110 section 5.5' },
    getMissing('A: b\x01\x08\x7f\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-value-not-ascii', { sends: 'A field value with bytes that are not ASCII', why: 'These bytes are allowed and opaque', source: 'RFC 9110 section 5.5' },
    getMissing('A: \xc3\xa9\xff\r\nConnection: close\r\n\r\n')),
  probeBytes('framing-section-too-large', { sends: 'A header section of 200 000 bytes in one field', why: 'A 431 is not in the table, and comes from the HTTP parser', source: 'RFC 6585 section 5' },
    getMissing(`A: ${'b'.repeat(200_000)}\r\nConnection: close\r\n\r\n`)),
  probeBytes('framing-too-many-fields', { sends: 'A header section of 3000 fields', why: 'Some servers drop the fields over their limit', source: 'RFC 6585 section 5' },
    getMissing(`${'A: b\r\n'.repeat(3000)}Connection: close\r\n\r\n`)),

  probeBytes('framing-version-minor', { sends: 'HTTP version 1.9', why: 'A server treats it as the highest minor version that it supports', source: 'RFC 9110 section 2.5' },
    target => `GET ${missingPath(target)} HTTP/1.9\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  probeBytes('framing-version-major', { sends: 'HTTP version 9.9', why: 'A 505 is not in the table', source: 'RFC 9110 section 15.6.6' },
    target => `GET ${missingPath(target)} HTTP/9.9\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  probeBytes('framing-version-bad', { sends: 'An invalid HTTP version', why: PARSER, source: 'RFC 9112 section 2.3' },
    target => `GET ${missingPath(target)} HTTQ/1.x\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  probeBytes('framing-version-lower-case', { sends: 'http/1.1 in lower case', why: 'The protocol name is case-sensitive', source: 'RFC 9112 section 2.3' },
    target => `GET ${missingPath(target)} http/1.1\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  probeBytes('framing-version-missing', { sends: 'A request line without a version, as in HTTP/0.9', why: 'An HTTP/0.9 response has no status line', source: 'RFC 9112 section 2.3' },
    target => `GET ${missingPath(target)}\r\n\r\n`),
  probeBytes('framing-preface', { sends: 'The HTTP/2 connection preface and nothing after it', why: 'An HTTP/1.1 server reads it as a request', source: 'RFC 9113 section 3.4' },
    () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', UP_TO_TWO_RESPONSES),
  probeBytes('framing-garbage', { sends: 'Bytes that are not an HTTP request', why: PARSER, source: 'RFC 9112 section 2.2' },
    () => Buffer.from(Array.from({ length: 300 }, (_, i) => (i * 7 + 128) & 0xff))),
  probeBytes('framing-garbage-text', { sends: 'A line of text that is not a request line', why: PARSER, source: 'RFC 9112 section 3' },
    () => 'how are you\r\n\r\n'),
  probeBytes('framing-tls', { sends: 'The start of a TLS handshake, in the clear on http and inside TLS on https', why: 'Clients confuse http and https', source: 'RFC 8446 section 5.1' },
    () => Buffer.from('160301007b0100007703030000000000000000', 'hex')),
  probeBytes('framing-endless-line', { sends: 'A request line of 100 000 characters that does not end', why: 'A server rejects it before its end', source: 'RFC 9112 section 3' },
    target => `GET ${missingPath(target)}/${'e'.repeat(100_000)}`),
  probeBytes('framing-endless-section', { sends: 'A header section of 100 000 characters that does not end', why: 'A server rejects it before its end', source: 'RFC 6585 section 5' },
    getMissing('A: b\r\n'.repeat(17_000))),
  probeBytes('framing-cut-line', { sends: 'A request line that breaks off', why: 'The end of the input is an error of its own', source: 'RFC 9112 section 8' },
    target => `GET ${missingPath(target)} HT`),
  probeBytes('framing-cut-section', { sends: 'A header section that breaks off', why: 'The end of the input is an error of its own', source: 'RFC 9112 section 8' },
    getMissing('A: b')),
  probeBytes('framing-leading-line-breaks', { sends: 'Line breaks before a request', why: 'A server should ignore at least one line break', source: 'RFC 9112 section 2.2' },
    target => `\r\n\r\n\r\nGET ${missingPath(target)} HTTP/1.1\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  probeBytes('framing-tabs-in-line', { sends: 'A request line with tabs instead of spaces', why: 'A recipient may read tabs as spaces', source: 'RFC 9112 section 3' },
    target => `GET\t${missingPath(target)}\tHTTP/1.1\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  probeBytes('framing-nothing', { sends: 'Nothing, then closes its side of the connection', why: 'Without a request, no response is needed', source: 'RFC 9112 section 9.8' },
    () => '')
]
