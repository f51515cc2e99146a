// Tests with node:test that a service keeps the contract.
//
//     node --test examples/tests-node/contract.test.js
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from 'fastify'
import reasonPhrase, { serverOptions } from 'fastify-reason-phrase'
import { assertContract, conformance } from 'fastify-reason-phrase/conformance'

async function build () {
  const app = Fastify(serverOptions())
  await app.register(reasonPhrase)
  app.get('/topic', async () => ['orders'])
  app.post('/topic', async (_request, reply) => reply.unprocessable('The name is taken'))
  return app
}

test('keeps the contract', async t => {
  await conformance(t, await build(), { requests: [{ url: '/topic' }] })
})

test('refuses a name that is taken', async t => {
  const app = await build()
  t.after(() => app.close())
  const response = await app.inject({ method: 'POST', url: '/topic', body: { name: 'orders' } })
  await assertContract(response)
  assert.equal(response.statusCode, 422)
  assert.equal(response.headers['eb-reason-phrase'], 'The name is taken')
})
