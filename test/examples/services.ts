import { randomUUID } from 'node:crypto'
import t, { type Test } from 'tap'
import { createClient } from '../../client/index.js'
import { openPostgresql, postgresql } from '../fixtures/database.js'
import { runNode, startNode, TYPESCRIPT } from '../fixtures/node-process.js'
import { exchange, assertErrorResponse } from '../fixtures/wire.js'

// The test starts processes, which takes long.
t.setTimeout(300_000)

/** Asserts that a service covers errors before routing. It does so only with serverOptions(). */
async function assertCovered (t: Test, port: number): Promise<void> {
  const malformed = await exchange(port, 'MALFORMED\r\n\r\n')
  // The text comes from Node's parser.
  assertErrorResponse(t, malformed, 400, malformed.phrase)
  assertErrorResponse(t, await exchange(port, 'GET /none HTTP/1.1\r\nHost: a\r\n\r\n'), 404, 'Route GET:/none not found')
}

t.test('examples/minimal sends errors without a body', async t => {
  const { url, port, end } = await startNode(t, [TYPESCRIPT, 'examples/minimal/server.js'])
  t.strictSame(await (await fetch(`${url}/topic`)).json(), ['orders'])
  assertErrorResponse(t, await exchange(port, 'GET /topic/orders HTTP/1.1\r\nHost: a\r\n\r\n'), 404, 'The topic orders has no messages yet')
  assertErrorResponse(t, await exchange(port, 'GET /failure HTTP/1.1\r\nHost: a\r\n\r\n'), 500, 'Internal Server Error')
  await assertCovered(t, port)
  t.match(await end(), /The password of the database is wrong/, 'logs the message that it does not send')
})

t.test('examples/typed-routes validates, creates and finds a topic', async t => {
  const { url } = await startNode(t, [TYPESCRIPT, 'examples/typed-routes/server.ts'])
  const client = createClient({ baseUrl: url })
  const create = (name: string) => client('POST', '/topic', { body: { name } })
  t.match(await create('orders'), { outcome: 'success', status: 201, body: { topicId: 1, name: 'orders' } })
  t.match(await create('orders'), { outcome: 'rejected', status: 422, reason: 'The name orders is taken' })
  t.match(await create(''), { outcome: 'rejected', status: 400, reason: /name/ })
  t.match(await client('GET', '/topic/1'), { outcome: 'success', body: { topicId: 1, name: 'orders' } })
  t.match(await client('GET', '/topic/2'), { outcome: 'rejected', status: 404, reason: 'No topic 2' })
})

t.test('examples/signed-service verifies signatures and permissions', async t => {
  const secret = 'of a test'
  const { url } = await startNode(t, [TYPESCRIPT, 'examples/signed-service/server.ts'], { SECRET: secret })
  const client = createClient({ baseUrl: url, key: { id: 'reader', secret } })
  t.match(await client('GET', '/topic'), { outcome: 'success', body: 'Hello reader' })
  t.match(await client('DELETE', '/topic'), { outcome: 'rejected', status: 403, reason: /topic:write/ })
  t.match(await createClient({ baseUrl: url })('GET', '/topic'), { outcome: 'rejected', status: 401 })
  t.match(await createClient({ baseUrl: url })('GET', '/health'), { outcome: 'success', body: 'ok' })
  const { code, output } = await runNode([TYPESCRIPT, 'examples/signed-service/server.ts'], { SECRET: '' })
  t.not(code, 0)
  t.match(output, /secret/)
})

t.test('examples/idempotent-service creates an order of examples/consumer once', { skip: postgresql.skip }, async t => {
  const { databaseUrl } = await openPostgresql(t)
  const env = { SECRET: 'of a test', DATABASE_URL: databaseUrl }
  const { url } = await startNode(t, [TYPESCRIPT, 'examples/idempotent-service/server.ts'], env)
  const order = (key: string, item: string) => runNode([TYPESCRIPT, 'examples/consumer/order.ts', key, item], { ...env, BASE_URL: url })
  const [key, other] = [randomUUID(), randomUUID()]
  t.strictSame(await order(key, 'book'), { code: 0, output: 'Order 1 exists\n' })
  t.strictSame(await order(key, 'book'), { code: 0, output: 'Order 1 exists\n' })
  t.strictSame(await order(other, 'unicorn'), { code: 1, output: 'No order: Unicorns are sold out\n' })
})

t.test('examples/fastify-cli keeps the contract with fastify start -o', async t => {
  const { url, port, end } = await startNode(t, [TYPESCRIPT, 'node_modules/fastify-cli/cli.js', 'start', '-o', '-l', 'info', 'examples/fastify-cli/app.js'])
  t.strictSame(await (await fetch(`${url}/topic`)).json(), ['orders'])
  assertErrorResponse(t, await exchange(port, 'GET /topic/orders HTTP/1.1\r\nHost: a\r\n\r\n'), 404, 'The topic orders has no messages yet')
  await assertCovered(t, port)
  t.notMatch(await end(), /without serverOptions/)
})

t.test('examples/autoload loads the plugin first', async t => {
  const { url, port, end } = await startNode(t, [TYPESCRIPT, 'examples/autoload/server.js'])
  t.strictSame(await (await fetch(`${url}/topic`)).json(), ['orders'])
  assertErrorResponse(t, await exchange(port, 'GET /topic/orders HTTP/1.1\r\nHost: a\r\n\r\n'), 404, 'The topic orders has no messages yet')
  await assertCovered(t, port)
  t.notMatch(await end(), /without serverOptions/)
})
