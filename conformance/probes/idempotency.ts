import { isUnsuccessful } from '../../lib/status-codes.js'
import type { HeadersHook, RequestLines, RequestOptions } from '../exchange/request.js'
import { getFieldValues, type HttpResponse } from '../exchange/response.js'
import { IDEMPOTENCY_RULES as RULES } from '../idempotency-rules.js'
import type { Rule } from '../rules.js'
import type { Scenario } from '../scenario.js'
import { CONTRACT, draftSection, IDEMPOTENCY } from '../sources.js'
import { describeDifference, describeStatus, hasStatus, isReplayed, readState } from './keyed-response.js'
import { createKey, createOperation, isUnique, withKey, withKeyLines, type Operation } from './operation.js'
import type { ScenarioProbe } from './probe.js'

/** A request that the service executes once for each idempotency key. */
export interface IdempotentRequest extends RequestOptions {
  /**
   * Whether the service must reject the request without a key. Default: `true` if the route has `config: { idempotency:
   * 'required' }`.
   */
  required?: boolean | undefined
  /** A request that gets a 5xx if it has a key. Default: none, and the probe `failure` is skipped. */
  failing?: RequestOptions | undefined
}

/** What the kit knows about the idempotency keys of a service. */
export interface IdempotencyOptions {
  /**
   * Requests that the service executes once for each idempotency key. Each
   * `{{uuid}}` in the URL, the header fields and the body becomes a new UUID for
   * each operation, and stays the same in its retries. Use it where the service
   * requires unique values, such as a name. Default: none.
   */
  idempotent?: readonly IdempotentRequest[] | undefined
  /** The path of the outcome routes. Default: the path of the service, or `/v2/operation` if it is not known. */
  outcomes?: string | undefined
  /** Like `headers`, but for another caller who may send the same requests. Default: none, and the probe `caller` is skipped. */
  otherHeaders?: HeadersHook | undefined
}

/** The arguments of a scenario. */
interface Subject {
  readonly scenario: Scenario
  readonly request: IdempotentRequest
  readonly outcomes: string
  readonly otherHeaders: HeadersHook | undefined
}

/** A probe that is created for each idempotent request. */
interface Definition {
  /** The end of the id of the probe. */
  readonly suffix: string
  readonly sends: (name: string) => string
  readonly requires: string
  readonly why: string
  readonly source: string
  readonly run: (subject: Subject) => Promise<void>
}

const CONCURRENT_REQUESTS = 20
const MAX_KEY_LENGTH = 255

/**
 * Returns the probes for requests with idempotency keys.
 *
 * @param protocol the protocol of the connections
 */
export function createIdempotencyProbes ({ idempotent = [], outcomes = '/v2/operation', otherHeaders }: IdempotencyOptions, protocol: ScenarioProbe['protocol']): ScenarioProbe[] {
  return idempotent.flatMap((request, i) => DEFINITIONS.map(({ suffix, sends, run, ...texts }): ScenarioProbe => ({
    id: `idempotency-${i + 1}-${suffix}`,
    group: 'idempotency',
    protocol,
    sends: sends(`${request.method ?? 'GET'} ${request.url}`),
    ...texts,
    run: async scenario => { await run({ scenario, request, outcomes, otherHeaders }) }
  })))
}

