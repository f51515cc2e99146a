// Variants, by the name that the tables have.
export const FULL = 'this plugin, serverOptions()'
export const REGISTERED = 'this plugin, register() alone'
export const FLOOR = 'Fastify by hand (the floor)'
export const NODE = 'node:http'
export const STOCK = 'Fastify'
export const SENSIBLE = '@fastify/sensible'
const ENHANCED = 'fastify-http-errors-enhanced'
export const EXPRESS = 'Express'
export const HOOKS = 'Fastify with as many empty hooks'
export const CLASS = 'the same, with serverOptions()'

/** The server of each, in `servers/`. */
export const SERVERS = {
  [FULL]: { server: 'reason-phrase', options: { withServerOptions: true } },
  [REGISTERED]: { server: 'reason-phrase', options: { withServerOptions: false } },
  [FLOOR]: { server: 'floor' },
  [NODE]: { server: 'node-http' },
  [STOCK]: { server: 'fastify' },
  [SENSIBLE]: { server: 'sensible' },
  [ENHANCED]: { server: 'http-errors-enhanced' },
  [EXPRESS]: { server: 'express' }
}

/** Fastify with what the plugin needs of it, and nothing done there: what of the difference is Fastify's. */
export const EMPTY = {
  [HOOKS]: { server: 'hooks', options: { withServerOptions: false } },
  [CLASS]: { server: 'hooks', options: { withServerOptions: true } }
}
