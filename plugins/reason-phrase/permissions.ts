import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { nameOf } from './route-schemas.js'

// The compiler drops an import that no type needs. This one adds to Fastify's own types.
export type {} from './route-schemas.js'

/** Verifies a request, and answers it where it does not pass. */
export type Verify = (request: FastifyRequest, reply: FastifyReply, pass: (error?: Error) => void) => void

/** Where an instance has what verifies its requests. */
export const kVerify = Symbol('fastify-reason-phrase.verify')

/** An instance whose requests are verified, maybe. */
export type Verifying = FastifyInstance & { [kVerify]?: Verify }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The permission that the key of a request needs. It takes `fastify-reason-phrase/signature`. */
    permission?: string | undefined
    /** `false` opens a route to requests that are not signed. */
    signature?: false | undefined
  }
}

/** Has a service fail to start that has a route with a permission, and nothing to verify it. */
export function checkPermissions (app: FastifyInstance): void {
  const routes: Array<[app: Verifying, route: RouteOptions]> = []
  app.addHook('onRoute', function (route) {
    const { permission, signature } = route.config ?? {}
    if (permission === undefined) return
    if (typeof permission !== 'string' || permission === '' || signature === false) {
      throw new Error(`fastify-reason-phrase: the route ${nameOf(route)} must have its config.permission as a text, and not with signature: false`)
    }
    routes.push([this, route])
  })
  // By then, a plugin that was registered after its routes is there, too.
  app.addHook('onReady', done => {
    const stray = routes.find(([app]) => app[kVerify] === undefined)
    if (stray === undefined) return done()
    const [, route] = stray
    done(new Error(`fastify-reason-phrase: the route ${nameOf(route)} asks for the permission ${route.config!.permission}, but nothing verifies it there. Register fastify-reason-phrase/signature`))
  })
}
