import { createHash, hash, type Hash } from 'node:crypto'
import { finished } from 'node:stream/promises'
import type { FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { kGetBodyDigest, type Verifying } from '../reason-phrase/permissions.js'
import { createRouteError } from '../reason-phrase/route-name.js'
import { announcesContent, isStreamed } from '../signature/framing.js'

const kBodyHash = Symbol('fastify-reason-phrase.body-hash')

type RequestWithHash = FastifyRequest & { [kBodyHash]?: BodyHash }

/** The SHA-256 of an empty body. */
const EMPTY_DIGEST = hash('sha256', '', 'buffer')

/** Computes the hash of a request body while a parser or a hook reads the body. */
class BodyHash {
  readonly #raw: FastifyRequest['raw']
  readonly #verified: Uint8Array | undefined
  /** The digest of a body that arrived in one chunk. The chunks of any other body are added to `#hash`. */
  #digest: Uint8Array | undefined
  #hash: Hash | undefined
  #length = 0

  /** @param verified the digest of the body, if the signature plugin verifies it; otherwise undefined */
  constructor (raw: FastifyRequest['raw'], verified: Uint8Array | undefined) {
    this.#raw = raw
    this.#verified = verified
    if (verified !== undefined) return
    const { 'content-length': announced } = raw.headers
    // Without this, the listener would start the stream.
    raw.pause()
    raw.on('data', (chunk: Uint8Array) => {
      this.#length += chunk.length
      if (chunk.length === Number(announced)) this.#digest = hash('sha256', chunk, 'buffer')
      else (this.#hash ??= createHash('sha256')).update(chunk)
    })
  }

  /** Reads the rest of the body, and returns the digest. */
  async digest (request: FastifyRequest): Promise<Uint8Array> {
    const { headers } = request
    if (!this.#raw.readableEnded) {
      if (isStreamed(request)) {
        throw createRouteError(request.routeOptions, 'the handler reads the request body as a stream, but a request with an idempotency key needs its body before the handler runs. Add a content type parser that reads the body')
      }
      // A parser may finish before the body ends. For example, gunzip ignores the bytes after a gzip stream.
      await finished(this.#raw.unpipe().resume(), { writable: false })
    }
    if (this.#verified !== undefined) return this.#verified
    if (headers['content-length'] !== undefined && Number(headers['content-length']) !== this.#length) {
      throw createRouteError(request.routeOptions, 'a hook or a middleware has read a part of the request body too early, so the body cannot be hashed for its idempotency key. Read the body in a preParsing hook')
    }
    return this.#digest ?? this.#hash?.digest() ?? EMPTY_DIGEST
  }
}

/**
 * Starts to hash the body of a request with a key. This is the last `onRequest` hook of the route, so it runs after the
 * request is authenticated, and before a `preParsing` hook reads the body.
 */
export function observeBody (request: RequestWithHash, _reply: unknown, done: HookHandlerDoneFunction): void {
  if (request.headers['idempotency-key'] !== undefined && announcesContent(request.raw) !== false) {
    request[kBodyHash] = new BodyHash(request.raw, (request.server as Verifying)[kGetBodyDigest]?.(request))
  }
  done()
}

/**
 * Returns the SHA-256 of the bytes of a request body as they were sent. Call it once, in the handler.
 *
 * @throws {Error} if the handler gets the body as a stream, or if a part of the body was read before {@link observeBody} ran
 */
export async function getBodyDigest (request: RequestWithHash): Promise<Uint8Array> {
  return await request[kBodyHash]?.digest(request) ?? EMPTY_DIGEST
}
