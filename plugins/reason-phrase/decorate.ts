import type { FastifyInstance } from 'fastify'
import { joinNames } from '../../lib/invalid-option.js'

/** The separator of the plugin names in Fastify's `pluginName`. */
const SEPARATOR = ' -> '

const SERVICE = 'the service itself'

/** The targets of decorators, with Fastify's methods that add them. */
const METHODS = { instance: 'decorate', reply: 'decorateReply', request: 'decorateRequest' } as const

/**
 * Adds a decorator.
 *
 * @throws {Error} if a decorator with this name exists. The message names the plugins that may have added it
 */
export function decorate (app: FastifyInstance, target: keyof typeof METHODS, name: string, value: unknown): void {
  try {
    Reflect.apply(app[METHODS[target]], app, [name, value])
  } catch (cause) {
    throw createConflict(app, target, name, cause)
  }
}

function createConflict (app: FastifyInstance, target: string, name: string, cause: unknown): Error {
  const earlier = listEarlierPlugins(app)
  const current = getCurrentPlugin(app)
  if (earlier.includes(current)) return new Error(`fastify-reason-phrase: ${current} is registered already. Register it once`, { cause })
  const owners = joinNames([...earlier, SERVICE], 'or')
  return new Error(`fastify-reason-phrase: the ${target} decorator "${name}" exists already, added by ${owners}. Remove it there, or give it another name`, { cause })
}

/** Returns the names of the plugins that were registered earlier in this context and its parents. */
function listEarlierPlugins (app: FastifyInstance): string[] {
  const names: string[] = []
  for (let context = app; context.pluginName !== undefined; context = Object.getPrototypeOf(context)) {
    // The first one is the name of the context itself.
    names.unshift(...context.pluginName.split(SEPARATOR).slice(1))
  }
  // The last one is the plugin that adds the decorator now.
  return names.slice(0, -1).filter(name => name !== 'fastify-reason-phrase')
}

/** Returns what may be adding a decorator to a context now, for a message: the last registered plugin, or the service itself. */
export function getCurrentOwner (app: FastifyInstance): string {
  const plugin = getCurrentPlugin(app)
  return plugin === 'fastify' || plugin.startsWith('fastify-reason-phrase') ? SERVICE : `${plugin} or ${SERVICE}`
}

function getCurrentPlugin (app: FastifyInstance): string {
  return app.pluginName.split(SEPARATOR).at(-1)!
}
