import t, { type Test } from 'tap'
import { ResponseSyntaxError, readResponses } from '../../../conformance/exchange/response-reader.js'

async function read (bytes: string, methods: string[] = ['GET'], size = bytes.length): Promise<Array<Record<string, unknown>>> {
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => Buffer.from(bytes.slice(i * size, (i + 1) * size), 'latin1'))
  const responses = []
  try {
    for await (const { body, interim, ...response } of readResponses(chunks, methods)) {
      responses.push({ ...response, body: Buffer.from(body).toString('latin1'), interim: interim.map(({ statusCode, fields }) => [statusCode, fields]) })
    }
  } catch (error) {
    const { message, bytes, isTruncated, statusCode } = error as ResponseSyntaxError
    responses.push({ message, bytes: Buffer.from(bytes).toString('latin1'), isTruncated, code: statusCode })
  }
  return responses
}

/** Asserts that the bytes are read as these responses, for chunks of several sizes. */
async function reads (t: Test, bytes: string, methods: string[], expected: object[]): Promise<void> {
  for (const size of [bytes.length, 1, 7]) t.match(await read(bytes, methods, size), expected, `${size} bytes at a time`)
  t.equal((await read(bytes, methods)).length, expected.length)
}

t.test('reads consecutive responses', async t => {
  await reads(t, 'HTTP/1.1 404 caf\xe9 \r\nContent-Length: 0\r\nA: \xff\t b \r\n\r\n' +
    'HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc' +
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n1\r\nd\r\n0\r\nA: b\r\n\r\n' +
    'HTTP/1.1 404\r\n\r\nto the end', ['GET', 'POST'], [
    { version: '1.1', method: 'GET', statusCode: 404, phrase: 'caf\xe9 ', fields: [['Content-Length', '0'], ['A', '\xff\t b']], body: '', trailers: [] },
    { version: '1.0', method: 'POST', statusCode: 200, body: 'abc' },
    { method: 'GET', body: 'abcd', trailers: [['A', 'b']] },
    { statusCode: 404, phrase: '', body: 'to the end' }
  ])
})

t.test('reads no body after HEAD, 204 and 304, even if the header section announces one', async t => {
  await reads(t, 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n' +
    'HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n' +
    'HTTP/1.1 204 No Content\r\n\r\n' +
    'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n', ['HEAD', 'GET'], [
    { method: 'HEAD', statusCode: 200, body: '' }, { statusCode: 304, body: '' }, { statusCode: 204 }, { statusCode: 404 }
  ])
})

t.test('reads a large body', async t => {
  const [first, second] = await read(`HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}HTTP/1.1 404 a\r\nContent-Length: 0\r\n\r\n`)
  t.equal((first!.body as string).length, 100_000)
  t.match(second, { statusCode: 404 })
})

t.test('adds 1xx responses to the final response', async t => {
  await reads(t, 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ['POST'], [
    { statusCode: 200, interim: [[100, []], [103, [['Link', 'a']]]] }
  ])
})

t.test('stops after a 101', async t => {
  await reads(t, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\nHTTP/1.1 404', ['GET'], [{ statusCode: 101, body: '' }])
})

t.test('reads the body of a failed CONNECT', async t => {
  await reads(t, 'HTTP/1.1 400 Bad Request\r\nContent-Length: 1\r\n\r\nx', ['CONNECT'], [{ method: 'CONNECT', statusCode: 400, body: 'x' }])
})

t.test('throws for malformed responses', async t => {
  for (const [bytes, message] of [
    ['x', /^Expected HTTP/],
    ['HTTP/1.1 404 a\n', /CR/],
    ['HTTP/1.1 404 a\r\nA : b\r\n', /header token/],
    ['HTTP/1.1 404 a\r\nA: b\0\r\n', /header value/],
    ['HTTP/1.1 404 a\r\nA: b\r\n c\r\n', /whitespace/],
    ['HTTP/1.1 404 a\r\nContent-Length: 0\r\nContent-Length: 0\r\n', /Content-Length/],
    ['HTTP/1.1 404 a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n', /Transfer-Encoding/],
    ['HTTP/1.1 404 a\r\nTransfer-Encoding: chunked\r\n\r\nz', /chunk size/],
    ['HTTP/1.1 404 a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab', /chunk data/]
  ] as const) await reads(t, bytes, ['GET'], [{ message, isTruncated: false }])
})

t.test('distinguishes truncated responses from malformed ones', async t => {
  await reads(t, 'HTTP/1.1 404 a\r\nConte', ['GET'], [{ message: 'The response is truncated', isTruncated: true, code: undefined }])
  await reads(t, 'HTTP/1.1 404 a\r\nContent-Length: 2\r\n\r\nx', ['GET'], [{ isTruncated: true, code: 404 }])
  await reads(t, 'HTTP/1.1 404 a\r\nContent-Length: 0\r\n\r\n\r\n', ['GET'], [{ statusCode: 404 }, { isTruncated: false, bytes: '\r\n' }])
  t.strictSame(await read('', ['GET'], 1), [])
})
