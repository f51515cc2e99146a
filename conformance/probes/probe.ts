import type { Exchange } from '../exchange/exchange.js'
import { lastRequestStep, type Step } from '../exchange/http1.js'
import type { Http2Request } from '../exchange/http2.js'
import type { RequestOptions } from '../exchange/request.js'
import type { Violation } from '../rules.js'
import type { Scenario } from '../scenario.js'
import type { Target } from '../target.js'

/** The feature that a probe tests. */
export type Group = 'text' | 'routing' | 'framing' | 'payload' | 'connection' | 'http2' | 'requests' | 'routes' | 'idempotency'

interface ProbeBase {
  /** The unique name, which starts with the group. */
  readonly id: string
  readonly group: Group
  /** What the probe sends. */
  readonly sends: string
  /** What the probe requires of the responses. */
  readonly requires: string
  /** Why servers can break the contract here. */
  readonly why: string
  /** The specification that the probe tests. */
  readonly source: string
  /** Whether the probe waits for the server's own timeouts. Such probes are sent only with the option `slow`. */
  readonly slow?: boolean
}

interface ConnectionProbeBase extends ProbeBase {
  /** The minimum and the maximum number of responses. */
  readonly answers: readonly [least: number, most: number]
  /**
   * Returns violations beyond the rules for each response.
   *
   * @internal
   */
  readonly check?: (exchange: Exchange) => Violation[]
  /**
   * Where the valid request of the probe comes from: the requests of the target, or a schema. If its response is an error,
   * the probe has not tested the service itself. Absent if the request is not valid.
   *
   * @internal
   */
  readonly origin?: 'requests' | 'schema'
  /**
   * Whether the probe replaces an HTTP/1.1 probe. It is sent only to servers that do not support HTTP/1.1.
   *
   * @internal
   */
  readonly isSubstitute?: boolean
}

/** A probe over HTTP/1.x: steps on one connection. */
export interface Http1Probe extends ConnectionProbeBase {
  readonly protocol: 'http/1.1'
  /** @internal */
  readonly createSteps: (target: Target) => Step[] | Promise<Step[]>
}

/** A probe over HTTP/2: requests on one connection. */
export interface Http2Probe extends ConnectionProbeBase {
  readonly protocol: 'h2'
  /** @internal */
  readonly createRequests: (target: Target) => Http2Request[] | Promise<Http2Request[]>
}

/** A probe on one connection. */
export type ConnectionProbe = Http1Probe | Http2Probe

/** A probe that sends several requests, each on its own connection. Later requests depend on earlier responses. */
export interface ScenarioProbe extends ProbeBase {
  /** The protocol of all connections of the probe. */
  readonly protocol: 'http/1.1' | 'h2'
  /** @internal */
  readonly run: (scenario: Scenario) => Promise<void>
}

/** A test that the kit sends to a server. */
export type Probe = ConnectionProbe | ScenarioProbe

/** The texts that describe a probe. */
export type ProbeTexts = Pick<ProbeBase, 'sends' | 'why' | 'source'>

const RESPONSE_REQUIRED = 'A response; an unsuccessful one keeps the contract'
const RESPONSE_OPTIONAL = 'Any response, or a closed connection; an unsuccessful response keeps the contract'

/**
 * How long to wait for the response to an incomplete or malformed request, in milliseconds. A server can wait for more bytes
 * instead.
 */
export const OPTIONAL_RESPONSE_WAIT_MS = 300

/** Returns a probe that sends one well-formed request. The server must respond. */
export function probeRequest (id: string, texts: ProbeTexts, createRequest: (target: Target) => RequestOptions, overrides: Partial<Http1Probe> = {}): Http1Probe {
  return {
    id,
    group: groupOf(id),
    protocol: 'http/1.1',
    requires: RESPONSE_REQUIRED,
    answers: [1, 1],
    createSteps: async target => [await lastRequestStep(target, createRequest(target))],
    ...texts,
    ...overrides
  }
}

/**
 * Returns a probe that sends bytes. A server is allowed to close the connection
 * without a response. Then the probe closes its side of the connection, so that
 * the server does not wait for more bytes.
 */
export function probeBytes (id: string, texts: ProbeTexts, createBytes: (target: Target) => string | Uint8Array, overrides: Partial<Http1Probe> & { method?: string } = {}): Http1Probe {
  const { method = 'GET', ...rest } = overrides
  return {
    id,
    group: groupOf(id),
    protocol: 'http/1.1',
    requires: RESPONSE_OPTIONAL,
    answers: [0, 1],
    createSteps (target) {
      const bytes = createBytes(target)
      const send = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
      return [{ send, method }, { responses: 1, within: OPTIONAL_RESPONSE_WAIT_MS }, { end: true }]
    },
    ...texts,
    ...rest
  }
}

/**
 * Returns a probe with several steps.
 *
 * @internal
 */
export function probeSteps (id: string, texts: ProbeTexts & { requires?: string }, answers: Http1Probe['answers'], createSteps: Http1Probe['createSteps'], overrides: Partial<Http1Probe> = {}): Http1Probe {
  const requires = answers[0] > 0 ? RESPONSE_REQUIRED : RESPONSE_OPTIONAL
  return { id, group: groupOf(id), protocol: 'http/1.1', requires, answers, createSteps, ...texts, ...overrides }
}

/**
 * Returns a probe that sends requests over HTTP/2.
 *
 * @param least the minimum number of responses
 * @internal
 */
export function probeHttp2 (id: string, texts: ProbeTexts & { requires?: string }, least: number, createRequests: Http2Probe['createRequests'], overrides: Partial<Http2Probe> = {}): Http2Probe {
  const requires = least > 0 ? RESPONSE_REQUIRED : RESPONSE_OPTIONAL
  return { id, group: 'http2', protocol: 'h2', requires, answers: [least, Infinity], createRequests, ...texts, ...overrides }
}

function groupOf (id: string): Group {
  return id.slice(0, id.indexOf('-')) as Group
}
