import { Pool } from 'undici'

const CONNECTIONS = 50
const KEEP_ALIVE_MS = 600_000

/** Returns the connections to a server. They stay open until you destroy the pool. */
export function connect (port) {
  return new Pool(`http://127.0.0.1:${port}`, {
    connections: CONNECTIONS, keepAliveTimeout: KEEP_ALIVE_MS, keepAliveMaxTimeout: KEEP_ALIVE_MS
  })
}

/**
 * Sends requests, one after the other on each connection, until each has its response.
 *
 * @throws {Error} if a response has another status code than the expected one
 */
export async function send (pool, requests, expected) {
  const rest = requests.values()
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    for (const request of rest) {
      const statusCode = await dispatch(pool, request)
      if (statusCode === expected) continue
      throw new Error(`${request.method} ${request.path} got the status code ${statusCode}, not ${expected}`)
    }
  }))
}

function dispatch (pool, request) {
  return new Promise((resolve, reject) => {
    let status
    pool.dispatch(request, {
      onRequestStart () {},
      onResponseStart (_controller, statusCode) { status = statusCode },
      onResponseData () {},
      onResponseEnd () { resolve(status) },
      onResponseError (_controller, error) { reject(error) }
    })
  })
}
