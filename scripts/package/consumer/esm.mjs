// Uses the package as an ES module.
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'
const app = Fastify(serverOptions())
await app.register(reasonPhrase)
app.get('/', (request, reply) => reply.notFound('used from ESM, ünicode and all'))
const { statusCode, statusMessage, body } = await app.inject('/')
console.log(statusCode, statusMessage)
if (statusCode !== 404 || statusMessage !== 'used from ESM, unicode and all' || body !== '') process.exit(1)