const DEFINITIONS: readonly Definition[] = [
  {
    suffix: 'replay',
    sends: name => `${name}, twice with the same key`,
    requires: 'The second response has the same bytes as the first one, and Idempotent-Replayed: true',
    why: 'A client that has lost the response needs it, and must see that the request was not executed twice',
    source: `${draftSection('2.6')}, ${IDEMPOTENCY.responses}`,
    async run ({ scenario, request }) {
      const operation = createOperation(request)
      const first = await execute(scenario, operation)
      await repeat(scenario, operation, first)
      checkStatus(scenario, first, 'succeeded')
    }
  },
  {
    suffix: 'mismatch',
    sends: name => `${name}, then a different request with the same key`,
    requires: 'The other request gets 422 and is not executed, and the key keeps its response',
    why: 'A client that reuses a key by mistake must not get the response to a different request',
    source: `${draftSection('2.7')}, ${IDEMPOTENCY.responses}`,
    async run ({ scenario, request }) {
      if (!isUnique(request)) return scenario.skip('No other request is known. Put {{uuid}} into the body or the URL of the request')
      const operation = createOperation(request)
      const first = await execute(scenario, operation)
      const other = createOperation(request)
      const refusal = await refuse(scenario, withKey({ ...other, key: operation.key }), 422, RULES.mismatch)
      await execute(scenario, other, RULES.withoutEffect)
      await repeat(scenario, operation, first)
      checkStatus(scenario, refusal, 'mismatch')
    }
  },
  {
    suffix: 'concurrent',
    sends: name => `${name}, ${CONCURRENT_REQUESTS} times at once with the same key`,
    requires: 'One effect: all responses below 400 are the same, and all others are 503 with Retry-After',
    why: 'A server that looks up the key first and records it later executes two simultaneous requests twice',
    source: `${draftSection('2.6')}, ${CONTRACT.outcomes}`,
    async run ({ scenario, request }) {
      const operation = createOperation(request)
      const responses = await scenario.sendAll(Array.from({ length: CONCURRENT_REQUESTS }, () => withKey(operation)))
      checkSimultaneous(scenario, responses)
      await settle(scenario, operation, responses)
    }
  },
  {
    suffix: 'executing',
    sends: name => `${name}, and retries until its response arrives`,
    requires: 'A retry waits for the response, or gets 503 with Retry-After, and no 409 or other 4xx',
    why: 'A 4xx means that nothing happened, but the first request may still succeed',
    source: `${CONTRACT.outcomes}, ${IDEMPOTENCY.responses}`,
    async run ({ scenario, request }) {
      const operation = createOperation(request)
      const responses = await sendWhileExecuting(scenario, operation)
      checkSimultaneous(scenario, responses)
      await settle(scenario, operation, responses)
    }
  },
  {
    suffix: 'key-missing',
    sends: name => `${name} without a key`,
    requires: '400 if the key is required, and otherwise 400 or a success without Idempotent-Replayed',
    why: 'A client that forgot the key cannot safely retry the request',
    source: draftSection('2.7'),
    async run ({ scenario, request }) {
      const operation = createOperation(request)
      const { response } = await scenario.sendUntilAnswered(operation.request)
      if (response.statusCode === 400) {
        await execute(scenario, operation, RULES.withoutEffect)
        return
      }
      if (request.required || isUnsuccessful(response.statusCode)) scenario.fail(RULES.key, `${response.statusCode} without a key`, response)
      if (isReplayed(response)) scenario.fail(RULES.replayMarked, 'Idempotent-Replayed without a key', response)
    }
  },
  {
    suffix: 'key-empty',
    sends: name => `${name} with an empty key`,
    requires: '400, and the request is not executed',
    why: 'All clients with this bug would share one key',
    source: `${draftSection('2.1')}, ${IDEMPOTENCY.responses}`,
    async run (subject) {
      await refuseKey(subject, '')
      await refuseKey(subject, '""')
    }
  },
  {
    suffix: 'key-doubled',
    sends: name => `${name} with two keys`,
    requires: '400, and the request is not executed',
    why: 'A proxy and the server could each use a different one of the two keys',
    source: `${draftSection('2.1')}, ${IDEMPOTENCY.responses}`,
    run: async subject => { await refuseKey(subject, [`"${createKey()}"`, `"${createKey()}"`]) }
  },
  {
    suffix: 'key-too-long',
    sends: name => `${name} with a key of ${MAX_KEY_LENGTH + 1} characters`,
    requires: '400, and the request is not executed',
    why: 'A key that is truncated to fit a database column can equal the key of another request',
    source: IDEMPOTENCY.responses,
    run: async subject => { await refuseKey(subject, `"${createKey().padEnd(MAX_KEY_LENGTH + 1, 'k')}"`) }
  },
  {
    suffix: 'rejection',
    sends: name => `${name} again with a second key, which the service rejects, then a retry with the second key`,
    requires: 'The second rejection has the same status code and message, and Idempotent-Replayed: true',
    why: 'A rejection that is executed again can turn into a success after the client was told that nothing happened',
    source: `${draftSection('2.6')}, ${CONTRACT.outcomes}`,
    async run ({ scenario, request }) {
      const operation = createOperation(request)
      await execute(scenario, operation)
      const again = { ...operation, key: createKey() }
      const { response: rejection } = await scenario.sendUntilAnswered(withKey(again))
      const { statusCode } = rejection
      if (statusCode < 400 || statusCode > 499) return scenario.skip(`The service does not reject the request: it answers ${statusCode} to the same request with another key. Put {{uuid}} where it requires a unique value`)
      await repeat(scenario, again, rejection, RULES.rejection)
      checkStatus(scenario, rejection, 'rejected')
    }
  },
  {
    suffix: 'failure',
    sends: name => `${name}, with inputs that make it fail, twice with the same key`,
    requires: 'The 5xx has no final Idempotency-Status, and the second response has no Idempotent-Replayed',
    why: 'If a 5xx is replayed, the client cannot learn the outcome until the key expires',
    source: CONTRACT.outcomes,
    async run ({ scenario, request: { failing } }) {
      if (failing === undefined) return scenario.skip('No request is known that the service answers with a 5xx. Set the option failing (--failing)')
      const operation = createOperation(failing)
      const failure = await scenario.send(withKey(operation))
      if (failure.statusCode < 500) return scenario.skip(`The request of the option failing got ${failure.statusCode}, not a 5xx`, true)
      if (hasStatus(failure, 'succeeded') || hasStatus(failure, 'rejected')) scenario.fail(RULES.failure, `${failure.statusCode} with ${describeStatus(failure)}`, failure)
      const again = await scenario.send(withKey(operation))
      if (isReplayed(again)) scenario.fail(RULES.failure, `${again.statusCode} with Idempotent-Replayed`, again)
    }
  },
  {
    suffix: 'caller',
    sends: name => `${name}, then a different request from another caller with the same key`,
    requires: 'The request of the other caller is executed, and the key of the first caller keeps its response',
    why: 'If callers shared keys, they would read the responses of others, and their own requests would be lost',
    source: `${draftSection('5')}, ${IDEMPOTENCY.scope}`,
    async run ({ scenario, request, otherHeaders }) {
      if (otherHeaders === undefined) return scenario.skip('No other caller is known. Set the option otherHeaders (--other-key)')
      const operation = createOperation(request)
      const first = await execute(scenario, operation)
      await execute(scenario, { ...createOperation(request), key: operation.key }, RULES.scope, otherHeaders)
      await repeat(scenario, operation, first)
    }
  },
  {
    suffix: 'closed',
    sends: name => `${name} with a key that was closed before`,
    requires: '422, and the request is not executed',
    why: 'A client closes a key to make sure that a delayed request has no effect',
    source: IDEMPOTENCY.outcomes,
    async run (subject) {
      const { scenario, request } = subject
      const operation = createOperation(request)
      await close(subject, operation.key, 'closed')
      const refusal = await refuse(scenario, withKey(operation), 422, RULES.closed)
      await execute(scenario, { ...operation, key: createKey() }, RULES.withoutEffect)
      checkStatus(scenario, refusal, 'closed')
    }
  },
  {
    suffix: 'closed-twice',
    sends: name => `Closes an unused key twice, and the key of ${name} twice`,
    requires: '200 with the final state, closed or succeeded, and the same response again',
    why: 'A client that has lost the response closes the key again',
    source: `${IDEMPOTENCY.outcomes}, RFC 9110 section 9.2.2`,
    async run (subject) {
      await closeTwice(subject, createKey(), 'closed')
      const operation = createOperation(subject.request)
      await execute(subject.scenario, operation)
      await closeTwice(subject, operation.key, 'succeeded')
    }
  },
  {
    suffix: 'cut',
    sends: name => `${name}, on a connection that is closed after the last byte, then again with its key`,
    requires: 'One effect: the request succeeds, and further retries get the same response',
    why: 'A server that records a response only after it was sent executes the request twice',
    source: `${draftSection('2.6')}, ${CONTRACT.outcomes}`,
    async run ({ scenario, request }) {
      const operation = createOperation(request)
      await scenario.cut(withKey(operation))
      const { response } = await scenario.sendUntilAnswered(withKey(operation))
      if (isUnsuccessful(response.statusCode)) scenario.fail(RULES.oneEffect, `${response.statusCode} after the same request was cut off`, response)
      await repeat(scenario, operation, response, RULES.oneEffect)
    }
  }
]

