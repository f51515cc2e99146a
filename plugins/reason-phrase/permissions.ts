import { inspect } from 'node:util'
import type { FastifyContextConfig, FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { SignatureAge } from '../../lib/signature/options.js'
import { getOperations } from './idempotent-routes.js'
import { createRouteError } from './route-name.js'

// The compiler drops an import that no type needs. This one adds to Fastify's own types.
export type {} from './route-schemas.js'

/** Verifies a request. Calls `pass` for a valid request; otherwise calls it with an error, or sends the error. */
export type Verify = (request: FastifyRequest, reply: FastifyReply, pass: (error?: Error) => void) => void

/** The decorator with the function that verifies the requests of an instance. */
export const kVerify = Symbol('fastify-reason-phrase.verify')

/** The decorator with the maximum age of the signatures that an instance accepts. */
export const kSignatureAge = Symbol('fastify-reason-phrase.signature-age')

/**
 * Returns the SHA-256 that the body of a verified request must have; undefined if it is not checked. Reading a body with another
 * SHA-256 to its end fails. A parsed body is checked before the handler is called.
 */
export type GetBodyDigest = (request: FastifyRequest) => Uint8Array | undefined

/** The decorator with the function that returns the digest of a body. */
export const kGetBodyDigest = Symbol('fastify-reason-phrase.get-body-digest')

/** An instance that may verify its requests. */
export type Verifying = FastifyInstance & { [kVerify]?: Verify, [kSignatureAge]?: SignatureAge, [kGetBodyDigest]?: GetBodyDigest }

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The permission that the key of a request must have. Requires the plugin `fastify-reason-phrase/signature`. */
    permission?: string | undefined
    /** With `false`, the route accepts requests without a signature. */
    signature?: false | undefined
  }
}

const NONE: readonly string[] = []

/**
 * Returns the permissions of the route with this config. A key must have one of them; an empty list means that it needs no
 * permission. An outcome route has the permissions of all idempotent routes, or none if an idempotent route needs none.
 */
export function getPermissions (config: FastifyContextConfig): readonly string[] {
  const operations = getOperations(config)
  if (operations === undefined) return config.permission === undefined ? NONE : [config.permission]
  const permissions = new Set(operations.map(({ config }) => config!.permission))
  return permissions.has(undefined) ? NONE : [...permissions as Set<string>]
}

/** Returns whether the route with this config needs signed requests. An outcome route needs them if an idempotent route does. */
export function needsSignature (config: FastifyContextConfig): boolean {
  const operations = getOperations(config)
  if (operations === undefined || operations.length === 0) return config.signature !== false
  return operations.some(({ config }) => config!.signature !== false)
}

/** Fails the start of a service that has a route with a permission, but does not verify the requests of this route. */
export function checkPermissions (app: FastifyInstance): void {
  const routes: Array<[app: Verifying, route: RouteOptions]> = []
  app.addHook('onRoute', function (route) {
    const { permission, signature } = route.config ?? {}
    if (permission !== undefined) checkPermission(route, permission, signature)
    if (permission !== undefined || getOperations(route.config) !== undefined) routes.push([this, route])
  })
  // The signature plugin may be registered after the routes.
  app.addHook('onReady', done => {
    const stray = routes.find(([app, { config }]) => app[kVerify] === undefined && getPermissions(config!).length > 0)
    if (stray === undefined) return done()
    const [, route] = stray
    done(createRouteError(route, `it needs the permission ${getPermissions(route.config!).join(' or ')}, but nothing verifies it there. Register fastify-reason-phrase/signature`))
  })
}

function checkPermission (route: RouteOptions, permission: unknown, signature: unknown): void {
  if (typeof permission !== 'string' || permission === '') {
    throw createRouteError(route, `config.permission must be the name of one permission, not ${inspect(permission)}`)
  }
  if (signature === false) {
    throw createRouteError(route, `config.permission is ${inspect(permission)}, but config.signature is false. Remove one of them: a request without a signature has no permission`)
  }
}
