import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest, ServerHttp2Stream } from 'node:http2'
import type { FastifyRequest } from 'fastify'

/** Returns whether the header section announces content; undefined if it does not tell (RFC 9110 section 6.4). */
export function announcesContent (raw: IncomingMessage): boolean | undefined {
  const { 'content-length': length, 'transfer-encoding': coding } = raw.headers
  if (coding !== undefined) return undefined
  if (length !== undefined) return Number(length) !== 0
  const stream = getHttp2Stream(raw)
  return stream === undefined || stream.endAfterHeaders ? false : undefined
}

/** Returns whether the handler can still read the content as a stream. */
export function isStreamed ({ body, headers }: FastifyRequest): boolean {
  if (body !== undefined) return Symbol.asyncIterator in Object(body)
  // Without any of these fields, Fastify runs no content type parser.
  return ['content-type', 'content-length', 'transfer-encoding'].some(name => headers[name] !== undefined)
}

/** Returns the HTTP/2 stream of a request; undefined over HTTP/1.1. */
export function getHttp2Stream (raw: IncomingMessage): ServerHttp2Stream | undefined {
  return raw.httpVersionMajor === 2 ? (raw as unknown as Http2ServerRequest).stream : undefined
}