/**
 * Sends an operation with a new key, and returns the response. Fails with the rule unless the operation is executed and succeeds.
 */
async function execute (scenario: Scenario, operation: Operation, rule: Rule = RULES.executed, headers?: HeadersHook): Promise<HttpResponse> {
  const { response, isFirst } = await scenario.sendUntilAnswered(withKey(operation), headers)
  if (isUnsuccessful(response.statusCode)) scenario.fail(rule, `${response.statusCode} for a new key`, response)
  // After a 503, a replayed response is no violation: the first attempt may have been executed.
  if (isFirst && isReplayed(response)) scenario.fail(rule === RULES.executed ? RULES.replayMarked : rule, 'Idempotent-Replayed for a new key', response)
  return response
}

/** Retries an operation. Fails with the rule unless the response is the recorded one, and marked as replayed. */
async function repeat (scenario: Scenario, operation: Operation, first: HttpResponse, rule: Rule = RULES.replay): Promise<void> {
  const { response } = await scenario.sendUntilAnswered(withKey(operation))
  const difference = describeDifference(first, response, scenario.messageField)
  if (difference !== undefined) scenario.fail(rule, difference, response)
  if (!isReplayed(response)) scenario.fail(RULES.replayMarked, 'no Idempotent-Replayed: true', response)
}

