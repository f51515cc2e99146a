import { escapeControls } from '../lib/control-characters.js'
import type { Exchange } from './exchange/exchange.js'
import { getFieldValues, type HttpResponse } from './exchange/response.js'
import type { Probe } from './probes/probe.js'
import type { Rule, Violation } from './rules.js'
import { COVERAGE } from './sources.js'
import type { Target } from './target.js'

/** Why the response to a valid request is not 2xx. */
export interface Obstacle {
  readonly statusCode: number
  /** The request and the response, such as `GET / was answered 401 No signature`. */
  readonly text: string
}

/** The result of a probe that was sent. */
interface SentProbe {
  readonly probe: Probe
  readonly violations: readonly Violation[]
  readonly skipped?: string | undefined
  readonly obstacle?: Obstacle | undefined
}

const ID = 'could-not-be-tested'

/** A rule for the run, not for the server. */
export const UNTESTED_RULE: Rule = { id: ID, text: 'A declared request must be answered as declared, or it tests nothing', source: COVERAGE }

const NOTHING_TESTED_RULE: Rule = { id: ID, text: 'A run must test something', source: COVERAGE }

/** The pseudo-probe that the violations of a whole run are reported for. */
const RUN_PROBE: Probe = {
  id: 'run',
  group: 'requests',
  protocol: 'http/1.1',
  sends: 'All probes',
  requires: 'At least one probe tests the server',
  why: 'A run that tests nothing finds no violations',
  source: COVERAGE,
  answers: [0, 0],
  createSteps: () => []
}

const NO_EXCHANGE = { sent: new Uint8Array(), received: new Uint8Array(), receivedLength: 0, end: 'left' } as const

/** Returns whether a violation is about the run, not about the server. */
export function isUntested ({ rule }: Pick<Violation, 'rule'>): boolean {
  return rule.id === ID
}

/** Returns whether each request that the user has declared must get a 2xx, or the declared status code. */
export function requiresSuccess ({ coverage }: Target): boolean {
  return coverage !== undefined && !coverage.allowUnsuccessful
}

/** Returns why the valid request of a probe has not succeeded. Undefined if it has, or if there is no response. */
export function findObstacle ({ sends }: Probe, { responses }: Exchange, target: Target): Obstacle | undefined {
  const response = responses.at(-1)
  if (response === undefined || isSuccess(response)) return undefined
  return { statusCode: response.statusCode, text: describeAnswer(sends, response, target) }
}

/** Returns a request and its response as one line. */
export function describeAnswer (request: string, response: HttpResponse, { contract }: Target): string {
  const [message = response.phrase ?? ''] = getFieldValues(response, contract.field)
  return escapeControls(`${request} was answered ${response.statusCode} ${message}`.trimEnd())
}

/**
 * Returns the violation of a run whose probes have tested nothing, as the result of a pseudo-probe. Undefined if they have tested
 * something.
 */
export function findNothingTested (sent: readonly SentProbe[], { coverage }: Target) {
  const found = coverage && explainNothingTested(sent, coverage)
  return found === undefined ? undefined : { probe: RUN_PROBE, exchange: NO_EXCHANGE, violations: [{ rule: NOTHING_TESTED_RULE, found }] }
}

function explainNothingTested (sent: readonly SentProbe[], { areDeclared, allowUnsuccessful }: NonNullable<Target['coverage']>): string | undefined {
  if (sent.length === 0) return 'no probe was sent. The server does not have the protocol of the selected probes, or they are slow'
  if (sent.every(({ skipped, violations }) => skipped !== undefined && violations.length === 0)) return 'every probe was skipped'
  // If one scenario has tested an idempotent request, the run has tested something.
  if (sent.some(({ probe, skipped, violations }) => 'run' in probe && skipped === undefined && !violations.some(isUntested))) return undefined
  const guesses = sent.filter(({ probe }) => 'origin' in probe && probe.origin !== undefined)
  if (areDeclared || allowUnsuccessful || guesses.length === 0 || !guesses.every(({ obstacle }) => isDenial(obstacle))) return undefined
  return `${guesses[0]!.obstacle!.text}, and no other request got further. Declare requests, and send credentials with them`
}

function isSuccess ({ statusCode }: HttpResponse): boolean {
  return statusCode >= 200 && statusCode < 300
}

/** Returns whether a service denies access or is not available. A 404 is a normal response of the service. */
function isDenial (obstacle: Obstacle | undefined): boolean {
  return obstacle !== undefined && (obstacle.statusCode === 401 || obstacle.statusCode === 403 || obstacle.statusCode >= 500)
}
