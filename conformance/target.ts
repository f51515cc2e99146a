import type { Socket } from 'node:net'
import { connect as connectPlain } from 'node:net'
import { connect as connectSecure, type ConnectionOptions } from 'node:tls'
import type { Contract } from '../lib/contract.js'
import type { Origin, RequestOptions } from './request.js'

/** A server to probe. */
export interface Target extends Origin {
  host: string
  port: number
  /** What the paths of the probes begin with; without a slash at its end. */
  base: string
  tls?: ConnectionOptions
  contract: Contract
  /** Requests that the server answers; never empty. */
  requests: readonly RequestOptions[]
  /** The most milliseconds that one exchange takes. */
  timeout: number
}

/** A path that no service has. */
export function nowhere (target: Target, rest = ''): string {
  return `${target.base}/no-such-resource-of-the-conformance-kit${rest}`
}

/** A connection to the target, and to nothing else. The caller closes it. */
export function connect ({ host, port, scheme, tls }: Target, protocol: 'http/1.1' | 'h2'): Socket {
  // A session of HTTP/2 that is half open would never end.
  const options = { host, port, allowHalfOpen: protocol === 'http/1.1' }
  if (scheme === 'http') return connectPlain(options)
  return connectSecure({ ...options, servername: isName(host) ? host : '', ALPNProtocols: [protocol], ...tls })
}

// Server Name Indication takes no addresses (RFC 6066 section 3).
function isName (host: string): boolean {
  return !/^[\d.]+$|:/.test(host)
}
