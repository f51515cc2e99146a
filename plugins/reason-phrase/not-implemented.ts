import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { setReplyMessage } from '../../lib/response/state.js'
import { decorate } from './decorate.js'
import { getRouteName } from './route-name.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Sends 501. Use it as the handler of a route whose schema is written before its code. Requests that do not pass
     * authentication or validation still get their own errors.
     */
    notImplemented: (request: any, reply: any) => any
  }
}

function notImplemented ({ method, routeOptions }: FastifyRequest, reply: FastifyReply): void {
  setReplyMessage(reply.raw, `${method} ${routeOptions.url} is not implemented yet`)
  reply.code(501).send()
}

/** Returns whether the handler of a route is `app.notImplemented`. */
export function isNotImplemented ({ handler }: RouteOptions): boolean {
  return handler === notImplemented
}

/** Adds `app.notImplemented` to an instance. When the instance is ready, one log line lists the routes with this handler. */
export function decorateNotImplemented (app: FastifyInstance): void {
  const routes: string[] = []
  decorate(app, 'instance', 'notImplemented', notImplemented)
  app.addHook('onRoute', route => {
    // Fastify derives each HEAD route from a GET route, which is listed already.
    if (isNotImplemented(route) && route.method !== 'HEAD') routes.push(getRouteName(route))
  })
  app.addHook('onReady', done => {
    if (routes.length > 0) app.log.info(`fastify-reason-phrase: not implemented yet: ${routes.join('; ')}`)
    done()
  })
}
