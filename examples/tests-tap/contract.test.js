// Tests with tap that a service keeps the contract.
//
//     npx tap --disable-coverage examples/tests-tap/contract.test.js
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'
import { assertContract, conformance } from 'fastify-reason-phrase/conformance'
import t from 'tap'

async function build () {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/topic', async () => ['orders'])
  app.post('/topic', async (_request, reply) => reply.unprocessable('The name is taken'))
  return app
}

t.test('keeps the contract', async t => {
  await conformance(t, await build(), { requests: [{ url: '/topic' }] })
})

t.test('refuses a name that is taken', async t => {
  const app = await build()
  t.teardown(() => app.close())
  const response = await app.inject({ method: 'POST', url: '/topic', body: { name: 'orders' } })
  await assertContract(response)
  t.equal(response.statusCode, 422)
  t.equal(response.headers['eb-reason-phrase'], 'The name is taken')
})
