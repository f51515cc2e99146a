import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { findSymbol } from '../../lib/find-symbol.js'

/** Gets the reply of each request before any hook runs. */
export type IncomingRequestListener = (reply: FastifyReply) => void

const kListener = Symbol('fastify-reason-phrase.incoming-request')
const kIsObserved = Symbol('fastify-reason-phrase.is-observed')

/** The description of the symbol under which Fastify keeps its LogController. */
const LOG_CONTROLLER = 'fastify.logController'

type IncomingRequest = (request: FastifyRequest, reply: FastifyReply, metadata?: unknown) => void

/** Fastify's LogController, which it calls for each request before the hooks, also without a logger. */
interface LogController {
  incomingRequest: IncomingRequest
  [kIsObserved]?: true
}

type Listening = FastifyInstance & { [kListener]?: IncomingRequestListener }

/**
 * Calls the listener for each request of an instance and its children, before any hook. An `onRequest` hook would do the
 * same, but Fastify needs about 0.1 µs to run a hook, and a success would pay for it. It is the fallback for a
 * frozen LogController, and for a version of Fastify that keeps it elsewhere.
 */
export function onIncomingRequest (app: FastifyInstance, listener: IncomingRequestListener): void {
  app.decorate(kListener, listener)
  const controller = findLogController(app)
  if (controller === undefined || !Object.isExtensible(controller)) {
    app.addHook('onRequest', (_request, reply, done) => {
      listener(reply)
      done()
    })
    return
  }
  if (controller[kIsObserved]) return
  controller[kIsObserved] = true
  const { incomingRequest } = controller
  controller.incomingRequest = function (request, reply, metadata) {
    // Instances outside the plugin, and other services, can have the same controller.
    (reply.server as Listening)[kListener]?.(reply)
    incomingRequest.call(this, request, reply, metadata)
  }
}

function findLogController (app: FastifyInstance): LogController | undefined {
  const symbol = findSymbol(app, LOG_CONTROLLER)
  return symbol && (app as unknown as Record<symbol, LogController>)[symbol]
}
