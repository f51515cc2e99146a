import { requests, startServer } from './processes.js'

const STEPS = 10

/**
 * What is held after each tenth of a number of errors, half of them by a
 * decorator and half thrown.
 *
 * @returns `[{ errors, rss, heapUsed }]`, in bytes, after a collection of garbage
 */
export async function memory (amount) {
  const server = await startServer({ server: 'reason-phrase', options: { withServerOptions: true }, flags: ['--expose-gc'] })
  const points = []
  for (let step = 0; step <= STEPS; step++) {
    const { rss, heapUsed } = await server.ask('collect')
    points.push({ errors: step * amount / STEPS, rss, heapUsed })
    if (step === STEPS) break
    for (const path of ['/refused', '/thrown']) {
      await requests({ port: server.port, connections: 50, amount: amount / STEPS / 2, request: { path, status: 422 } })
    }
  }
  await server.end()
  return points
}
