import { throwUnknownProbe } from '../check-options.js'
import type { Protocol } from '../exchange/protocols.js'
import type { Target } from '../target.js'
import { probes } from './index.js'
import type { Probe } from './probe.js'
import { createRequestProbes } from './requests.js'

/** The options that select the probes to send. */
export interface Selection {
  /**
   * The ids of probes to leave out. The start of an id, such as a group, matches all probes whose id starts with it. Default:
   * none.
   */
  skip?: readonly string[] | undefined
  /** The ids of the only probes to send. The start of an id matches as in `skip`. Default: all probes. */
  only?: readonly string[] | undefined
  /** Whether to send the probes that wait for the server's own timeouts. Default: `false`. */
  slow?: boolean | undefined
}

/**
 * Returns the probes to send to a target.
 *
 * @param protocols the protocols that the target supports
 * @param more additional probes, such as the ones that are derived from the routes of the service
 * @throws {TypeError} if a name in `skip` or `only` matches no probe
 */
export function selectProbes (target: Target, protocols: readonly Protocol[], more: readonly Probe[], { skip = [], only = [], slow = false }: Selection): Probe[] {
  const all = [...probes, ...createRequestProbes(target.requests), ...more]
  for (const name of [...skip, ...only]) {
    if (!all.some(({ id }) => matchesName(id, name))) throwUnknownProbe(name, all.map(({ id }) => id))
  }
  return all.filter(({ id, protocol, slow: isSlow, ...probe }) => protocols.includes(protocol) &&
    !('isSubstitute' in probe && protocols.includes('http/1.1')) &&
    (slow || !isSlow) &&
    (only.length === 0 || only.some(name => matchesName(id, name))) &&
    !skip.some(name => matchesName(id, name)))
}

function matchesName (id: string, name: string): boolean {
  return id === name || id.startsWith(`${name}-`)
}
