import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import t from 'tap'
import { detectProtocols } from '../../../conformance/exchange/protocols.js'
import { Contract } from '../../../lib/contract.js'
import { cert, key } from '../../fixtures/certificate.js'

t.test('throws an error with the reason, without control characters from a certificate', async t => {
  const server = createServer({ key, cert }, socket => { socket.on('error', () => {}) })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { server.close() })
  const { port } = server.address() as AddressInfo
  await t.rejects(detectProtocols({
    scheme: 'https',
    authority: `localhost:${port}`,
    host: 'localhost',
    port,
    base: '',
    // Node quotes the subject of a certificate without escaping it.
    tls: { ca: cert, checkServerIdentity: () => new Error("localhost. is not cert's CN: a\u001b[2J\nb\u202e") },
    contract: new Contract({}),
    requests: [{ url: '/' }],
    timeout: 5000
  }), { message: `fastify-reason-phrase: https://localhost:${port} cannot be reached: localhost. is not cert's CN: a\\u001b[2J\\nb\\u202e` })
})
