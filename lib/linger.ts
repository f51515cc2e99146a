import type { Socket } from 'node:net'

// How long, in milliseconds, a connection stays open for its client to read the
// last answer. To close while it still sends would reset it, and lose the answer.
const LINGER = 1000

/** The most connections that linger in the process. One more has the oldest closed, so that they take no more than these. */
export const LINGERING_LIMIT = 256

// The oldest first.
const lingering = new Set<Socket>()

/** Has Node close a connection by {@link closeLingering} once it has sent its last response. */
export function lingerAtEnd (socket: Socket): void {
  socket.destroySoon = closeOwn
}

/**
 * Closes a connection in stages (RFC 9112 section 9.6): nothing more is sent,
 * and what still comes is read, and discarded, until the client closes its
 * side, for a second at most. To close both at once would reset a connection
 * whose client still sends, and lose the answer that it has not read.
 */
export function closeLingering (socket: Socket): void {
  if (socket.destroyed || socket.writableEnded) return
  socket.end()
  // Node pauses a connection whose request body nobody reads, and resumes it only while its parser has it.
  if (socket.isPaused()) socket.once('resume', leaveParser).resume()
  else leaveParser.call(socket)
  destroyLater(socket)
}

/** Ends the wait for a client that does not close its side. */
export function destroyLater (socket: Socket): void {
  if (socket.destroyed || lingering.has(socket)) return
  for (const oldest of lingering) {
    if (lingering.size < LINGERING_LIMIT) break
    lingering.delete(oldest)
    oldest.destroy()
  }
  lingering.add(socket)
  const timer = setTimeout(() => { socket.destroy() }, LINGER)
  timer.unref()
  socket.once('close', () => {
    clearTimeout(timer)
    lingering.delete(socket)
  })
}

function closeOwn (this: Socket): void {
  closeLingering(this)
}

/** No further request of the connection is heard: a new listener has Node's parser let go of it. */
function leaveParser (this: Socket): void {
  this.removeAllListeners('data')
  this.on('data', discard)
}

function discard (): void {}
