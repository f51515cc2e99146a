import { inspect } from 'node:util'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { correctName } from '../../lib/nearest-name.js'
import { kVerify } from './permissions.js'
import { createRouteError, describeRoute } from './route-name.js'

/** Returns whether an instance has the plugin that reads a certain key of the config. */
type HasReader = (app: FastifyInstance) => boolean

const isPluginRegistered: HasReader = () => true
const verifiesSignatures: HasReader = app => kVerify in app
const hasIdempotency: HasReader = app => app.hasPlugin('fastify-reason-phrase/idempotency')
const hasMaintenance: HasReader = app => app.hasPlugin('fastify-reason-phrase/maintenance')

/** The keys of a route's config that our plugins read. */
const READERS: Readonly<Record<string, HasReader>> = {
  errors: isPluginRegistered,
  reasonPhrase: isPluginRegistered,
  permission: verifiesSignatures,
  signature: verifiesSignatures,
  idempotency: hasIdempotency,
  transaction: hasIdempotency,
  maintenance: hasMaintenance
}

const KEYS = Object.keys(READERS)

// Words that look like a typo of one of our keys, but are probably keys of other plugins.
const OTHER_WORDS = new Set(['translation'])

/**
 * Checks the config of each route that is added from now on. An invalid `config.signature` or `config.maintenance` throws when
 * the route is added.
 *
 * A key that is probably a typo of one of our keys fails the start of the service if the plugin that reads our key is
 * registered. If that plugin is not registered, the key may belong to another plugin, so a warning is logged.
 */
export function checkRouteConfig (app: FastifyInstance): void {
  const routes: Array<[app: FastifyInstance, route: RouteOptions]> = []
  app.addHook('onRoute', function (route) {
    // The type of a config has only the keys of the plugins that a program imports.
    const { signature, maintenance }: { signature?: unknown, maintenance?: unknown } = route.config ?? {}
    if (signature !== undefined && signature !== false) {
      throw createRouteError(route, `config.signature must be false, which accepts requests without a signature, or left out; not ${inspect(signature)}`)
    }
    if (maintenance !== undefined && maintenance !== 'exempt') {
      throw createRouteError(route, `config.maintenance must be 'exempt', which keeps the route available during maintenance, or left out; not ${inspect(maintenance)}`)
    }
    if (route.config !== undefined) routes.push([this, route])
  })
  // The plugin that reads a key may be registered after the route, and a later hook may change the config.
  app.addHook('onReady', done => {
    // Fastify derives each HEAD route from a GET route, which has the same config.
    const warned = new Set<string>()
    for (const [context, route] of routes.splice(0)) {
      for (const [key, meant] of findTypos(route.config!)) {
        const problem = `config.${key} is unknown; did you mean config.${meant}?`
        if (READERS[meant]!(context)) return done(createRouteError(route, problem))
        const id = `${route.url} ${key}`
        if (!warned.has(id)) app.log.warn(describeRoute(route, `${problem} If another plugin reads config.${key}, ignore this warning`))
        warned.add(id)
      }
    }
    done()
  })
}

/** Returns the keys that are probably typos, each with the key that is probably meant. */
function findTypos (config: object): Array<[key: string, meant: string]> {
  const typos: Array<[string, string]> = []
  for (const key of Object.keys(config)) {
    if (KEYS.includes(key) || OTHER_WORDS.has(key)) continue
    const meant = correctName(key, KEYS)
    if (meant !== undefined && !Object.hasOwn(config, meant)) typos.push([key, meant])
  }
  return typos
}
