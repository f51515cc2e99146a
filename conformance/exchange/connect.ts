import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Target } from '../target.js'

/** Opens a connection to the target. The caller closes it. */
export function connectTo ({ host, port, scheme, tls }: Target, protocol: 'http/1.1' | 'h2'): Socket {
  // With allowHalfOpen, an HTTP/2 session would stay open after the server has closed its side.
  const options = { host, port, allowHalfOpen: protocol === 'http/1.1' }
  if (scheme === 'http') return connectTcp(options)
  return connectTls({ ...options, servername: isHostname(host) ? host : '', ALPNProtocols: [protocol], ...tls })
}

// TLS must not send an IP address as the server name (RFC 6066 section 3).
function isHostname (host: string): boolean {
  return !/^[\d.]+$|:/.test(host)
}
