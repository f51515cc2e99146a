import { randomInt } from 'node:crypto'
import { connect } from 'node:net'

// Operating systems use ports from 32768 for outgoing connections. Such a connection could take the port of a server that is
// down for a moment, so only lower ports are used.
const MIN_PORT = 20_000
const MAX_PORT = 32_767

/** Returns a loopback port on which nothing listens, and which the system does not use for outgoing connections. */
export async function findPort (): Promise<number> {
  let port: number
  do port = randomInt(MIN_PORT, MAX_PORT + 1); while (await canConnect(port))
  return port
}

/** Returns whether something listens on a loopback port. */
export async function canConnect (port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    return await new Promise(resolve => {
      socket.on('connect', () => { resolve(true) })
      socket.on('error', () => { resolve(false) })
    })
  } finally {
    socket.destroy()
  }
}
