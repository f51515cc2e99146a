import { gzipSync } from 'node:zlib'
import { ask, sendsLast, steps, type Probe } from '../probe.js'
import { compose, type RequestOptions } from '../request.js'
import { nowhere, type Target } from '../target.js'

const RESPONSES = 'responses.md'
const MEDIA_TYPE = 'RFC 9110 section 15.5.16'
const TOO_LARGE = 'RFC 9110 section 15.5.14'

// Beyond the limits that frameworks have unless they are told otherwise.
const LARGE = 4 * 1024 * 1024

// How long a server can take to answer what it has of a request.
const PATIENCE = 300

const JSON_TYPE = { 'content-type': 'application/json' }

/** A request of the service that takes a body, or else one that no service answers, with another body. */
function taking (target: Target, body: string | Uint8Array, headers: Record<string, string>): RequestOptions {
  const { method, url, headers: given = {} } = target.requests.find(({ body }) => body !== undefined) ?? { method: 'POST', url: nowhere(target) }
  const kept = Object.entries(given).filter(([name]) => !name.toLowerCase().startsWith('content-'))
  return { method, url, body, headers: { ...Object.fromEntries(kept), ...headers } }
}

const body = (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE) => (target: Target) => taking(target, body, headers)

/** The bytes of a request with a body that is not there. */
async function without (target: Target, headers: Record<string, string>): Promise<Buffer> {
  return await compose(target, { ...taking(target, '', { ...JSON_TYPE, connection: 'close', ...headers }) })
}

