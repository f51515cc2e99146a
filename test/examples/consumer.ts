import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase, { serverOptions } from '../../index.js'
import { runNode, TYPESCRIPT } from '../fixtures/node-process.js'
import { listen } from '../fixtures/wire.js'

// The test starts processes, which takes long.
t.setTimeout(300_000)

/** Runs the consumer with a service. */
async function run (t: Test, addRoutes: (app: FastifyInstance) => void) {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  addRoutes(app)
  return await runNode([TYPESCRIPT, 'examples/consumer/order.ts', 'order-7', 'book'], { SECRET: 'of a test', BASE_URL: `http://127.0.0.1:${await listen(t, app)}` })
}

t.test('examples/consumer prints the order, or the reason why there is no order', async t => {
  t.strictSame(await run(t, app => {
    app.post('/order', async (_request, reply) => reply.created({ id: 1 }))
  }), { code: 0, output: 'Order 1 exists\n' })
  t.strictSame(await run(t, app => {
    app.post('/order', async (_request, reply) => reply.unprocessable('Books are sold out'))
  }), { code: 1, output: 'No order: Books are sold out\n' })
})

t.test('examples/consumer closes the key if the outcome is unknown', async t => {
  let closed = 0
  const result = await run(t, app => {
    // A client with retries would need 15 seconds to give up.
    app.post('/order', async (_request, reply) => reply.notImplemented('Sold out for good'))
    app.put('/operation/order-7', async () => {
      closed++
      return { state: 'closed' }
    })
  })
  t.match(result, { code: 1, output: /^No order: / })
  t.equal(closed, 1)
})
