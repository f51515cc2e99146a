// Values that a user of the package can export. The compiler must be able to emit declarations for them.
import Fastify, { type FastifyReply } from 'fastify'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'
import { createBasicClient, createClient, outcomeOf, signer } from 'fastify-reason-phrase/client'
import { assertContract, conformance, probes, rules } from 'fastify-reason-phrase/conformance'
import idempotency, { createTableMigration, createTableStatements, memoryStore as memoryRecords } from 'fastify-reason-phrase/idempotency'
import maintenance from 'fastify-reason-phrase/maintenance'
import { openapi, swaggerUiOptions } from 'fastify-reason-phrase/openapi'
import signature, { memoryStore } from 'fastify-reason-phrase/signature'

export const options = serverOptions({ logger: true })
export const app = Fastify(options)
export const secure = Fastify(serverOptions({ http2: true, https: {} }))
export const plugins = [reasonPhrase, idempotency, maintenance, signature]
export const refuse = (reply: FastifyReply) => reply.notFound('No such topic')
export const create = (reply: FastifyReply) => reply.created({ topicId: 'a' })
export const later = async (reply: FastifyReply) => reply.serviceUnavailable('Later', { retryAfter: 1 })
export const unready = app.notImplemented
export const document = openapi(app)
export const page = swaggerUiOptions(app, { routePrefix: '/docs' })
export const store = memoryStore()
export const records = memoryRecords()
export const tables = { migration: createTableMigration(), statements: createTableStatements('postgresql') }
export const { state } = app.maintenance
export const client = createClient({ baseUrl: 'http://a' })
export const result = client<{ a: 1 }>('GET', '/')
export const keyed = client<{ a: 1 }>('POST', '/', { idempotencyKey: true })
export const settled = client.settle<{ a: 1 }>('a')
export const basic = createBasicClient({ baseUrl: 'http://a' })
export const sign = signer({ id: 'a', secret: 'b' })
export const outcome = outcomeOf(new Response())
export const kit = { assertContract, conformance, probes, rules }
