import Fastify, { type LightMyRequestResponse } from 'fastify'
import t, { type Test } from 'tap'
import reasonPhrase from '../../plugins/reason-phrase.js'
import { addPaths, withMethod, type Path } from '../fixtures/paths.js'
import { exchange, keepsContract, parse, valuesOf, type WireResponse } from '../fixtures/wire.js'

const METHODS = [undefined, 'HEAD', 'OPTIONS'] as const

function bytesOf ({ request }: Path): string {
  const { method = 'GET', url, headers = {}, payload } = request
  const lines = Object.entries({ host: 'localhost', ...headers, ...(payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload) }) })
  return `${method} ${url} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${payload ?? ''}`
}

function wireOf (response: LightMyRequestResponse): WireResponse {
  const lines = Object.entries(response.headers).flatMap(([name, values]) => [values].flat().map(value => [name, String(value)] as [string, string]))
  return { statusCode: response.statusCode, phrase: response.statusMessage, lines, body: response.body }
}

function answered (t: Test, path: Path, response: WireResponse, header?: string): void {
  keepsContract(t, response, path.statusCode, path.reason, header)
  for (const [field, value] of Object.entries(path.headers ?? {})) {
    t.strictSame(valuesOf(response, field), value === undefined ? [] : [value], field)
  }
}

t.test('register() alone keeps the contract from routing on', async t => {
  const app = Fastify()
  await app.register(reasonPhrase)
  const paths = addPaths(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => app.close())
  const { port } = app.server.address() as { port: number }

  for (const method of METHODS) {
    for (const original of paths) {
      const path = method === undefined ? original : withMethod(original, method)
      if (path === undefined) continue
      // 404 of a route that is not there names the method.
      const expected = { ...path, ...(path.reason && method && { reason: path.reason.replace('Route GET:', `Route ${method}:`) }) }
      await t.test(`${path.title}, injected`, async t => {
        answered(t, expected, wireOf(await app.inject(path.request as never)), 'eb-reason-phrase')
      })
      await t.test(`${path.title}, on a socket`, async t => {
        answered(t, expected, await exchange(port, bytesOf(path)))
      })
    }
  }
})
