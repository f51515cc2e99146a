import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { messageFromError } from '../../lib/message.js'
import { getError, isLogged, setFrameworkLine } from '../../lib/response/state.js'
import { changeLogController, type LogController } from './log-controller.js'

/**
 * Records which errors and which missing routes Fastify logs for the requests of a server, so that the log has one line
 * for each. With `disableRequestLogging`, Fastify logs none of them.
 */
export function observeFrameworkLines (app: FastifyInstance): void {
  changeLogController(app, recordLines)
}

function recordLines (controller: LogController): void {
  const { defaultErrorLog, routeNotFound } = controller
  controller.defaultErrorLog = function (error, request, reply, metadata) {
    const { raw } = reply
    // A response that was sent at once has its line already.
    if (isLogged(raw) && Object.is(getError(raw), error)) return
    defaultErrorLog.call(this, error, request, reply, metadata)
    if (!this.isLogDisabled(request)) setFrameworkLine(raw, { message: messageFromError(error), error })
  }
  controller.routeNotFound = function (request, reply, metadata) {
    routeNotFound.call(this, request, reply, metadata)
    if (!this.isLogDisabled(request)) setFrameworkLine(reply.raw, { message: notFoundMessage(request.raw) })
  }
}

/** Returns the message of Fastify's own handler for requests without a route. */
export function notFoundMessage ({ method, url }: IncomingMessage): string {
  return `Route ${method}:${url} not found`
}
