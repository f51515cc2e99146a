import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { say } from '../../lib/response/response.js'
import { nameOf } from './route-schemas.js'

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * The handler of a route whose schema is written before its code: it
     * answers 501 to what authentication and validation let through.
     */
    notImplemented: (request: any, reply: any) => any
  }
}

function notImplemented ({ method, routeOptions }: FastifyRequest, reply: FastifyReply): void {
  say(reply.raw, `${method} ${routeOptions.url} is not implemented yet`)
  reply.code(501).send()
}

/** Whether a route is declared with `app.notImplemented`. */
export function isNotImplemented ({ handler }: RouteOptions): boolean {
  return handler === notImplemented
}

/** Adds the handler to an instance, and lists the routes that have it, in one line of the log, when it is ready. */
export function decorateNotImplemented (app: FastifyInstance): void {
  const routes: string[] = []
  app.decorate('notImplemented', notImplemented)
  app.addHook('onRoute', route => {
    // Fastify derives the route for HEAD from that for GET.
    if (isNotImplemented(route) && route.method !== 'HEAD') routes.push(nameOf(route))
  })
  app.addHook('onReady', done => {
    if (routes.length > 0) app.log.info(`fastify-reason-phrase: not implemented yet: ${routes.join('; ')}`)
    done()
  })
}
