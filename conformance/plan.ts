import { oneLine } from '../lib/one-line.js'
import { probes } from './catalogue.js'
import { exchange } from './exchange.js'
import { speaksHttp2 } from './exchange-http2.js'
import { sendsLast, type Probe } from './probe.js'
import { requestProbes } from './probes/requests.js'
import type { Target } from './target.js'

/** Which of the probes are sent. */
export interface Selection {
  /** Ids of probes, or what ids begin with, such as a group, to leave out. Default: none. */
  skip?: readonly string[] | undefined
  /** Ids of probes, or what ids begin with, such as a group, to send and no others. Default: all. */
  only?: readonly string[] | undefined
  /** Whether those are sent, too, that take the server's own timeouts. Default: `false`. */
  slow?: boolean | undefined
}

/** There is nothing at the target that speaks HTTP. */
export class Unreachable extends Error {}

/** The versions of HTTP that a target speaks. */
export async function protocolsOf (target: Target): Promise<Array<Probe['protocol']>> {
  const isHttp2 = await speaksHttp2(target)
  const { received, refused } = await exchange(target, [await sendsLast(target, target.requests[0]!)])
  if (refused !== undefined && !isHttp2) throw new Unreachable(`fastify-reason-phrase: ${target.scheme}://${target.authority} cannot be reached: ${oneLine(refused.message)}`)
  // One that speaks neither is told so by the probes of HTTP/1.1.
  const isHttp1 = !isHttp2 || Buffer.from(received).toString('latin1').startsWith('HTTP/1')
  return [...isHttp1 ? ['http/1.1' as const] : [], ...isHttp2 ? ['h2' as const] : []]
}

/**
 * The probes for a target that speaks these protocols.
 *
 * @throws {TypeError} for an id in `skip` or `only` that is of no probe
 */
export function plan (target: Target, protocols: ReadonlyArray<Probe['protocol']>, more: readonly Probe[], { skip = [], only = [], slow = false }: Selection): Probe[] {
  const known = [...probes, ...requestProbes(target.requests), ...more]
  for (const name of [...skip, ...only]) {
    if (!known.some(({ id }) => isNamed(id, name))) throw new TypeError(`fastify-reason-phrase: no probe has the id "${name}", nor one that begins so`)
  }
  return known.filter(({ id, protocol, slow: isSlow }) => protocols.includes(protocol) &&
    (slow || !isSlow) &&
    (only.length === 0 || only.some(name => isNamed(id, name))) &&
    !skip.some(name => isNamed(id, name)))
}

function isNamed (id: string, name: string): boolean {
  return id === name || id.startsWith(`${name}-`)
}
