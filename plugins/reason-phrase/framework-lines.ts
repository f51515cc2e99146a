import type { IncomingMessage } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { messageFromError } from '../../lib/message.js'
import { getError, isLogged, setFrameworkLine } from '../../lib/response/state.js'
import { changeLogController, type LogController } from './log-controller.js'

/**
 * Records which errors and missing routes Fastify itself logs, so that the plugin does not log them a second time. With
 * `disableRequestLogging`, Fastify logs none of them.
 */
export function observeFrameworkLines (app: FastifyInstance): void {
  changeLogController(app, recordLines)
}

function recordLines (controller: LogController): void {
  const { defaultErrorLog, routeNotFound } = controller
  controller.defaultErrorLog = function (error, request, reply, metadata) {
    const { raw } = reply
    // If the response was sent at once, the plugin has already logged its error.
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
