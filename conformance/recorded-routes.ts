import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'

const recorded = new WeakMap<object, RouteOptions[]>()

// Fastify does not expose the schemas of registered routes. It announces each
// new instance, so this module must be imported before the instance is created.
subscribe('fastify.initialization', message => {
  const { fastify } = message as { fastify: FastifyInstance }
  const routes: RouteOptions[] = []
  recorded.set(fastify, routes)
  fastify.addHook('onRoute', route => { routes.push(route) })
})

/**
 * Returns the routes of an instance in the order of their registration, or
 * undefined if the instance was created before this module was imported.
 */
export function getRecordedRoutes (app: object): readonly RouteOptions[] | undefined {
  // The parent of an encapsulated context is its prototype.
  for (let instance: object = app; instance !== null; instance = Object.getPrototypeOf(instance)) {
    const routes = recorded.get(instance)
    if (routes !== undefined) return routes
  }
}
