import { createHmac, randomUUID } from 'node:crypto'
import { httpbis } from 'http-message-signatures'
import t from 'tap'
import { memoryStore } from '../../../plugins/signature/index.js'
import { KEY, sign } from '../../fixtures/sign.js'
import { build } from '../../fixtures/signed-service.js'
import { exchange, listen } from '../../fixtures/wire.js'

t.test('verifies the signatures of http-message-signatures', async t => {
  const port = await listen(t, await build(t, { replay: { store: memoryStore() } }))
  const key = { id: KEY.id, alg: 'hmac-sha256', sign: async (data: Buffer) => createHmac('sha256', KEY.secret).update(data).digest() }
  const digest = sign('POST', '/any', '{"a":1}')['content-digest']
  const message = { method: 'POST', url: 'http://localhost/any?b=c%20d&e=', headers: { host: 'localhost', 'content-digest': digest, 'x-a': ['1', '2'], priority: 'u=1,  i' } }
  const fields = ['@method', '@path', '@query', 'content-digest', '@authority', '@target-uri', '@scheme', '@request-target', '@query-param;name="b"', 'x-a', 'x-a;bs', 'priority;key="i"', 'priority;sf']
  for (const covered of [fields, fields.slice(0, 4), fields.toReversed()]) {
    const { headers } = await httpbis.signMessage({ key, fields: covered, params: ['created', 'expires', 'keyid', 'alg', 'nonce'], paramValues: { nonce: randomUUID() } }, message)
    const lines = Object.entries(headers).flatMap(([name, values]) => [values].flat().map(value => `${name}: ${value}\r\n`)).join('')
    const request = `POST /any?b=c%20d&e= HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 7\r\n${lines}\r\n{"a":1}`
    t.same(JSON.parse((await exchange(port, request)).body).body, { a: 1 })
    t.equal((await exchange(port, request)).statusCode, 503)
  }
})

t.test('the signatures of the test fixtures are valid for http-message-signatures', async t => {
  const headers = { ...sign('POST', '/any?a=1', '{}', { parameters: ';alg="hmac-sha256"' }), host: 'localhost' }
  const verify = async (data: Buffer, signature: Buffer): Promise<boolean> => createHmac('sha256', KEY.secret).update(data).digest().equals(signature)
  const config = { keyLookup: async () => ({ id: KEY.id, algs: ['hmac-sha256'], verify }) }
  t.equal(await httpbis.verifyMessage(config, { method: 'POST', url: 'http://localhost/any?a=1', headers }), true)
  t.equal(await httpbis.verifyMessage(config, { method: 'POST', url: 'http://localhost/any?a=2', headers }), false)
})
