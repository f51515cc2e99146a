import type { FastifyInstance, FastifyRequest, onSendAsyncHookHandler } from 'fastify'
import { findSymbol } from '../../lib/find-symbol.js'

/** The descriptions of the symbols under which Fastify keeps its class of replies, the context of a route, and the context of its not-found handler. */
const REPLY = 'fastify.Reply'
const CONTEXT = 'fastify.context'
const NOT_FOUND_CONTEXT = 'fastify.404ContextKey'

/** Fastify's context of a route. */
interface Context {
  onSend: unknown[] | null
  [symbol: symbol]: unknown
}

/**
 * Returns a function that adds an `onSend` hook to a single request. The hook runs before all other `onSend` hooks, in
 * whatever order the plugins are registered: the request gets its own context, which inherits from the context of its route.
 *
 * @throws {Error} if the contexts of this version of Fastify cannot be found
 */
export function createContextReplacer (app: FastifyInstance, hook: onSendAsyncHookHandler<unknown>): (request: FastifyRequest) => void {
  const kContext = findContextSymbol(app)
  const derivedContexts = new WeakMap<Context, Context>()

  function derive (context: Context): Context {
    const existing = derivedContexts.get(context)
    if (existing !== undefined) return existing
    const derived: Context = Object.create(context, { onSend: { value: [hook, ...context.onSend ?? []] } })
    const kNotFoundContext = findSymbol(context, NOT_FOUND_CONTEXT)
    // With reply.callNotFound(), the not-found handler sends the response of this route, so the hook must run there too.
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
  if (kContext === undefined) throw new Error('fastify-reason-phrase: idempotency does not support this version of Fastify. Update fastify-reason-phrase, or install a version of Fastify that its peerDependencies allow')
  return kContext
}
