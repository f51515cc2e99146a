import { createServer, IncomingMessage, Server, ServerResponse } from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import { Socket } from 'node:net'
import t from 'tap'
import { Contract } from '../../../lib/contract.js'
import { createResponseClass, replaceResponseClass } from '../../../lib/response/install.js'
import { exchange, assertErrorResponse, listenServer } from '../../fixtures/wire.js'

const contract = new Contract()

t.test("extends the given response class, which is Node's own or another", async t => {
  class Own extends ServerResponse {
    readonly made = 'here'
  }
  for (const Base of [ServerResponse, Own] as Array<typeof ServerResponse>) {
    const ContractResponse = createResponseClass(Base, contract)
    class Extended extends ContractResponse {
      readonly extended = true
    }
    t.equal(Object.getPrototypeOf(ContractResponse), Base)
    t.equal(ContractResponse.prototype.constructor, ContractResponse)
    const response = new Extended(new IncomingMessage(new Socket()))
    t.ok(response instanceof ContractResponse && response instanceof Base && response.extended)
    t.strictSame(Object.keys(response).filter(name => name === 'made'), Base === Own ? ['made'] : [], 'calls the constructor of the given class')
    t.equal(response.req.method, null, 'keeps the request')
  }
})

t.test('makes an existing server create responses that keep the contract', async t => {
  class Own extends ServerResponse {}
  const made: ServerResponse[] = []
  const server = createServer({ ServerResponse: Own }, (_request, response) => { made.push(response); response.writeHead(404).end('not here') })
  const other = createServer((_request, response) => { response.writeHead(404).end('not here') })
  t.equal(replaceResponseClass(server, contract), true)
  const Made = classOfResponses(server)
  t.equal(replaceResponseClass(server, contract), true)
  t.equal(classOfResponses(server), Made, 'a second call changes nothing')
  const bytes = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
  assertErrorResponse(t, await exchange(await listenServer(t, server), bytes), 404, 'not here')
  t.ok(made[0] instanceof Own)
  t.equal((await exchange(await listenServer(t, other), bytes)).body, 'not here', 'leaves other servers as they are')

  t.equal(replaceResponseClass(https.createServer(), contract), true, 'works for HTTPS')
  t.equal(replaceResponseClass(http2.createServer(), contract), false, 'HTTP/2')
  t.equal(replaceResponseClass(Object.create(Server.prototype), contract), false, 'returns false without a response class')

  function classOfResponses (server: Server): unknown {
    return Object.getOwnPropertySymbols(server).filter(({ description }) => description === 'ServerResponse').map(key => (server as never)[key])[0]
  }
})
