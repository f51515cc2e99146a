// What the plugin adds to the time that app.ready() takes, by the number of
// routes. Each start is a process of its own; the variants take turns, and
// the medians of the ratios of a turn are what counts on a noisy machine.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROUTES = [1, 1_000, 10_000]
const TURNS = Number(process.env.TURNS ?? 9)

const [, , variant, count] = process.argv

if (variant === undefined) report()
else await start(variant, Number(count))

async function start (variant: string, count: number): Promise<void> {
  const { default: Fastify } = await import('fastify')
  const { default: reasonPhrase, serverOptions } = await import('../index.js')
  const schema = {
    params: { type: 'object', properties: { id: { type: 'integer' } } },
    response: { 200: { type: 'object', properties: { id: { type: 'integer' }, name: { type: 'string' } } } }
  }
  const config = { errors: { 404: 'No such thing', 422: 'Not like that' } }
  const began = process.cpuUsage()
  const app = variant === 'with' ? Fastify(serverOptions()) : Fastify()
  if (variant === 'with') await app.register(reasonPhrase, { requireSchemas: true })
  for (let i = 0; i < count; i++) app.get(`/thing/${i}/:id`, { schema, config }, async () => ({ id: i, name: 'thing' }))
  await app.ready()
  const { user, system } = process.cpuUsage(began)
  console.log((user + system) / 1000)
}

function report (): void {
  console.log(`CPU time from Fastify() to ready, user and system, median of ${TURNS} turns; Node ${process.version}`)
  for (const count of ROUTES) {
    const ratios: number[] = []
    const times: Record<string, number[]> = { with: [], without: [] }
    for (let turn = -1; turn < TURNS; turn++) {
      const order = turn % 2 === 0 ? ['with', 'without'] : ['without', 'with']
      const took = Object.fromEntries(order.map(variant => [variant, measure(variant, count)]))
      if (turn < 0) continue // to warm the disk's cache
      for (const variant of order) times[variant]!.push(took[variant]!)
      ratios.push(took.with! / took.without!)
    }
    ratios.sort((a, b) => a - b)
    console.log(`${count} routes: without ${median(times.without!).toFixed(1)} ms, with ${median(times.with!).toFixed(1)} ms, ` +
      `ratio ${median(ratios).toFixed(3)} (${ratios[0]!.toFixed(3)} to ${ratios.at(-1)!.toFixed(3)})`)
  }
}

function measure (variant: string, count: number): number {
  return Number(execFileSync(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), variant, String(count)], { encoding: 'utf8' }))
}

function median (values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
