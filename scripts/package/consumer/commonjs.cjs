// Uses the package from CommonJS.
const Fastify = require('fastify')
const { default: reasonPhrase, serverOptions } = require('fastify-reason-phrase')
const app = Fastify(serverOptions())
app.register(reasonPhrase)
app.get('/', (request, reply) => reply.notFound('used from CommonJS'))
app.inject('/').then(({ statusCode, statusMessage, body }) => {
  console.log(statusCode, statusMessage)
  if (statusCode !== 404 || statusMessage !== 'used from CommonJS' || body !== '') process.exit(1)
})
