import { setTimeout as sleep } from 'node:timers/promises'
import { MAX_KEPT_RECEIVED_BYTES, type Exchange } from './exchange/exchange.js'
import { exchangeHttp1, lastRequestStep, requestStep } from './exchange/http1.js'
import { cutHttp2, exchangeHttp2, toHttp2Request } from './exchange/http2.js'
import type { HeadersHook, RequestLines } from './exchange/request.js'
import { getFieldValues, type HttpResponse } from './exchange/response.js'
import { findViolations } from './find-violations.js'
import type { ScenarioProbe } from './probes/probe.js'
import { EXCHANGE_RULES, type Rule, type Violation } from './rules.js'
import type { Target } from './target.js'
import { describeAnswer, requiresSuccess, UNTESTED_RULE } from './untested.js'

/** The result of a scenario. The bytes are those of all its connections. */
export interface ScenarioResult {
  readonly exchange: Pick<Exchange, 'sent' | 'received' | 'receivedLength' | 'end'>
  readonly violations: readonly Violation[]
  /**
   * Why the scenario could not test the server. There can be violations nevertheless. Undefined if the scenario has tested the
   * server.
   */
  readonly skipped: string | undefined
}

// The minimum delay between a 503 and the next attempt, even if Retry-After is 0.
const MIN_RETRY_DELAY_MS = 50

/** Thrown to end a scenario. Its result has already been recorded. */
class ScenarioEnd extends Error {}

/** Runs the scenario of a probe, and returns its result. */
export async function runScenario (target: Target, probe: ScenarioProbe): Promise<ScenarioResult> {
  const scenario = new Scenario(target, probe.protocol)
  try {
    await probe.run(scenario)
  } catch (error) {
    if (!(error instanceof ScenarioEnd)) throw error
  }
  return scenario.createResult()
}

/** Sends the requests of a scenario, and records exchanges and violations. */
export class Scenario {
  readonly #target: Target
  readonly #protocol: ScenarioProbe['protocol']
  readonly #exchanges: Exchange[] = []
  readonly #violations: Violation[] = []
  readonly #responses: HttpResponse[] = []
  #skipped: string | undefined

  constructor (target: Target, protocol: ScenarioProbe['protocol']) {
    this.#target = target
    this.#protocol = protocol
  }

  /** The name of the header that contains the message, in lower case. */
  get messageField (): string {
    return this.#target.contract.field
  }

  /**
   * Sends a request on a new connection, and returns the response. Ends the
   * scenario if there is no response.
   *
   * @param headers returns additional header fields. Default: the hook of the target
   */
  async send (request: RequestLines, headers: HeadersHook | undefined = this.#target.headers): Promise<HttpResponse> {
    const target = { ...this.#target, headers }
    const exchange = this.#protocol === 'h2'
      ? await exchangeHttp2(target, [await toHttp2Request(target, request)])
      : await exchangeHttp1(target, [await lastRequestStep(target, request)])
    const violations = findViolations({ protocol: this.#protocol, answers: [1, 1] }, exchange, target)
    const firstIndex = this.#responses.length
    this.#exchanges.push(exchange)
    this.#responses.push(...exchange.responses)
    this.#violations.push(...violations.map(({ responseIndex, ...violation }): Violation => responseIndex === undefined
      ? violation
      : { ...violation, responseIndex: firstIndex + responseIndex }))
    const [response] = exchange.responses
    if (response !== undefined) {
      // No probe expects a 401 or 403, so the credentials are wrong or missing.
      const isDenied = response.statusCode === 401 || response.statusCode === 403
      if (isDenied && headers === this.#target.headers && requiresSuccess(target)) this.fail(UNTESTED_RULE, describeAnswer(`${request.method ?? 'GET'} ${request.url}`, response, target))
      return response
    }
    // A truncated success is not reported as a violation above, but this scenario needs a complete response.
    if (violations.length === 0) this.fail(EXCHANGE_RULES.answered, `no complete response; connection: ${exchange.end}`)
    throw new ScenarioEnd()
  }

  /** Sends requests at the same time, each on its own connection. Returns their responses in the same order. */
  async sendAll (requests: readonly RequestLines[]): Promise<HttpResponse[]> {
    const sending = requests.map(async request => await this.send(request))
    // Wait for all of them before an error is thrown, so that no connection stays open.
    await Promise.allSettled(sending)
    return await Promise.all(sending)
  }

  /**
   * Sends a request like {@link send}. As long as the response is a 503 with
   * `Retry-After`, retries it, for at most the timeout of the target.
   *
   * @returns the last response, and whether it is the response to the first attempt
   */
  async sendUntilAnswered (request: RequestLines, headers?: HeadersHook): Promise<{ response: HttpResponse, isFirst: boolean }> {
    const deadline = Date.now() + this.#target.timeout
    let isFirst = true
    let response = await this.send(request, headers)
    let delay = getRetryDelay(response)
    while (delay !== undefined && Date.now() + delay <= deadline) {
      await sleep(delay)
      isFirst = false
      response = await this.send(request, headers)
      delay = getRetryDelay(response)
    }
    return { response, isFirst }
  }

  /** Sends a request, and closes the connection after the last byte of the request, without waiting for the response. */
  async cut (request: RequestLines): Promise<void> {
    const target = this.#target
    const exchange = this.#protocol === 'h2'
      ? await cutHttp2(target, await toHttp2Request(target, request))
      : await exchangeHttp1(target, [await requestStep(target, request), { cut: true }])
    this.#exchanges.push(exchange)
  }

  /** Reports that a response breaks a rule, and ends the scenario. */
  fail (rule: Rule, found: string, response?: HttpResponse): never {
    this.#violations.push(response === undefined ? { rule, found } : { rule, found, responseIndex: this.#responses.indexOf(response) })
    throw new ScenarioEnd()
  }

  /**
   * Reports that the scenario cannot test the server, and ends it.
   *
   * @param isDeclared whether the user has declared the request that does not work. Then the run fails.
   */
  skip (reason: string, isDeclared = false): never {
    if (isDeclared && requiresSuccess(this.#target)) this.#violations.push({ rule: UNTESTED_RULE, found: reason })
    this.#skipped = reason
    throw new ScenarioEnd()
  }

  /** Returns the bytes of all connections, and the violations. */
  createResult (): ScenarioResult {
    const received = Buffer.concat(this.#exchanges.map(exchange => exchange.received))
    const exchange = {
      sent: Buffer.concat(this.#exchanges.map(exchange => exchange.sent)),
      received: received.subarray(0, MAX_KEPT_RECEIVED_BYTES),
      receivedLength: this.#exchanges.reduce((sum, exchange) => sum + exchange.receivedLength, 0),
      end: this.#exchanges.at(-1)?.end ?? 'left'
    }
    return { exchange, violations: this.#violations, skipped: this.#skipped }
  }
}

/** Returns the delay before a retry, in milliseconds. Undefined if the response is not a 503 with `Retry-After`. */
function getRetryDelay (response: HttpResponse): number | undefined {
  const [value] = getFieldValues(response, 'retry-after')
  if (response.statusCode !== 503 || value === undefined) return undefined
  // Retry-After can be a date, for which Number() returns NaN. Then use the minimum delay.
  return Math.max(MIN_RETRY_DELAY_MS, Number(value) * 1000 || MIN_RETRY_DELAY_MS)
}
