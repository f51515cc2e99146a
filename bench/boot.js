// What the plugin adds to the time that app.ready() takes, by the number of
// routes. Each start is a process of its own, and the variants take turns.
// What else the machine does only ever adds to a time, and here by a third
// and more: so it is the least times that are compared. What is measured is
// the package as it is built, since a loader of TypeScript has costs of its own.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROUTES = (process.env.ROUTES ?? '1,1000,10000').split(',').map(Number)
const TURNS = Number(process.env.TURNS ?? 9)

// Without these, the collection of garbage on other threads is most of the noise.
const STEADY = ['--single-threaded', '--max-semi-space-size=128']

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
  const began = process.cpuUsage()
  const app = variant === 'with' ? Fastify(serverOptions()) : Fastify()
  if (variant === 'with') app.register(reasonPhrase, { requireSchemas: true })
  // In a plugin, as routes are.
  app.register(async app => {
    for (let i = 0; i < count; i++) app.get(`/thing/${i}/:id`, { schema, config }, async () => ({ id: i, name: 'thing' }))
  })
  await app.ready()
  const { user, system } = process.cpuUsage(began)
  console.log((user + system) / 1000)
}

function report () {
  console.log(`CPU time from Fastify() to ready, user and system, the least of ${TURNS} turns (and the most); Node ${process.version}`)
  for (const count of ROUTES) {
    const times = { with: [], without: [] }
    for (let turn = 0; turn < TURNS; turn++) {
      for (const variant of turn % 2 === 0 ? ['with', 'without'] : ['without', 'with']) times[variant].push(measure(variant, count))
    }
    const [less, more] = ['without', 'with'].map(variant => times[variant].toSorted((a, b) => a - b))
    console.log(`${count} routes: without ${show(less)}, with ${show(more)}, ratio ${(more[0] / less[0]).toFixed(3)}`)
  }
}

function show (sorted) {
  return `${sorted[0].toFixed(0)} ms (${sorted.at(-1).toFixed(0)})`
}

function measure (variant, count) {
  return Number(execFileSync(process.execPath, [...STEADY, fileURLToPath(import.meta.url), variant, String(count)], { encoding: 'utf8' }))
}
