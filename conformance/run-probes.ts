import type { Exchange } from './exchange/exchange.js'
import { exchangeHttp1 } from './exchange/http1.js'
import { exchangeHttp2 } from './exchange/http2.js'
import { findViolations } from './find-violations.js'
import type { ConnectionProbe, Probe } from './probes/probe.js'
import type { Violation } from './rules.js'
import { runScenario } from './scenario.js'
import type { Target } from './target.js'
import { findNothingTested, findObstacle, requiresSuccess, UNTESTED_RULE, type Obstacle } from './untested.js'

/** The result of a probe. */
export interface ProbeResult {
  readonly probe: Probe
  /**
   * The bytes that were sent and received. The parsed responses are dropped to save memory, because the results of all probes are
   * kept.
   */
  readonly exchange: Pick<Exchange, 'sent' | 'received' | 'receivedLength' | 'end'>
  /** Empty if the server keeps the contract. */
  readonly violations: readonly Violation[]
  /**
   * Why the probe could not test the server. There can be violations nevertheless. Undefined if the probe has tested the server.
   */
  readonly skipped?: string | undefined
  /** Why the response to a valid request is not 2xx. Undefined if it is 2xx. */
  readonly obstacle?: Obstacle | undefined
}

// How long to wait for an optional response.
const OPTIONAL_RESPONSE_TIMEOUT_MS = 2000

// How long to wait for timeouts of the server. It is longer than the default timeouts of common servers.
const SLOW_TIMEOUT_MS = 400_000

/** Sends one probe, and returns its result. */
export async function runProbe (target: Target, probe: Probe): Promise<ProbeResult> {
  return 'run' in probe ? { probe, ...await runScenario(target, probe) } : await runConnectionProbe(target, probe)
}

async function runConnectionProbe (target: Target, probe: ConnectionProbe): Promise<ProbeResult> {
  const [least] = probe.answers
  const maxWait = least === 0 ? Math.min(OPTIONAL_RESPONSE_TIMEOUT_MS, target.timeout) : target.timeout
  const timeout = probe.slow ? SLOW_TIMEOUT_MS : maxWait
  const exchange = probe.protocol === 'h2'
    ? await exchangeHttp2(target, await probe.createRequests(target), timeout)
    : await exchangeHttp1(target, await probe.createSteps(target), timeout)
  const { sent, received, receivedLength, end } = exchange
  const obstacle = probe.origin && findObstacle(probe, exchange, target)
  const violations = findViolations(probe, exchange, target)
  if (obstacle !== undefined && probe.origin === 'requests' && target.coverage?.areDeclared && requiresSuccess(target)) violations.push({ rule: UNTESTED_RULE, found: obstacle.text })
  return { probe, exchange: { sent, received, receivedLength, end }, violations, obstacle }
}

/**
 * Sends the probes, and yields their results in the same order. The connections
 * of a probe are closed before its result is yielded. If the target requires
 * coverage and the probes have tested nothing, the last result says so.
 *
 * @param concurrency how many probes to send at a time
 */
export async function * runProbes (target: Target, probes: readonly Probe[], concurrency: number): AsyncGenerator<ProbeResult> {
  const pending: Array<Promise<ProbeResult>> = []
  const sent: Array<Omit<ProbeResult, 'exchange'>> = []
  const takeResult = async (): Promise<ProbeResult> => {
    const result = await pending.shift()!
    const { exchange, ...rest } = result
    sent.push(rest)
    return result
  }
  try {
    for (const probe of probes) {
      const result = runProbe(target, probe)
      // Avoid an unhandled rejection: the error is thrown later, when the promise is awaited.
      result.catch(() => {})
      pending.push(result)
      if (pending.length >= concurrency) yield await takeResult()
    }
    while (pending.length > 0) yield await takeResult()
    const nothingTested = findNothingTested(sent, target)
    if (nothingTested !== undefined) yield nothingTested
  } finally {
    await Promise.allSettled(pending)
  }
}
