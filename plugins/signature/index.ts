/**
 * The plugin for signed requests: verifies HTTP Message Signatures (RFC 9421) with HMAC.
 *
 * @module fastify-reason-phrase/signature
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction, RegisterOptions } from 'fastify'
import fp from 'fastify-plugin'
import type { VerifiedKey } from '../../lib/signature/keys.js'
import type { SignatureOptions } from '../../lib/signature/options.js'
import { Verifier } from '../../lib/signature/verifier.js'
import { MAX_TIMEOUT_MS } from '../../lib/time-limit.js'
import { decorate } from '../reason-phrase/decorate.js'
import { kGetBodyDigest, kSignatureAge, kVerify, needsSignature, type Verifying } from '../reason-phrase/permissions.js'
import { checkContent, getBodyDigest } from './content.js'
import { Verification } from './verification.js'

export type { Key, Secret, VerifiedKey } from '../../lib/signature/keys.js'
export { memoryStore } from '../../lib/signature/memory-store.js'
export type { SignatureOptions } from '../../lib/signature/options.js'
export { redisStore, type RedisClient } from '../../lib/signature/redis-store.js'
export type { ReplayStore } from '../../lib/signature/replay-store.js'
// The compiler drops an import that no type needs. These imports add to Fastify's own types.
export type {} from '../reason-phrase/idempotent-routes.js'
export type {} from '../reason-phrase/permissions.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The key that signed the request; undefined until the request is verified. */
    key: VerifiedKey | undefined
  }
}

async function signature (app: FastifyInstance, { prefix, logLevel, logSerializers, ...options }: RegisterOptions & SignatureOptions): Promise<void> {
  if ((app as Verifying)[kVerify] !== undefined) throw new Error('fastify-reason-phrase: fastify-reason-phrase/signature is registered already. Register it once')
  const verifier = new Verifier(options)
  // Over HTTP/1.1, Node applies this timeout itself.
  const requestTimeoutMs = (app.initialConfig as { requestTimeout: number }).requestTimeout || MAX_TIMEOUT_MS

  function verify (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): void {
    if (needsSignature(request.routeOptions.config)) new Verification(verifier, requestTimeoutMs, request, reply).run(done)
    else done()
  }

  decorate(app, 'request', 'key', undefined)
  app.decorate(kVerify, verify)
  app.decorate(kSignatureAge, verifier.signatureAge)
  app.decorate(kGetBodyDigest, getBodyDigest)
  app.addHook('onRequest', verify)
  app.addHook('preValidation', checkContent)
  logStore(app, options)
}

function logStore (app: FastifyInstance, { replay }: SignatureOptions): void {
  const description = replay?.store.description
  if (description === undefined) return
  app.addHook('onReady', done => {
    app.log.info(`fastify-reason-phrase: ${description}`)
    done()
  })
}

/**
 * The Fastify plugin that verifies signed requests (HTTP Message Signatures,
 * RFC 9421, with hmac-sha256, and Content-Digest, RFC 9530). It sends 401 if the
 * signature of a request is missing or not valid, and 403 if the key of the
 * request does not have the permission of the route.
 */
export default fp(signature, { fastify: '5.x', name: 'fastify-reason-phrase/signature', dependencies: ['fastify-reason-phrase'] })
