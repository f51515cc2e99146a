// Prints the CPU time in milliseconds that a service with many routes needs from Fastify() to the end of ready().
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from '../dist/index.js'

const [, , name, routes] = process.argv
const hasPlugin = name === 'this plugin'

// Fastify adds a HEAD route to each GET route.
const METHODS = ['GET', 'POST', 'PUT', 'DELETE']

const schema = {
  params: { type: 'object', properties: { id: { type: 'integer' } } },
  response: { 200: { type: 'object', properties: { id: { type: 'integer' }, name: { type: 'string' } } } }
}
const config = { errors: { 404: 'There is no such thing.', 422: 'The thing is not valid.' } }

const before = process.cpuUsage()
const app = Fastify(hasPlugin ? serverOptions() : {})
if (hasPlugin) app.register(reasonPhrase, { requireSchemas: true })
app.register(async app => {
  for (let id = 0; id < Number(routes); id++) {
    const handler = async () => ({ id, name: 'thing' })
    app.route({ method: METHODS[id % 4], url: `/thing/${id >> 2}/:id`, schema, config, handler })
  }
})
await app.ready()
const { user, system } = process.cpuUsage(before)
console.log((user + system) / 1000)
