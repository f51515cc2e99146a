import type { FastifyInstance, FastifyReply } from 'fastify'
import { changeLogController, type LogController } from './log-controller.js'

/** Gets the reply of each request before any hook runs. */
export type IncomingRequestListener = (reply: FastifyReply) => void

const kListener = Symbol('fastify-reason-phrase.incoming-request')

type Listening = FastifyInstance & { [kListener]?: IncomingRequestListener }

/**
 * Calls the listener for each request of an instance and its children, before any hook. An `onRequest` hook would do the
 * same, but Fastify needs about 0.1 µs to run a hook, and a success would pay for it. It is the fallback for a
 * frozen LogController, and for a version of Fastify that keeps it elsewhere.
 */
export function onIncomingRequest (app: FastifyInstance, listener: IncomingRequestListener): void {
  app.decorate(kListener, listener)
  if (changeLogController(app, callListeners)) return
  app.addHook('onRequest', (_request, reply, done) => {
    listener(reply)
    done()
  })
}

function callListeners (controller: LogController): void {
  const { incomingRequest } = controller
  controller.incomingRequest = function (request, reply, metadata) {
    // Instances outside the plugin, and other services, can have the same controller.
    (reply.server as Listening)[kListener]?.(reply)
    incomingRequest.call(this, request, reply, metadata)
  }
}
