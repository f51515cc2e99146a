import { join } from 'node:path'
import autoload from '@fastify/autoload'
import fp from 'fastify-plugin'
import reasonPhrase from './index.js'
import type { DatabaseOptions } from './plugins/app/database.js'
import type { KeysOptions } from './plugins/app/keys.js'

// Autoload knows loaders of TypeScript by the command line, and Node's own --import is not among them.
process.env.FASTIFY_AUTOLOAD_TYPESCRIPT ??= '1'

/** Where the service has its data and its keys. */
export interface ServiceOptions extends DatabaseOptions, KeysOptions {}

/** What the service is made of. */
export default fp<ServiceOptions>(async function app (app, options) {
  await app.register(reasonPhrase, { requireSchemas: true })
  await app.register(autoload, { dir: join(import.meta.dirname, 'plugins', 'app'), options })
  await app.register(autoload, { dir: join(import.meta.dirname, 'routes') })
}, { name: 'app' })
