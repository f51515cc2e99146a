import { createHash, hash, type Hash } from 'node:crypto'
import { finished } from 'node:stream/promises'
import type { FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { kGetBodyDigest, type Verifying } from '../reason-phrase/permissions.js'
import { announcesContent, isStreamed } from '../signature/framing.js'

const kBodyHash = Symbol('fastify-reason-phrase.body-hash')

type RequestWithHash = FastifyRequest & { [kBodyHash]?: BodyHash }

/** The SHA-256 of no content. */
const EMPTY_DIGEST = hash('sha256', '', 'buffer')

/** The hash of the bytes of a body, computed while somebody else reads them. */
class BodyHash {
  readonly #raw: FastifyRequest['raw']
  readonly #verified: Uint8Array | undefined
  /** The digest of a body that arrives in one chunk. Otherwise, its bytes are added to the hash. */
  #digest: Uint8Array | undefined
  #hash: Hash | undefined
  #length = 0

  /** @param verified the digest, if the signature plugin computes it and compares it with that of the client */
  constructor (raw: FastifyRequest['raw'], verified: Uint8Array | undefined) {
    this.#raw = raw
    this.#verified = verified
    if (verified !== undefined) return
    const { 'content-length': announced } = raw.headers
    // Otherwise, the listener would start to read.
    raw.pause()
    raw.on('data', (chunk: Uint8Array) => {
      this.#length += chunk.length
      if (chunk.length === Number(announced)) this.#digest = hash('sha256', chunk, 'buffer')
      else (this.#hash ??= createHash('sha256')).update(chunk)
    })
  }

  /** Reads what nobody else reads, and returns the digest. */
  async digest ({ body, headers }: Pick<FastifyRequest, 'body' | 'headers'>): Promise<Uint8Array> {
    if (!this.#raw.readableEnded) {
      if (isStreamed({ body, headers } as FastifyRequest)) {
        throw new Error('fastify-reason-phrase: the body is read as a stream, so its idempotency key cannot be checked. Parse the body')
      }
      // A parser can be done before the body ends. For example, gunzip ignores what follows a gzip stream.
      await finished(this.#raw.unpipe().resume(), { writable: false })
    }
    if (this.#verified !== undefined) return this.#verified
    if (headers['content-length'] !== undefined && Number(headers['content-length']) !== this.#length) {
      throw new Error('fastify-reason-phrase: a hook or a middleware has read the body before the idempotency plugin, so its idempotency key cannot be checked. Read it in a preParsing hook')
    }
    return this.#digest ?? this.#hash?.digest() ?? EMPTY_DIGEST
  }
}

/**
 * Starts to hash the body of a request with a key, if it has one. The hook runs as the last `onRequest` hook of the route:
 * after the request is authenticated, and before a `preParsing` hook reads the body.
 */
export function observeBody (request: RequestWithHash, _reply: unknown, done: HookHandlerDoneFunction): void {
  if (request.headers['idempotency-key'] !== undefined && announcesContent(request.raw) !== false) {
    request[kBodyHash] = new BodyHash(request.raw, (request.server as Verifying)[kGetBodyDigest]?.(request))
  }
  done()
}

/**
 * Returns the SHA-256 of the bytes of a body, as they were sent. Call it once, in the handler.
 *
 * @throws {Error} if the body is left to the handler as a stream, or if a part of it was read before it was observed
 */
export async function getBodyDigest (request: RequestWithHash): Promise<Uint8Array> {
  return await request[kBodyHash]?.digest(request) ?? EMPTY_DIGEST
}
