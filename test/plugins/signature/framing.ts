import type { IncomingMessage } from 'node:http'
import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { announcesContent, getHttp2Stream, isStreamed } from '../../../plugins/signature/framing.js'
import { allowsContent } from '../../../lib/content.js'

function message (headers: Record<string, string>, stream?: { endAfterHeaders: boolean }): IncomingMessage {
  return { headers, httpVersionMajor: stream === undefined ? 1 : 2, stream } as unknown as IncomingMessage
}

t.test('announcesContent() returns whether there is content; undefined if only the content tells', async t => {
  t.equal(announcesContent(message({})), false)
  t.equal(announcesContent(message({ 'content-length': '0' })), false)
  t.equal(announcesContent(message({ 'content-length': '1' })), true)
  t.equal(announcesContent(message({ 'transfer-encoding': 'chunked' })), undefined)
  t.equal(announcesContent(message({}, { endAfterHeaders: true })), false)
  t.equal(announcesContent(message({}, { endAfterHeaders: false })), undefined)
  t.equal(announcesContent(message({ 'content-length': '1' }, { endAfterHeaders: false })), true)
})

t.test('allowsContent() is false for methods whose content Fastify does not parse', async t => {
  for (const method of ['GET', 'HEAD', 'TRACE']) t.equal(allowsContent(method), false, method)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY']) t.equal(allowsContent(method), true, method)
})

t.test('isStreamed() is true if the body is a stream, or if no parser has made a body', async t => {
  const request = (body: unknown, headers: Record<string, string> = {}) => ({ body, headers }) as unknown as FastifyRequest
  t.equal(isStreamed(request((async function * () {})())), true)
  for (const body of ['text', null, { a: 1 }, 0]) t.equal(isStreamed(request(body)), false)
  t.equal(isStreamed(request(undefined)), false)
  for (const name of ['content-type', 'content-length', 'transfer-encoding']) t.equal(isStreamed(request(undefined, { [name]: 'x' })), true, name)
})

t.test('getHttp2Stream() returns the stream over HTTP/2 only', async t => {
  const stream = { endAfterHeaders: true }
  t.equal(getHttp2Stream(message({}, stream)), stream)
  t.equal(getHttp2Stream(message({})), undefined)
})
