import { chmodSync } from 'node:fs'
import t, { type Test } from 'tap'
import { openLossyProxy } from '../../bin/fixtures/lossy-proxy.js'
import { runCommand } from '../../bin/fixtures/run-command.js'
import { sqlite } from '../../fixtures/database.js'
import { createService, writeKeysFile } from '../../fixtures/service.js'

/** Starts the service behind a proxy that drops responses. Returns functions that run the command against the service. */
async function start (t: Test) {
  const keysFile = writeKeysFile(t)
  chmodSync(keysFile, 0o600)
  const app = await createService(t, { ...await sqlite.open(t), keysFile })
  const { url, ...proxy } = await openLossyProxy(t, await app.listen({ host: '127.0.0.1', port: 0 }))
  return {
    ...proxy,
    create: async (...args: string[]) => await runCommand(['call', 'POST', `${url}/v2/topic`, '--key', keysFile, '--data', '{"name":"orders","description":"","mediaType":"text/plain"}', ...args]),
    ask: async (command: string, key: string, ...args: string[]) => await runCommand([command, key, '--url', url, '--key', keysFile, ...args]),
    settleCommand: (key: string) => `fastify-reason-phrase: this command settles the operation:\n  npx fastify-reason-phrase settle ${key} --url ${url} --key ${keysFile}\n`,
    countTopics: async () => (await app.inject('/v2/topic')).json().items.length
  }
}

t.test('retries a request whose response was lost, and prints the recorded response', async t => {
  const { create, fates, countTopics } = await start(t)
  fates.push('lost', 'lost')
  const { code, stdout, stderr } = await create('--idempotency-key', 'k1', '--retry', '60s')
  t.equal(code, 0)
  t.match(stdout, /^\{"topicId":/)
  t.match(stderr, /^(?:fastify-reason-phrase: attempt [12]: other side closed; next in \d+ ms\n){2}outcome: success\nstatus: 201\nidempotency-key: k1\nattempts: 3\nreplayed: true\n$/)
  t.equal(await countTopics(), 1)
})

t.test('settles an operation whose response was lost', async t => {
  const { create, ask, settleCommand, fates, countTopics } = await start(t)
  fates.push('lost')
  const called = await create('--idempotency-key', 'k1')
  t.match(called.stderr, /^outcome: unknown\nreason: other side closed\n/)
  t.match(called, { code: 2, stdout: '', stderr: settleCommand('k1') })
  fates.push('lost')
  const { code, stdout } = await ask('settle', 'k1', '--json')
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { outcome: 'success', status: 201, body: { name: 'orders' }, idempotencyKey: 'k1', attempts: 2, replayed: true })
  t.strictSame(JSON.parse((await ask('look', 'k1', '--json')).stdout), { ...JSON.parse(stdout), attempts: 1 })
  t.equal(await countTopics(), 1)
})

t.test('settles an operation whose request has not arrived, so that it never happens', async t => {
  const { create, ask, settleCommand, fates, deliver, countTopics } = await start(t)
  fates.push('held')
  const { code, stderr } = await create('--idempotency-key', 'auto')
  t.equal(code, 2)
  const [, key] = /^fastify-reason-phrase: idempotency key: (\S+)\n/.exec(stderr)!
  t.ok(stderr.endsWith(settleCommand(key!)))

  t.match(await ask('look', key!), { code: 2, stdout: '', stderr: settleCommand(key!) })
  for (const command of ['settle', 'settle', 'look']) {
    t.match(await ask(command, key!), { code: 1, stdout: '', stderr: 'outcome: rejected\nreason: The idempotency key was closed. The operation did not happen and never will\n' })
  }
  t.equal(await deliver(), 422, 'the late request is rejected')
  t.match(await create('--idempotency-key', key!), { code: 1, stderr: 'reason: The idempotency key was closed' })
  t.equal(await countTopics(), 0)
})

t.test('settles an operation that was rejected', async t => {
  const { create, ask, fates } = await start(t)
  t.match(await create('--idempotency-key', 'k1'), { code: 0 })
  fates.push('lost')
  t.match(await create('--idempotency-key', 'k2'), { code: 2 })
  t.match(await ask('settle', 'k2'), { code: 1, stderr: 'outcome: rejected\nstatus: 422\nreason: A topic named "orders" exists already\nidempotency-key: k2\nattempts: 1\nreplayed: true\n' })
})
