import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import fp from 'fastify-plugin'
import { closeLingering, enableLingeringClose } from '../../lib/linger.js'

// How long, in milliseconds, a connection must have been idle to be closed.
const IDLE = 500

// How long, in milliseconds, a connection that waits for its client must have moved no byte to be closed.
const STALL = 1000

// Node's own name for the response that is to go out next.
type Connection = Socket & { _httpMessage?: ServerResponse | null }

/**
 * Closes the connections of a service that closes so that no client loses an answer: each that is in use with its next
 * response, which says so; each that is idle a little later, as a request may be on its way; and none all at once. A
 * client that does not read its response, or does not send the rest of its request, is not waited for.
 */
export default fp(async function drain (app) {
  // How much had come by the last look.
  const connections = new Map<Connection, number>()
  let accepted = 0
  let isClosing = false
  let timer: NodeJS.Timeout | undefined

  app.server.on('connection', socket => {
    accepted++
    connections.set(socket, -1)
    socket.once('close', () => connections.delete(socket))
    if (isClosing) hurry(socket)
  })

  function hurry (socket: Connection): void {
    enableLingeringClose(socket)
    // Node's own clock: it goes on while bytes move, also within one write.
    socket.setTimeout(STALL)
  }

  function closeStalled (socket: Connection): void {
    const request = socket._httpMessage?.req
    // Without either, the client waits for a handler, which may have yet to read what came.
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
    if (connections.size > 0) timer = setTimeout(closeIdle, IDLE).unref()
  }

  app.addHook('preClose', async () => {
    isClosing = true
    for (const socket of connections.keys()) hurry(socket)
    // Without a listener, Node closes each connection whose time is up.
    app.server.on('timeout', closeStalled)
    // Node calls it, and would reset those whose requests are on their way.
    app.server.closeIdleConnections = closeIdle
    // So would the end of listening those that wait to be accepted, of which each turn of the event loop takes one.
    const end = Date.now() + IDLE
    let before
    // The first turn is under way.
    await setImmediate()
    do {
      before = accepted
      await setImmediate()
    } while (accepted > before && Date.now() < end)
  })

  app.addHook('onSend', async (_request, reply) => {
    if (isClosing) reply.header('connection', 'close')
  })
}, { name: 'drain' })
