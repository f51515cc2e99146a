// Tests with vitest that a service keeps the contract.
//
//     npx vitest run --dir examples/tests-vitest
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'
import { assertContract, conformance } from 'fastify-reason-phrase/conformance'
import { expect, onTestFinished, test } from 'vitest'

async function build () {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/topic', async () => ['orders'])
  app.post('/topic', async (_request, reply) => reply.unprocessable('The name is taken'))
  return app
}

// The kit sends more than 150 requests. vitest's default timeout of 5 seconds can be too short for them.
test('keeps the contract', { timeout: 60_000 }, async t => {
  await conformance(t, await build(), { requests: [{ url: '/topic' }] })
})

test('refuses a name that is taken', async () => {
  const app = await build()
  onTestFinished(() => app.close())
  const response = await app.inject({ method: 'POST', url: '/topic', body: { name: 'orders' } })
  await assertContract(response)
  expect(response.statusCode).toBe(422)
  expect(response.headers['eb-reason-phrase']).toBe('The name is taken')
})
