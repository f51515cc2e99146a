import type { FastifyInstance, FastifyRequest, onSendAsyncHookHandler } from 'fastify'
import { findSymbol } from '../../lib/find-symbol.js'

/** The descriptions of the symbols under which Fastify keeps its class of replies, the context of a route, and the context of its not-found handler. */
const REPLY = 'fastify.Reply'
const CONTEXT = 'fastify.context'
const NOT_FOUND_CONTEXT = 'fastify.404ContextKey'

/** What Fastify knows of a route. */
interface Context {
  onSend: unknown[] | null
  [symbol: symbol]: unknown
}

/**
 * Returns a function that adds an `onSend` hook to one request. The hook runs before all others, in whatever order plugins
 * are registered, because the request gets a context of its own, which inherits from that of its route.
 *
 * @throws {Error} if this version of Fastify keeps its contexts elsewhere
 */
export function createContextReplacer (app: FastifyInstance, hook: onSendAsyncHookHandler<unknown>): (request: FastifyRequest) => void {
  const kContext = findContextSymbol(app)
  const derivedContexts = new WeakMap<Context, Context>()

  function derive (context: Context): Context {
    const existing = derivedContexts.get(context)
    if (existing !== undefined) return existing
    const derived: Context = Object.create(context, { onSend: { value: [hook, ...context.onSend ?? []] } })
    const kNotFoundContext = findSymbol(context, NOT_FOUND_CONTEXT)
    // For reply.callNotFound(), whose response is one of the route.
    if (kNotFoundContext !== undefined) Object.defineProperty(derived, kNotFoundContext, { get: () => derive(context[kNotFoundContext] as Context) })
    derivedContexts.set(context, derived)
    return derived
  }

  return request => {
    const { [kContext]: context } = request as unknown as Record<symbol, Context>
    ;(request as unknown as Record<symbol, Context>)[kContext] = derive(context!)
  }
}

function findContextSymbol (app: FastifyInstance): symbol {
  const kReply = findSymbol(app, REPLY)
  const kContext = kReply && findSymbol((app as unknown as Record<symbol, { prototype: object }>)[kReply]!.prototype, CONTEXT)
  if (kContext === undefined) throw new Error('fastify-reason-phrase: idempotency does not support this version of Fastify. Update fastify-reason-phrase, or use a version of Fastify that it names as a peer dependency')
  return kContext
}
