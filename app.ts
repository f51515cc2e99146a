import { join } from 'node:path'
import autoload from '@fastify/autoload'
import fp from 'fastify-plugin'
import reasonPhrase from './index.js'
import type { DatabaseOptions } from './plugins/app/database.js'
import type { KeysOptions } from './plugins/app/keys.js'
import maintenance from './plugins/app/maintenance.js'
import type { MessageOptions } from './plugins/app/messages.js'

// Autoload knows loaders of TypeScript by the command line, and Node's own --import is not among them.
process.env.FASTIFY_AUTOLOAD_TYPESCRIPT ??= '1'

/** What the service can be told. */
export interface ServiceOptions extends DatabaseOptions, KeysOptions, MessageOptions {}

/** What the service is made of. */
export default fp<ServiceOptions>(async function app (app, options) {
  await app.register(reasonPhrase, { requireSchemas: true })
  await app.register(maintenance)
  await app.register(autoload, { dir: join(import.meta.dirname, 'plugins', 'app'), options })
  await app.register(autoload, { dir: join(import.meta.dirname, 'routes'), routeParams: true })
}, { name: 'app' })
