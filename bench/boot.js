// What the plugin adds to the time that app.ready() takes, by the number of
// routes. Each start is a process of its own, and the two variants go in
// pairs, in random order. Where the collection of garbage happens to leave the
// listeners that Fastify walks through at the end makes one start a third
// slower than another: so each begins with some garbage, at random, and it is
// the median of the pairs' ratios that is told, with its 95 % interval. What is
// measured is the package as it is built, since a loader of TypeScript has
// costs of its own.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { interval, median } from './statistics.js'

const ROUTES = (process.env.ROUTES ?? '1,1000,10000').split(',').map(Number)
const PAIRS = Number(process.env.PAIRS ?? 25)

// As a service has them; each GET has a HEAD beside it.
const METHODS = ['GET', 'POST', 'PUT', 'DELETE']

const [, , variant, count] = process.argv

if (variant === undefined) report()
else await start(variant, Number(count))

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
  console.log((user + system) / 1000)
}

function report () {
  console.log(`CPU time from Fastify() to ready, user and system, ${PAIRS} pairs of processes; Node ${process.version}`)
  for (const count of ROUTES) {
    const times = { with: [], without: [] }
    for (let pair = 0; pair < PAIRS; pair++) {
      const order = Math.random() < 0.5 ? ['with', 'without'] : ['without', 'with']
      for (const variant of order) times[variant].push(measure(variant, count))
    }
    const ratios = times.with.map((time, pair) => time / times.without[pair])
    const [low, high] = interval(ratios).map(ratio => ratio.toFixed(3))
    console.log(`${count} routes: without ${show(times.without)}, with ${show(times.with)}, ratio ${median(ratios).toFixed(3)} (${low} to ${high})`)
  }
}

function show (times) {
  return `${median(times).toFixed(0)} ms`
}

function measure (variant, count) {
  return Number(execFileSync(process.execPath, [fileURLToPath(import.meta.url), variant, String(count)], { encoding: 'utf8' }))
}
