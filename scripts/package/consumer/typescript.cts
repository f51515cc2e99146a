// Uses the package from CommonJS in TypeScript.
import Fastify = require('fastify')
import type { Http2SecureServer } from 'node:http2'
import reasonPhrase, { serverOptions, type ContractOptions } from 'fastify-reason-phrase'
import plugin = require('fastify-reason-phrase')
import { assertContract } from 'fastify-reason-phrase/conformance'
const contract: ContractOptions = { statusCodes: { 429: 'Too Many Requests' } }
const secure = Fastify(serverOptions({ http2: true, https: {} }, contract))
secure.register(reasonPhrase, contract)
secure.get('/', async (_request, reply) => reply.serviceUnavailable('later', { retryAfter: 5 }))
export const server: Http2SecureServer = secure.server
const app = Fastify(serverOptions({}, contract))
app.register(plugin.default)
app.get('/', (_request, reply) => reply.notFound('used from CommonJS in TypeScript'))
// @ts-expect-error it takes a message
app.get('/wrong', (_request, reply) => reply.notFound(404))
app.inject('/').then(async response => {
  await assertContract(response)
  console.log(response.statusCode, response.statusMessage)
  if (response.statusMessage !== 'used from CommonJS in TypeScript') process.exit(1)
})
