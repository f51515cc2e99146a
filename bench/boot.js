// The CPU time from Fastify() to ready, of a service with many routes, in a
// process of its own. Where the collection of garbage happens to leave the
// listeners that Fastify walks through at the end makes one start a third
// slower than another: so each begins with some garbage, at random.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(import.meta.url)

// As a service has them; each GET has a HEAD beside it.
const METHODS = ['GET', 'POST', 'PUT', 'DELETE']

if (process.argv[1] === script) {
  const [, , variant, count] = process.argv
  await start(variant, Number(count))
}

/** In microseconds, user and system. */
export function startTime (variant, count) {
  return Number(execFileSync(process.execPath, [script, variant, String(count)], { encoding: 'utf8' }))
}

async function start (variant, count) {
  const { default: Fastify } = await import('fastify')
  const { default: reasonPhrase, serverOptions } = await import('../dist/index.js')
  const schema = {
    params: { type: 'object', properties: { id: { type: 'integer' } } },
    response: { 200: { type: 'object', properties: { id: { type: 'integer' }, name: { type: 'string' } } } }
  }
  const config = { errors: { 404: 'No such thing', 422: 'Not like that' } }
  Array.from({ length: Math.random() * 3e5 }, (_, id) => ({ id }))

  const began = process.cpuUsage()
  const app = variant === 'with' ? Fastify(serverOptions()) : Fastify()
  if (variant === 'with') app.register(reasonPhrase, { requireSchemas: true })
  // In a plugin, as routes are.
  app.register(async app => {
    for (let i = 0; i < count; i++) {
      app.route({ method: METHODS[i % 4], url: `/thing/${i >> 2}/:id`, schema, config, handler: async () => ({ id: i, name: 'thing' }) })
    }
  })
  await app.ready()
  const { user, system } = process.cpuUsage(began)
  console.log(user + system)
}
