import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer, type AddressInfo, type Server as NetServer } from 'node:net'
import { bytesOf, textOf } from './values.js'

/** What the upstream is to answer, by the number of the run. */
export type Told = (id: string) => { value: unknown, statusCode: number }

async function listening (server: Server | NetServer): Promise<string> {
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  server.unref()
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A server on node:http that answers with the value in each place that Node lets it. */
export async function upstream (told: Told): Promise<string> {
  return await listening(createHttpServer((request, response) => {
    const { value, statusCode } = told(request.headers['x-case'] as string)
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

/** A server that answers with any bytes in the status line, in a field, and in the body. */
export async function rawUpstream (told: Told): Promise<string> {
  return await listening(createServer(socket => {
    let received = ''
    socket.on('error', () => {})
    socket.on('data', chunk => {
      received += chunk.toString('latin1')
      if (!received.includes('\r\n\r\n')) return
      const [, id] = /^x-case: (.*)$/im.exec(received) ?? []
      const { value, statusCode } = told(id!.trim())
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
