import type { FastifyContextConfig, FastifyInstance } from 'fastify'
import { contractOf, hasOwnRegistration } from './registration.js'
import { getRouteName } from './route-name.js'

/** A route that was added, with the context that has added it. */
interface ExistingRoute {
  readonly server: FastifyInstance
  readonly config: FastifyContextConfig & { readonly method: string | readonly string[], readonly url: string }
}

// Plugins such as @fastify/cors add routes for OPTIONS, and Fastify adds a route for HEAD to each one for GET.
const UNNAMED_METHODS = new Set(['HEAD', 'OPTIONS'])

/** How many routes a message names. */
const MAX_NAMED = 10

/** Logs a warning that names the routes that were added before the plugin. Logs nothing if there are none. */
export function warnAboutEarlierRoutes (app: FastifyInstance): void {
  const names = findRoutes(app, context => isWithin(context, app) && !hasOwnRegistration(context, app))
  if (names.length === 0) return
  app.log.warn(`fastify-reason-phrase: these routes were added before the plugin, so it does not check their schemas and config, and may not cover their errors: ${listNames(names)}. Register fastify-reason-phrase before them`)
}

/** Returns the names of the routes that no registration of the plugin covers, for a message. Empty if there are none. */
export function listUncoveredRoutes (app: FastifyInstance): string {
  return listNames(findRoutes(app, context => contractOf(context) === undefined))
}

/** Returns the names of the routes whose contexts `isMeant` selects, without the routes that are exempt from the contract. */
function findRoutes (app: FastifyInstance, isMeant: (context: FastifyInstance) => boolean): string[] {
  const names = new Set<string>()
  for (const { server, config } of listRoutes(app)) {
    const isNamed = config.reasonPhrase !== false && ![config.method].flat().every(method => UNNAMED_METHODS.has(method))
    if (isNamed && isMeant(server)) names.add(getRouteName(config))
  }
  return [...names]
}

/** Returns whether a context is the other context, or one of its children. */
function isWithin (context: FastifyInstance, other: FastifyInstance): boolean {
  return context === other || Object.prototype.isPrototypeOf.call(other, context)
}

/** Returns the names of the first routes, and the number of the others, for a message. */
function listNames (names: readonly string[]): string {
  const others = names.length - MAX_NAMED
  return others > 0 ? `${names.slice(0, MAX_NAMED).join('; ')}; and ${others} more` : names.join('; ')
}

/** Returns all routes. Fastify has no method for this, but its router passes each route to the function that formats its output. */
function listRoutes (app: FastifyInstance): ExistingRoute[] {
  const routes: ExistingRoute[] = []
  const options = {
    includeMeta: [],
    get buildPrettyMeta () {
      return ({ store }: { store: ExistingRoute }) => {
        routes.push(store)
        return {}
      }
    },
    // Ignore the function that the router sets.
    set buildPrettyMeta (_own) {}
  }
  app.printRoutes(options)
  return routes
}
