import t from 'tap'
import { addRoute, createService, listenForKeys, summarize, transactionOf } from '../../fixtures/idempotency.js'

t.test('smoke', async t => {
  const { app, store, lines } = await createService(t)
  addRoute(app, async request => {
    transactionOf(request).insert('a')
    return { a: 1 }
  })
  const send = await listenForKeys(t, app)
  console.log(summarize(await send('k')), summarize(await send('k')), store.log, store.effects, lines.filter(({ level }) => level > 30))
})
