import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Target } from '../target.js'

/** Opens a connection to the target. The caller closes it. */
export function connectTo ({ host, port, scheme, tls }: Target, protocol: 'http/1.1' | 'h2'): Socket {
  // A half-open HTTP/2 session would never end.
  const options = { host, port, allowHalfOpen: protocol === 'http/1.1' }
  if (scheme === 'http') return connectTcp(options)
  return connectTls({ ...options, servername: isHostname(host) ? host : '', ALPNProtocols: [protocol], ...tls })
}

// Server Name Indication does not allow IP addresses (RFC 6066 section 3).
function isHostname (host: string): boolean {
  return !/^[\d.]+$|:/.test(host)
}
