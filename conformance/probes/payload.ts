import { gzipSync } from 'node:zlib'
import { lastRequestStep } from '../exchange/http1.js'
import { encodeRequest, type RequestOptions } from '../exchange/request.js'
import { CONTRACT } from '../sources.js'
import { missingPath, type Target } from '../target.js'
import { OPTIONAL_RESPONSE_WAIT_MS, probeRequest, probeSteps, type Probe } from './probe.js'

const MEDIA_TYPE = 'RFC 9110 section 15.5.16'
const TOO_LARGE = 'RFC 9110 section 15.5.14'

// Larger than the default body limits of common frameworks.
const LARGE_BODY_BYTES = 4 * 1024 * 1024

const JSON_TYPE = { 'content-type': 'application/json' }

/** Returns a request with this body: the first known request that has a body, or a POST to an unknown path. */
function requestWithBody (target: Target, body: string | Uint8Array, headers: Record<string, string>): RequestOptions {
  const { method, url, headers: given = {} } = target.requests.find(request => request.body !== undefined) ?? { method: 'POST', url: missingPath(target) }
  const kept = Object.entries(given).filter(([name]) => !name.toLowerCase().startsWith('content-'))
  return { method, url, body, headers: { ...Object.fromEntries(kept), ...headers } }
}

const withBody = (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) => (target: Target) => requestWithBody(target, body, headers)

/** Returns the header section of a request that announces a body. */
async function encodeWithoutBody (target: Target, headers: Record<string, string>): Promise<Buffer> {
  return await encodeRequest(target, { ...requestWithBody(target, '', { ...JSON_TYPE, connection: 'close', ...headers }) })
}

