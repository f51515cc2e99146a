import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import t from 'tap'
import { Contract } from '../../../lib/contract.js'
import { createPatcher } from '../../../lib/response/install.js'
import { markLogged, setError, setReply, setReplyMessage, startSerializing } from '../../../lib/response/state.js'
import { exchange, listenServer } from '../../fixtures/wire.js'

const contract = new Contract()

const keepContract = createPatcher(contract)

type Handler = (response: ServerResponse, request: IncomingMessage) => void

t.test('logs the whole message with the reply, and sends the response even if logging throws', async t => {
  const lines: unknown[][] = []
  let failing: 'once' | 'always' | undefined
  const write = (level: string) => (fields: { res: { raw: ServerResponse } }, message: string): void => {
    if (failing !== undefined) {
      if (failing === 'once') failing = undefined
      throw new Error('a serializer failed')
    }
    // A serializer reads the reply, as Fastify's own does.
    lines.push([level, { ...fields, res: fields.res.raw.statusCode }, message])
  }
  const log = { info: write('info'), error: write('error') }
  let handler: Handler
  const port = await listenServer(t, createServer((_request, response) => {
    keepContract(response)
    setReply(response, { raw: response, log } as never)
    handler(response, response.req)
  }))
  const linesOf = async (handle: Handler): Promise<unknown[][]> => {
    lines.length = 0
    handler = handle
    await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    return lines
  }
  const error = new Error('a secret')
  t.strictSame(await linesOf(response => { setReplyMessage(response, 'ä\n'); response.writeHead(404).end() }), [['info', { res: 404 }, 'ä\n']])
  t.strictSame(await linesOf(response => { response.writeHead(502).end('late') }), [['error', { res: 502 }, 'late']])
  t.strictSame(await linesOf(response => { setError(response, error, 'a secret'); startSerializing(response); response.writeHead(500).end() }), [['error', { res: 500, err: error }, 'a secret']])
  t.strictSame(await linesOf(response => { setError(response, null, ''); startSerializing(response); response.writeHead(500).end() }), [['error', { res: 500, err: null }, '']])
  t.strictSame(await linesOf(response => { setReplyMessage(response, 'x'); markLogged(response); response.writeHead(404).end() }), [])
  t.strictSame(await linesOf(response => { response.writeHead(404).end() }), [])
  failing = 'once'
  t.strictSame(await linesOf(response => { setError(response, error, 'a secret'); startSerializing(response); response.writeHead(500).end() }), [['error', { res: 500 }, 'a secret']], 'logs no error that cannot be serialized')
  failing = 'always'
  t.strictSame(await linesOf(response => { setError(response, error, 'a secret'); startSerializing(response); response.writeHead(500).end() }), [], 'sends the response although every log call throws')
})

t.test('warns once about lost content of replies without a route', async t => {
  const warnings: string[] = []
  const port = await listenServer(t, createServer((_request, response) => {
    keepContract(response)
    setReply(response, { log: { info () {}, error () {}, warn (message: string) { warnings.push(message) } } })
    response.writeHead(404).end('{"errors":[1]}')
  }))
  for (let i = 0; i < 2; i++) await exchange(port, 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  t.match(warnings, [/the handler of requests without a route sent a payload with status code 404/])
  t.equal(warnings.length, 1)
})
