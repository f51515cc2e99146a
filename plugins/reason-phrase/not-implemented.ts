import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { setReplyMessage } from '../../lib/response/state.js'
import { decorate } from './decorate.js'
import { getRouteName } from './route-name.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * Answers 501 to requests that pass authentication and validation. It is the handler of a route whose schema is
     * written before its code.
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

/** Adds `app.notImplemented` to an instance. When the instance is ready, one line of the log lists the routes with it. */
export function decorateNotImplemented (app: FastifyInstance): void {
  const routes: string[] = []
  decorate(app, 'instance', 'notImplemented', notImplemented)
  app.addHook('onRoute', route => {
    // Fastify derives the route for HEAD from that for GET.
    if (isNotImplemented(route) && route.method !== 'HEAD') routes.push(getRouteName(route))
  })
  app.addHook('onReady', done => {
    if (routes.length > 0) app.log.info(`fastify-reason-phrase: not implemented yet: ${routes.join('; ')}`)
    done()
  })
}
