import { join } from 'node:path'
import autoload from '@fastify/autoload'
import fp from 'fastify-plugin'
import reasonPhrase from './index.js'
import type { DatabaseOptions } from './plugins/app/database/index.js'
import type { KeysOptions } from './plugins/app/keys/index.js'
import maintenance from './plugins/app/maintenance.js'
import type { MessageOptions } from './plugins/app/messages/index.js'

// @fastify/autoload looks for a TypeScript loader on the command line, but does not recognize Node's --import.
process.env.FASTIFY_AUTOLOAD_TYPESCRIPT ??= '1'

/** The options of the service. */
export interface ServiceOptions extends DatabaseOptions, KeysOptions, MessageOptions {}

/** Registers the plugins and the routes of the service. */
export default fp<ServiceOptions>(async function app (app, options) {
  await app.register(reasonPhrase, { requireSchemas: true })
  await app.register(maintenance)
  // If a folder has an index.ts, @fastify/autoload registers only this file.
  await app.register(autoload, { dir: join(import.meta.dirname, 'plugins', 'app'), dirNameRoutePrefix: false, options })
  await app.register(autoload, { dir: join(import.meta.dirname, 'routes'), routeParams: true })
}, { name: 'app' })
