import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { closeLingering, enableLingeringClose } from '../../lib/linger.js'

// A connection is closed when it has been idle for so long.
const IDLE_TIMEOUT_MS = 500

// A connection whose client has to read or send is closed when no byte has moved for so long.
const STALL_TIMEOUT_MS = 1000

// Node keeps the response that is to be sent next in `_httpMessage`.
type Connection = Socket & { _httpMessage?: ServerResponse | null }

/**
 * Closes the connections of a closing service so that no client loses a response.
 *
 * A connection in use is closed with its next response, which has `connection: close`. An idle connection is closed a
 * little later, because a request may be on its way. A connection whose client does not read its response, or does not
 * send the rest of its request, is closed without a response.
 */
export default fp(async function drain (app) {
  // The bytes that each connection had read by the last check.
  const connections = new Map<Connection, number>()
  let accepted = 0
  let isClosing = false
  let timer: NodeJS.Timeout | undefined

  app.server.on('connection', socket => {
    accepted++
    connections.set(socket, -1)
    socket.once('close', () => connections.delete(socket))
    if (isClosing) prepareToClose(socket)
  })

  function prepareToClose (socket: Connection): void {
    enableLingeringClose(socket)
    // Node starts this timeout anew whenever bytes move, also within one write.
    socket.setTimeout(STALL_TIMEOUT_MS)
  }

  function closeStalled (socket: Connection): void {
    const request = socket._httpMessage?.req
    // Otherwise the client waits for a handler, which may still have to read the request body.
    const isUnread = socket.writableLength > 0
    const isUnsent = request?.complete === false && request.readableLength === 0
    if (isUnread || isUnsent) socket.destroy()
  }

  function closeIdle (): void {
    for (const [socket, bytesRead] of connections) {
      if (socket._httpMessage) continue
      if (socket.bytesRead === bytesRead) closeLingering(socket)
      else connections.set(socket, socket.bytesRead)
    }
    clearTimeout(timer)
    if (connections.size > 0) timer = setTimeout(closeIdle, IDLE_TIMEOUT_MS).unref()
  }

  app.addHook('preClose', async () => {
    isClosing = true
    for (const socket of connections.keys()) prepareToClose(socket)
    // Without a listener, Node destroys each connection that times out.
    app.server.on('timeout', closeStalled)
    // Node calls this method as it closes the server. Its own would reset connections whose request is on its way.
    app.server.closeIdleConnections = closeIdle
    // Connections that wait to be accepted would be reset when listening ends. Each turn of the event loop accepts one.
    const end = Date.now() + IDLE_TIMEOUT_MS
    let acceptedBefore
    // The current turn has begun already.
    await setImmediate()
    do {
      acceptedBefore = accepted
      await setImmediate()
    } while (accepted > acceptedBefore && Date.now() < end)
  })

  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close')
  })
}, { name: 'drain' })
