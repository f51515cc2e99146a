import type { Socket } from 'node:net'

/** How long a connection stays open for its client to read the last response, in milliseconds. */
const LINGER_TIMEOUT_MS = 1000

/** The maximum number of connections that linger in the process. One more connection closes the oldest. */
export const MAX_LINGERING_CONNECTIONS = 256

// The connections that linger, the oldest first.
const lingering = new Set<Socket>()

/** Makes Node close a connection with {@link closeLingering} after it has sent the last response. */
export function enableLingeringClose (socket: Socket): void {
  socket.destroySoon = closeOwn
}

/**
 * Closes a connection in stages (RFC 9112 section 9.6): ends the sending side, and then discards what arrives until the
 * client closes its side or a second has passed. Closing both sides at once would reset the connection if the client still
 * sends, and the client would lose the response.
 */
export function closeLingering (socket: Socket): void {
  if (socket.destroyed || socket.writableEnded) return
  socket.end()
  // Node pauses a connection whose request body nobody reads, and resumes it only while the parser reads from it.
  if (socket.isPaused()) socket.once('resume', leaveParser).resume()
  else leaveParser.call(socket)
  destroyLater(socket)
}

/** Destroys a connection whose client does not close its side in time. */
export function destroyLater (socket: Socket): void {
  if (socket.destroyed || lingering.has(socket)) return
  for (const oldest of lingering) {
    if (lingering.size < MAX_LINGERING_CONNECTIONS) break
    lingering.delete(oldest)
    oldest.destroy()
  }
  lingering.add(socket)
  const timer = setTimeout(() => { socket.destroy() }, LINGER_TIMEOUT_MS)
  timer.unref()
  socket.once('close', () => {
    clearTimeout(timer)
    lingering.delete(socket)
  })
}

function closeOwn (this: Socket): void {
  closeLingering(this)
}

/** Detaches a connection from Node's parser, so that no further request is read. Node detaches it for a new `data` listener. */
function leaveParser (this: Socket): void {
  this.removeAllListeners('data')
  this.on('data', discard)
}

function discard (): void {}