/** Bodies that are malformed, too large, or of an unsupported type. */
export const payload: readonly Probe[] = [
  probeRequest('payload-malformed-json', { sends: 'Malformed JSON', why: 'The parser\'s own message can leak', source: CONTRACT.message },
    withBody('{"a": nope}')),
  probeRequest('payload-truncated-json', { sends: 'A complete body of JSON that breaks off', why: 'The parser\'s own message can leak', source: CONTRACT.message },
    withBody('{"a": [1, {"b": "c')),
  probeRequest('payload-empty-json', { sends: 'An empty body with the media type JSON', why: 'An empty body is not JSON', source: CONTRACT.unsuccessful },
    withBody('')),
  probeRequest('payload-json-prototype', { sends: 'JSON with the keys __proto__ and constructor', why: 'Parsers can reject it in their own format', source: CONTRACT.unsuccessful },
    withBody('{"__proto__": {"a": 1}, "constructor": {"prototype": {"a": 1}}}')),
  probeRequest('payload-json-deep', { sends: 'JSON of 20 000 nested arrays', why: 'It can exhaust the call stack', source: 'RFC 8259 section 9' },
    withBody('['.repeat(20_000) + ']'.repeat(20_000))),
  probeRequest('payload-json-scalar', { sends: 'The JSON value null', why: 'It is not an object', source: CONTRACT.unsuccessful },
    withBody('null')),
  probeRequest('payload-json-unicode', { sends: 'Malformed JSON of Chinese characters and emoji', why: 'A message that repeats it must still be ASCII', source: CONTRACT.message },
    withBody('{"你好": 😀😀😀}')),
  probeRequest('payload-json-long-error', { sends: 'Malformed JSON of 2000 letters', why: 'A message that repeats it must be truncated', source: CONTRACT.message },
    withBody('x'.repeat(2000))),
  probeRequest('payload-bad-utf-8', { sends: 'JSON that is not valid UTF-8', why: 'It causes a decoding error only in some languages', source: 'RFC 8259 section 8.1' },
    withBody(Buffer.from('7b2261223a22c328ff227d', 'hex'))),
  probeRequest('payload-bom', { sends: 'JSON with a byte order mark', why: 'A parser may reject it', source: 'RFC 8259 section 8.1' },
    withBody('\uFEFF{}')),
  probeRequest('payload-type-missing', { sends: 'A body without Content-Type', why: 'The server must guess the media type or reject the body', source: MEDIA_TYPE },
    withBody(Buffer.from('{}'), {})),
  probeRequest('payload-type-unknown', { sends: 'An unknown media type', why: 'A 415 is not in the table', source: `${CONTRACT.statusCodes}, ${MEDIA_TYPE}` },
    withBody('{}', { 'content-type': 'application/x-no-such-type' })),
  probeRequest('payload-type-bad', { sends: 'An invalid Content-Type', why: 'Content-Type parsers can fail on it', source: 'RFC 9110 section 8.3' },
    withBody('{}', { 'content-type': '/;;=json' })),
  probeRequest('payload-type-empty', { sends: 'An empty Content-Type', why: 'It is present but has no value', source: 'RFC 9110 section 8.3' },
    withBody('{}', { 'content-type': '' })),
  probeRequest('payload-charset', { sends: 'JSON in an unknown charset', why: 'A 415 is not in the table', source: `${CONTRACT.statusCodes}, ${MEDIA_TYPE}` },
    withBody('{}', { 'content-type': 'application/json; charset=no-such-charset' })),
  probeRequest('payload-multipart', { sends: 'multipart/form-data without a boundary', why: 'Multipart parsers can fail on it', source: 'RFC 2046 section 5.1.1' },
    withBody('--a\r\n\r\n', { 'content-type': 'multipart/form-data' })),
  probeRequest('payload-form', { sends: 'A form with a percent sign and no digits', why: 'It cannot be decoded', source: 'RFC 3986 section 2.1' },
    withBody('a=%&%zz=%ff', { 'content-type': 'application/x-www-form-urlencoded' })),
  probeRequest('payload-encoding-unknown', { sends: 'An unknown content coding', why: 'A 415 is right, with Accept-Encoding', source: `${CONTRACT.statusCodes}, ${MEDIA_TYPE}` },
    withBody('{}', { ...JSON_TYPE, 'content-encoding': 'no-such-coding' })),
  probeRequest('payload-gzip', { sends: 'JSON compressed with gzip', why: 'Many servers do not support it in requests', source: MEDIA_TYPE },
    withBody(gzipSync('{}'), { ...JSON_TYPE, 'content-encoding': 'gzip' })),
  probeRequest('payload-gzip-corrupt', { sends: 'Corrupt gzip data', why: 'It fails in a stream, after all other checks', source: 'RFC 9110 section 8.4.1.3' },
    withBody(Buffer.from('1f8b08000000000000ffdeadbeef', 'hex'), { ...JSON_TYPE, 'content-encoding': 'gzip' })),
  probeRequest('payload-get', { sends: 'GET with a body', why: 'It has no meaning, and some servers reject it', source: 'RFC 9110 section 9.3.1' },
    target => ({ url: missingPath(target), body: {} })),
  probeSteps('payload-too-large', { sends: `A body of ${LARGE_BODY_BYTES} bytes`, why: 'A 413 is not in the table, and the rest of the body stays unread', source: `${CONTRACT.statusCodes}, ${TOO_LARGE}` },
    [0, 1], async target => [await lastRequestStep(target, requestWithBody(target, `"${'a'.repeat(LARGE_BODY_BYTES - 2)}"`, JSON_TYPE))]),
  probeSteps('payload-too-large-declared', { sends: 'A header section that announces a body of a terabyte, and no body', why: 'A server can reject the body without reading it', source: `${CONTRACT.statusCodes}, ${TOO_LARGE}` },
    [0, 1], async target => [
      { send: await encodeWithoutBody(target, { 'content-length': String(2 ** 40) }), method: 'POST' },
      { responses: 1, within: OPTIONAL_RESPONSE_WAIT_MS },
      { end: true }
    ]),
  probeSteps('payload-too-large-chunked', { sends: `A chunked body of ${LARGE_BODY_BYTES} bytes`, why: 'The server notices the size only while it reads', source: `${CONTRACT.statusCodes}, ${TOO_LARGE}` },
    [0, 1], async target => {
      const chunk = Buffer.from(`10000\r\n${' '.repeat(0x10000)}\r\n`)
      return [
        { send: await encodeWithoutBody(target, { 'transfer-encoding': 'chunked' }) },
        ...Array.from({ length: LARGE_BODY_BYTES / 0x10000 }, () => ({ send: chunk })),
        { send: Buffer.from('0\r\n\r\n'), method: 'POST' }
      ]
    }),
  probeSteps('payload-truncated', { sends: 'Ten of a hundred bytes of a body, then closes its side of the connection', why: 'No body parser reports the incomplete body', source: 'RFC 9112 section 8' },
    [0, 1], async target => [
      { send: await encodeWithoutBody(target, { 'content-length': '100' }) },
      { send: Buffer.from('{"a": "bcd'), method: 'POST' },
      { responses: 1, within: OPTIONAL_RESPONSE_WAIT_MS },
      { end: true }
    ]),
  probeSteps('payload-truncated-chunk', { sends: 'A chunk that breaks off, then closes its side of the connection', why: 'No body parser reports the incomplete body', source: 'RFC 9112 section 8' },
    [0, 1], async target => [
      { send: await encodeWithoutBody(target, { 'transfer-encoding': 'chunked' }) },
      { send: Buffer.from('64\r\n{"a": "bcd'), method: 'POST' },
      { responses: 1, within: OPTIONAL_RESPONSE_WAIT_MS },
      { end: true }
    ]),
  probeSteps('payload-expect-continue', { sends: 'Expect: 100-continue, then the body after the 100', why: 'The 100 is a response too, but not an error', source: 'RFC 9110 section 10.1.1' },
    [1, 1], async target => [
      { send: await encodeWithoutBody(target, { 'content-length': '2', expect: '100-continue' }), method: 'POST' },
      { bytes: true, within: 1000 },
      { send: Buffer.from('{}') }
    ]),
  probeSteps('payload-expect-too-large', { sends: 'Expect: 100-continue for a body of a terabyte', why: 'The server can reject it instead of sending the 100', source: 'RFC 9110 section 10.1.1' },
    [0, 1], async target => [
      { send: await encodeWithoutBody(target, { 'content-length': String(2 ** 40), expect: '100-continue' }), method: 'POST' },
      { responses: 1, within: OPTIONAL_RESPONSE_WAIT_MS },
      { end: true }
    ]),
  probeRequest('payload-expect-unknown', { sends: 'An unknown expectation', why: 'A 417 is not in the table, and comes from the HTTP parser', source: `${CONTRACT.statusCodes}, RFC 9110 section 15.5.18` },
    target => requestWithBody(target, '{}', { ...JSON_TYPE, expect: 'no-such-expectation' }))
]
