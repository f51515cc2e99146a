import { subscribe } from 'node:diagnostics_channel'
import type { FastifyInstance, RouteOptions } from 'fastify'

const recorded = new WeakMap<object, RouteOptions[]>()

// Fastify does not tell the schemas of its routes once they are registered.
// But it says when an instance is made, so this module is to be there before.
subscribe('fastify.initialization', message => {
  const { fastify } = message as { fastify: FastifyInstance }
  const routes: RouteOptions[] = []
  recorded.set(fastify, routes)
  fastify.addHook('onRoute', route => { routes.push(route) })
})

/** The routes of an instance, in the order of their registration; undefined for one that was made before this module was there. */
export function routesOf (app: object): readonly RouteOptions[] | undefined {
  // A child context has its parent for a prototype.
  for (let instance: object = app; instance !== null; instance = Object.getPrototypeOf(instance)) {
    const routes = recorded.get(instance)
    if (routes !== undefined) return routes
  }
}