/** Fails unless the response has this state of the key in `Idempotency-Status`. */
function checkStatus (scenario: Scenario, response: HttpResponse, status: string): void {
  if (!hasStatus(response, status)) scenario.fail(RULES.status, `${describeStatus(response)}, not ${status}`, response)
}

/** Sends a request that must be rejected with this status code, and returns the response. Fails with the rule if it is not. */
async function refuse (scenario: Scenario, request: RequestLines, statusCode: number, rule: Rule): Promise<HttpResponse> {
  const { response } = await scenario.sendUntilAnswered(request)
  if (response.statusCode !== statusCode) scenario.fail(rule, `${response.statusCode}`, response)
  return response
}

/** Sends an operation with an invalid key. Fails unless the request is rejected, and has no effect. */
async function refuseKey ({ scenario, request }: Subject, lines: string | string[]): Promise<void> {
  const operation = createOperation(request)
  await refuse(scenario, withKeyLines(operation.request, lines), 400, RULES.key)
  await execute(scenario, operation, RULES.withoutEffect)
}

/** Sends an operation, and retries it on other connections until the first response arrives. */
async function sendWhileExecuting (scenario: Scenario, operation: Operation): Promise<HttpResponse[]> {
  const execution = { isRunning: true }
  const sending = scenario.send(withKey(operation)).finally(() => { execution.isRunning = false })
  // Avoid an unhandled rejection: the error is thrown later, when the promise is awaited.
  sending.catch(() => {})
  const responses: HttpResponse[] = []
  try {
    while (execution.isRunning && responses.length < CONCURRENT_REQUESTS) responses.push(await scenario.send(withKey(operation)))
  } finally {
    await Promise.allSettled([sending])
  }
  return [await sending, ...responses]
}

/** Fails unless all responses to requests with the same key are equal, or 503 with `Retry-After`. */
function checkSimultaneous (scenario: Scenario, responses: readonly HttpResponse[]): void {
  const successes = responses.filter(({ statusCode }) => !isUnsuccessful(statusCode))
  for (const response of responses) {
    const { statusCode } = response
    if (isUnsuccessful(statusCode) && statusCode !== 503) scenario.fail(RULES.executing, `${statusCode}`, response)
    if (statusCode === 503 && getFieldValues(response, 'retry-after').length === 0) scenario.fail(RULES.executing, '503 without Retry-After', response)
    const difference = isUnsuccessful(statusCode) ? undefined : describeDifference(successes[0]!, response, scenario.messageField)
    if (difference !== undefined) scenario.fail(RULES.oneEffect, difference, response)
  }
  const unmarked = successes.filter(response => !isReplayed(response))
  if (unmarked.length > 1) scenario.fail(RULES.replayMarked, `${unmarked.length} successes without Idempotent-Replayed: true`, unmarked[1])
}

/** Retries an operation after these responses. If all of them are a 503, the operation must be executed now. */
async function settle (scenario: Scenario, operation: Operation, responses: readonly HttpResponse[]): Promise<void> {
  let first = responses.find(({ statusCode }) => !isUnsuccessful(statusCode))
  if (first === undefined) {
    const { response } = await scenario.sendUntilAnswered(withKey(operation))
    if (isUnsuccessful(response.statusCode)) scenario.fail(RULES.executed, `${response.statusCode} after 503`, response)
    first = response
  }
  await repeat(scenario, operation, first, RULES.oneEffect)
}

/**
 * Closes a key, and returns the response. Skips the scenario if there are no outcome routes. Fails unless the key then has this
 * state.
 */
async function close ({ scenario, outcomes }: Subject, key: string, state: string): Promise<HttpResponse> {
  const { response } = await scenario.sendUntilAnswered(createClosing(outcomes, key))
  const { statusCode } = response
  if (statusCode === 404 || statusCode === 405 || statusCode === 501) scenario.skip(`PUT ${outcomes}/{key} got ${statusCode}, so there is no such route. Set the option outcomes (--outcomes) to its path`)
  const found = readState(response)
  if (statusCode !== 200 || found !== state) scenario.fail(RULES.closing, `${statusCode} with the state ${found}, not 200 with ${state}`, response)
  return response
}

async function closeTwice (subject: Subject, key: string, state: string): Promise<void> {
  const { scenario, outcomes } = subject
  const first = await close(subject, key, state)
  const { response } = await scenario.sendUntilAnswered(createClosing(outcomes, key))
  const difference = describeDifference(first, response, scenario.messageField)
  if (difference !== undefined) scenario.fail(RULES.closing, difference, response)
}

function createClosing (outcomes: string, key: string): RequestOptions {
  return { method: 'PUT', url: `${outcomes}/${key}`, body: { state: 'closed' } }
}
