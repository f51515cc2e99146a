import { randomInt } from 'node:crypto'
import { connect } from 'node:net'

// Systems choose the ports of outgoing connections from 32768 on. Such a connection could take the port of a server that
// is down for a moment.
const MIN_PORT = 20_000
const MAX_PORT = 32_767

/** Returns a port of loopback on which nothing listens, and which no outgoing connection gets. */
export async function findPort (): Promise<number> {
  let port: number
  do port = randomInt(MIN_PORT, MAX_PORT + 1); while (await canConnect(port))
  return port
}

/** Returns whether something listens on a port of loopback. */
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
