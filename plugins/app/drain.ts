import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { closeLingering, enableLingeringClose } from '../../lib/linger.js'

// An idle connection is closed after this time.
const IDLE_TIMEOUT_MS = 500

// A connection is closed if its client neither reads nor sends for this time.
const STALL_TIMEOUT_MS = 1000

// Node keeps the next response to send in `_httpMessage`.
type Connection = Socket & { _httpMessage?: ServerResponse | null }

/**
 * Closes the connections of a closing service so that no client loses a response.
 *
 * - A connection in use is closed after its next response, which has `connection: close`.
 * - An idle connection is closed a little later, because a request may be on its way.
 * - A connection is closed without a response if its client does not read the response, or does not send the rest of its
 *   request.
 */
export default fp(async function drain (app) {
  // The number of bytes that each connection had received at the last check.
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
    // Node restarts this timeout whenever bytes are sent or received, even within one write.
    socket.setTimeout(STALL_TIMEOUT_MS)
  }

  function closeStalled (socket: Connection): void {
    const request = socket._httpMessage?.req
    // In any other case, the client waits for a handler, which may still have to read the request body.
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
    // Node calls this method while it closes the server. Node's own method would reset connections whose request is on its way.
    app.server.closeIdleConnections = closeIdle
    // When listening ends, connections that are not accepted yet are reset. Each turn of the event loop accepts one connection.
    const end = Date.now() + IDLE_TIMEOUT_MS
    let acceptedBefore
    // Start with a new turn, because the current one has begun already.
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