/** Bodies that cannot be read, or not as what they are said to be. */
export const payload: readonly Probe[] = [
  ask('payload-malformed-json', { sends: 'JSON that is none', why: 'The parser\'s own message comes out', source: RESPONSES },
    body('{"a": nope}')),
  ask('payload-truncated-json', { sends: 'JSON that is cut, in a body that is not', why: 'The parser\'s own message comes out', source: RESPONSES },
    body('{"a": [1, {"b": "c')),
  ask('payload-empty-json', { sends: 'No bytes as JSON', why: 'No bytes are no JSON', source: RESPONSES },
    body('')),
  ask('payload-json-prototype', { sends: 'JSON with __proto__ and constructor', why: 'Parsers refuse it in a way of their own', source: RESPONSES },
    body('{"__proto__": {"a": 1}, "constructor": {"prototype": {"a": 1}}}')),
  ask('payload-json-deep', { sends: 'JSON of 20 000 arrays in each other', why: 'It can exhaust a stack', source: 'RFC 8259 section 9' },
    body('['.repeat(20_000) + ']'.repeat(20_000))),
  ask('payload-json-scalar', { sends: 'JSON that is null', why: 'It is no object', source: RESPONSES },
    body('null')),
  ask('payload-json-unicode', { sends: 'Malformed JSON of Chinese letters and emoji', why: 'A message that repeats it is ASCII all the same', source: RESPONSES },
    body('{"你好": 😀😀😀}')),
  ask('payload-json-long-error', { sends: 'Malformed JSON of 2000 letters', why: 'A message that repeats it is cut', source: RESPONSES },
    body('x'.repeat(2000))),
  ask('payload-bad-utf-8', { sends: 'JSON that is not UTF-8', why: 'It fails to decode in some languages only', source: 'RFC 8259 section 8.1' },
    body(Buffer.from('7b2261223a22c328ff227d', 'hex'))),
  ask('payload-bom', { sends: 'JSON with a byte order mark', why: 'A parser may refuse it', source: 'RFC 8259 section 8.1' },
    body('\uFEFF{}')),
  ask('payload-type-missing', { sends: 'A body without Content-Type', why: 'What it is, is for the server to guess or refuse', source: MEDIA_TYPE },
    body(Buffer.from('{}'), {})),
  ask('payload-type-unknown', { sends: 'A media type that there is not', why: 'A 415 is not of the table', source: `${RESPONSES}, ${MEDIA_TYPE}` },
    body('{}', { 'content-type': 'application/x-no-such-type' })),
  ask('payload-type-bad', { sends: 'A Content-Type that is none', why: 'Parsers of it fail in a way of their own', source: 'RFC 9110 section 8.3' },
    body('{}', { 'content-type': '/;;=json' })),
  ask('payload-type-empty', { sends: 'An empty Content-Type', why: 'It is neither there nor not', source: 'RFC 9110 section 8.3' },
    body('{}', { 'content-type': '' })),
  ask('payload-charset', { sends: 'JSON in a charset that there is not', why: 'A 415 is not of the table', source: `${RESPONSES}, ${MEDIA_TYPE}` },
    body('{}', { 'content-type': 'application/json; charset=no-such-charset' })),
  ask('payload-multipart', { sends: 'multipart/form-data without a boundary', why: 'Parsers fail on it in a way of their own', source: 'RFC 2046 section 5.1.1' },
    body('--a\r\n\r\n', { 'content-type': 'multipart/form-data' })),
  ask('payload-form', { sends: 'A form with a percent sign alone', why: 'It fails to decode', source: 'RFC 3986 section 2.1' },
    body('a=%&%zz=%ff', { 'content-type': 'application/x-www-form-urlencoded' })),
  ask('payload-encoding-unknown', { sends: 'A content coding that there is not', why: 'A 415 is right, with Accept-Encoding', source: `${RESPONSES}, ${MEDIA_TYPE}` },
    body('{}', { ...JSON_TYPE, 'content-encoding': 'no-such-coding' })),
  ask('payload-gzip', { sends: 'JSON as gzip', why: 'Many servers do not know it in a request', source: MEDIA_TYPE },
    body(gzipSync('{}'), { ...JSON_TYPE, 'content-encoding': 'gzip' })),
  ask('payload-gzip-corrupt', { sends: 'gzip that is corrupt', why: 'It fails in a stream, behind all that was checked', source: 'RFC 9110 section 8.4.1.3' },
    body(Buffer.from('1f8b08000000000000ffdeadbeef', 'hex'), { ...JSON_TYPE, 'content-encoding': 'gzip' })),
  ask('payload-get', { sends: 'GET with a body', why: 'It has no meaning, and some servers refuse it', source: 'RFC 9110 section 9.3.1' },
    target => ({ url: nowhere(target), body: {} })),
  steps('payload-too-large', { sends: `A body of ${LARGE} bytes`, why: 'A 413 is not of the table, and the rest of the body is not read', source: `${RESPONSES}, ${TOO_LARGE}` },
    [0, 1], async target => [await sendsLast(target, taking(target, `"${'a'.repeat(LARGE - 2)}"`, JSON_TYPE))]),
  steps('payload-too-large-declared', { sends: 'The header section of a body of a terabyte, and none of it', why: 'A server can refuse it unread', source: `${RESPONSES}, ${TOO_LARGE}` },
    [0, 1], async target => [
      { send: await without(target, { 'content-length': String(2 ** 40) }), method: 'POST' },
      { answers: 1, within: PATIENCE },
      { end: true }
    ]),
  steps('payload-too-large-chunked', { sends: `A chunked body of ${LARGE} bytes`, why: 'That it is too large shows only as it comes', source: `${RESPONSES}, ${TOO_LARGE}` },
    [0, 1], async target => {
      const chunk = Buffer.from(`10000\r\n${' '.repeat(0x10000)}\r\n`)
      return [
        { send: await without(target, { 'transfer-encoding': 'chunked' }) },
        ...Array.from({ length: LARGE / 0x10000 }, () => ({ send: chunk })),
        { send: Buffer.from('0\r\n\r\n'), method: 'POST' }
      ]
    }),
  steps('payload-truncated', { sends: 'Ten bytes of a body of a hundred, and closes its side', why: 'That it is cut is an error past every parser', source: 'RFC 9112 section 8' },
    [0, 1], async target => [
      { send: await without(target, { 'content-length': '100' }) },
      { send: Buffer.from('{"a": "bcd'), method: 'POST' },
      { answers: 1, within: PATIENCE },
      { end: true }
    ]),
  steps('payload-truncated-chunk', { sends: 'A chunk that is cut, and closes its side', why: 'That it is cut is an error past every parser', source: 'RFC 9112 section 8' },
    [0, 1], async target => [
      { send: await without(target, { 'transfer-encoding': 'chunked' }) },
      { send: Buffer.from('64\r\n{"a": "bcd'), method: 'POST' },
      { answers: 1, within: PATIENCE },
      { end: true }
    ]),
  steps('payload-expect-continue', { sends: 'Expect: 100-continue, and the body once that comes', why: 'The 100 is an answer, too, and no error', source: 'RFC 9110 section 10.1.1' },
    [1, 1], async target => [
      { send: await without(target, { 'content-length': '2', expect: '100-continue' }), method: 'POST' },
      { bytes: true, within: 1000 },
      { send: Buffer.from('{}') }
    ]),
  steps('payload-expect-too-large', { sends: 'Expect: 100-continue for a body of a terabyte', why: 'It can be refused in the place of the 100', source: 'RFC 9110 section 10.1.1' },
    [0, 1], async target => [
      { send: await without(target, { 'content-length': String(2 ** 40), expect: '100-continue' }), method: 'POST' },
      { answers: 1, within: PATIENCE },
      { end: true }
    ]),
  ask('payload-expect-unknown', { sends: 'An expectation that there is not', why: 'A 417 is not of the table, and comes from the HTTP parser', source: `${RESPONSES}, RFC 9110 section 15.5.18` },
    target => taking(target, '{}', { ...JSON_TYPE, expect: 'no-such-expectation' }))
]
