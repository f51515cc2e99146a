import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer, type AddressInfo, type Server as NetServer } from 'node:net'
import { bytesOf, textOf } from './values.js'

/** Returns the value and the status code that a run sends, by the id of the run. */
export type CaseLookup = (id: string) => { value: unknown, statusCode: number }

async function listen (server: Server | NetServer): Promise<string> {
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  server.unref()
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Starts a node:http server that sends the value everywhere Node allows it in a response. Returns the URL. */
export async function startUpstream (caseOf: CaseLookup): Promise<string> {
  return await listen(createHttpServer((request, response) => {
    const { value, statusCode } = caseOf(request.headers['x-case'] as string)
    response.statusCode = statusCode
    try {
      response.setHeader('eb-reason-phrase', value as string)
    } catch {}
    try {
      response.statusMessage = textOf(value)
      response.setHeader('content-type', statusCode % 2 ? 'application/json' : 'text/plain')
      response.flushHeaders()
    } catch {
      response.statusMessage = 'Plain'
    }
    response.end(statusCode % 2 ? JSON.stringify({ message: textOf(value) }) : bytesOf(value))
  }))
}

/** Starts a server that sends the bytes of the value in the status line, in a field or in the body. Returns the URL. */
export async function startRawUpstream (caseOf: CaseLookup): Promise<string> {
  return await listen(createServer(socket => {
    let received = ''
    socket.on('error', () => {})
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
      if (!received.includes('\r\n\r\n')) return
      const [, id] = /^x-case: (.*)$/im.exec(received) ?? []
      const { value, statusCode } = caseOf(id!.trim())
      const bytes = bytesOf(value)
      const few = bytes.subarray(0, 4000)
      const length = statusCode % 3 === 0 ? bytes.length + 7 : bytes.length
      socket.end(Buffer.concat([
        Buffer.from(`HTTP/1.1 ${statusCode} `), statusCode % 4 === 0 ? few : Buffer.from('Plain'),
        Buffer.from('\r\nEB-REASON-PHRASE: '), statusCode % 4 === 1 ? few : Buffer.from('carried'),
        Buffer.from(`\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`), bytes
      ]))
    })
  }))
}
