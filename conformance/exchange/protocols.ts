import { escapeControls } from '../../lib/control-characters.js'
import type { Target } from '../target.js'
import { exchangeHttp1, lastRequestStep } from './http1.js'
import { supportsHttp2 } from './http2.js'

/** The ALPN name of a protocol. */
export type Protocol = 'http/1.1' | 'h2'

/** Thrown if no connection to the target can be established. */
export class UnreachableError extends Error {}

/**
 * Returns the versions of HTTP that the target supports. A server that supports
 * neither is treated as HTTP/1.1, so that the HTTP/1.1 probes report the failure.
 *
 * @throws {UnreachableError} if no connection can be established
 */
export async function detectProtocols (target: Target): Promise<Protocol[]> {
  const isHttp2 = await supportsHttp2(target)
  const { received, connectError } = await exchangeHttp1(target, [await lastRequestStep(target, target.requests[0]!)])
  if (connectError !== undefined && !isHttp2) {
    throw new UnreachableError(`fastify-reason-phrase: ${target.scheme}://${target.authority} cannot be reached: ${escapeControls(connectError.message)}`)
  }
  const isHttp1 = !isHttp2 || Buffer.from(received).toString('latin1').startsWith('HTTP/1')
  return [...isHttp1 ? ['http/1.1' as const] : [], ...isHttp2 ? ['h2' as const] : []]
}
