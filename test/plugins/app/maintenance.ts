import t from 'tap'
import { databases } from '../../fixtures/database.js'
import { assertInjectedError, createService } from '../../fixtures/service.js'

for (const { name, skip, open } of databases) {
  t.test(`maintenance in ${name}`, { skip }, async t => {
    const options = await open(t)
    const [app, other] = [await createService(t, options), await createService(t, options)]
    await app.ready()
    await other.ready()
    const follows = async (enabled: boolean) => {
      const from = performance.now()
      while (other.maintenance.state.enabled !== enabled) await new Promise(resolve => setTimeout(resolve, 5))
      t.comment(`followed after ${Math.round(performance.now() - from)} ms`)
    }

    t.test('applies to other processes, and after the next start', async t => {
      for (const start of [{ message: 'Moving 🚌' }, { until: new Date(Date.now() + 600_000) }]) {
        const state = await app.maintenance.enter(start)
        while (JSON.stringify(other.maintenance.state) !== JSON.stringify(state)) await new Promise(resolve => setTimeout(resolve, 5))
        t.strictSame(other.maintenance.state, state)
        const next = await createService(t, options)
        await next.ready()
        t.strictSame(next.maintenance.state, state)
      }
      await follows(true)
      await app.maintenance.leave()
      await follows(false)
    })

    t.test('exempts /health, /docs and /v2/maintenance only', async t => {
      await app.maintenance.enter()
      for (const url of ['/health', '/docs', '/docs/', '/docs/json', '/docs/static/swagger-ui.css', '/v2/maintenance']) {
        t.not((await app.inject(url)).statusCode, 503, url)
      }
      for (const url of ['/v2/topic', '/docsx', '/docs/../v2/topic', '/', '/health/x']) assertInjectedError(t, await app.inject(url), 503, 'Temporarily offline for maintenance')
      await app.maintenance.leave()
    })
  })
}
