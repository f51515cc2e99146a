import http2 from 'node:http2'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { serverOptions } from '../../../plugins/reason-phrase/server-options.js'
import { cert, key } from '../../fixtures/certificate.js'
import { assertErrorCase, toRequestBytes, METHODS, withMethod, type ErrorCase } from '../../fixtures/error-cases.js'
import { buildServer, sendHttp2 } from '../../fixtures/error-server.js'
import { connect, exchange, listen, valuesOf } from '../../fixtures/wire.js'

async function overHttp2 (t: Test, port: number, protocol: 'http' | 'https', cases: ErrorCase[]): Promise<void> {
  const warnings: Error[] = []
  const onWarning = (warning: Error): void => { warnings.push(warning) }
  process.on('warning', onWarning)
  const session = http2.connect(`${protocol}://127.0.0.1:${port}`, { rejectUnauthorized: false })
  for (const method of METHODS) {
    for (const original of cases) {
      const errorCase = withMethod(original, method)
      // Over HTTP/2, Node rejects no header value.
      if (errorCase === undefined || original.title === 'a header that Node refuses') continue
      assertErrorCase(t, errorCase, await sendHttp2(session, errorCase), 'over HTTP/2', 'eb-reason-phrase')
    }
  }
  session.close()
  process.off('warning', onWarning)
  t.strictSame(warnings.map(({ message }) => message), [], 'Node emits no warning')
}

async function overHttp1 (t: Test, port: number, cases: ErrorCase[], version: string, options?: Parameters<typeof exchange>[2]): Promise<void> {
  for (const method of METHODS) {
    for (const original of cases) {
      const errorCase = withMethod(original, method)
      if (errorCase === undefined) continue
      assertErrorCase(t, errorCase, await exchange(port, toRequestBytes(errorCase, version), options), `over ${version}`)
    }
  }
}

t.test('keeps the contract for every error case over HTTP/1.1 and HTTP/1.0', async t => {
  const app = Fastify(serverOptions())
  const cases = await buildServer(app)
  const port = await listen(t, app)
  await overHttp1(t, port, cases, 'HTTP/1.1')
  await overHttp1(t, port, cases, 'HTTP/1.0')
  for (const errorCase of cases.filter(({ request }) => request.url !== '*')) {
    const response = await app.inject(errorCase.request as never)
    t.equal(response.statusCode, errorCase.statusCode, `${errorCase.title}, injected`)
    t.equal(response.body, '')
    t.equal(String(response.headers['eb-reason-phrase']).slice(0, 128).trimEnd(), response.statusMessage)
  }

  const connection = connect(port)
  // Fastify closes the connection after some rejected bodies, so these cases cannot be pipelined.
  const pipelined: ErrorCase[] = []
  for (const errorCase of cases) {
    const [connection] = valuesOf(await exchange(port, toRequestBytes(errorCase)), 'connection')
    if (connection !== 'close') pipelined.push(errorCase)
  }
  for (const errorCase of pipelined) connection.write(toRequestBytes(errorCase))
  const responses = await connection.responses(pipelined.length)
  for (const [i, errorCase] of pipelined.entries()) assertErrorCase(t, errorCase, responses[i]!, 'pipelined')
  connection.destroy()
})

t.test('keeps the contract for every error case over HTTP/2 without TLS', async t => {
  const app = Fastify(serverOptions({ http2: true }))
  const cases = await buildServer(app)
  await overHttp2(t, await listen(t, app), 'http', cases)
})

t.test('keeps the contract for every error case over HTTPS', async t => {
  const app = Fastify(serverOptions({ https: { key, cert } }))
  const cases = await buildServer(app)
  await overHttp1(t, await listen(t, app), cases, 'HTTP/1.1', { tls: {} })
})

t.test('keeps the contract for every error case over HTTP/2 with TLS and allowHTTP1', async t => {
  const app = Fastify(serverOptions({ http2: true, https: { key, cert, allowHTTP1: true } }))
  const cases = await buildServer(app)
  const port = await listen(t, app)
  await overHttp2(t, port, 'https', cases)
  await overHttp1(t, port, cases, 'HTTP/1.1', { tls: { ALPNProtocols: ['http/1.1'] } })
})
