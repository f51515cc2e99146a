import Fastify from 'fastify'
import t from 'tap'
import { createMask } from '../../bin/mask.js'
import type { ProbeResult } from '../../conformance/run-probes.js'
import reasonPhrase, { serverOptions } from '../../index.js'
import { serve } from '../client/fixtures/servers.js'
import { runCommand } from './fixtures/run-command.js'

const check = async (args: string[]) => await runCommand(['check', ...args])

t.test('hides the values of --header and --other-header in reports', async t => {
  const app = Fastify(serverOptions())
  t.teardown(() => app.close())
  await app.register(reasonPhrase)
  app.post('/thing', async request => request.headers)
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const args = [origin, '-H', 'Authorization: Bearer hush-hush', '-H', 'X.Key+: a', '-H', 'Accept: application/json', '--request', 'POST /thing {}', '--idempotent', 'POST /thing {"a":"{{uuid}}"}', '--other-header', 'Cookie: session=hush-hush', '--only', 'requests', '--only', 'idempotency']
  for (const format of [[], ['--json'], ['--tap']]) {
    const { code, stdout, stderr } = await check([...args, ...format])
    t.equal(code, 1)
    t.match(stdout, 'authorization: [hidden]')
    t.match(stdout, 'accept: [hidden]')
    t.match(stdout, 'x.key+: [hidden]')
    t.match(stdout, 'cookie: [hidden]')
    t.notMatch(stdout + stderr, /hush-hush/)
  }
})

t.test('hides the values in responses that repeat them', async t => {
  for (const answer of ['Bearer hush-hush is wrong', 'The token hush-hush is wrong']) {
    const origin = await serve(t, (_request, response) => {
      response.writeHead(401, answer, { 'EB-REASON-PHRASE': answer, 'WWW-Authenticate': 'Bearer', 'Content-Length': 0 }).end()
    })
    const { code, stdout } = await check([origin, '-H', 'Authorization: Bearer hush-hush', '--request', 'GET /', '--only', 'requests-1', '--skip', 'requests-1-head'])
    t.equal(code, 1)
    t.match(stdout, /could not be tested: GET \/ was answered 401 .*\[hidden\] is wrong\./)
    t.notMatch(stdout, /hush/)
  }
})

const bytes = (text: string) => Buffer.from(text, 'latin1')

/** Returns the received bytes after a mask was applied. */
function maskReceived (fields: Array<[name: string, value: string]>, received: string, receivedLength = received.length) {
  const result = { probe: {}, violations: [], exchange: { sent: bytes(''), received: bytes(received), receivedLength, end: 'left' } } as unknown as ProbeResult
  const { exchange } = createMask(fields)(result)
  return { text: Buffer.from(exchange.received).toString('latin1'), length: exchange.receivedLength }
}

t.test('does not hide short values and values of public fields in responses', async t => {
  t.strictSame(maskReceived([['x-a', '1'], ['accept', 'application/json'], ['user-agent', 'long enough'], ['authorization', 'Basic abc']], 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n1 long enough abc').text, 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n1 long enough abc')
})

t.test('keeps the number of bytes that are not in the report', async t => {
  t.strictSame(maskReceived([['authorization', 'Bearer hush-hush']], 'a Bearer hush-hush', 100), { text: 'a [hidden]', length: 92 })
})

t.test('changes nothing without header fields', async t => {
  const result = {} as unknown as ProbeResult
  t.equal(createMask([])(result), result)
})
