import type { Rule } from './rules.js'
import { CONTRACT, draftSection, IDEMPOTENCY } from './sources.js'

/** The rules for requests with an idempotency key. */
export const IDEMPOTENCY_RULES = {
  executed: {
    id: 'idempotency-executed',
    text: 'A request with a new key is executed, and succeeds',
    source: draftSection('2.6')
  },
  replay: {
    id: 'idempotency-replay',
    text: 'A repetition gets the recorded response: the same status code, message, media type, location and bytes',
    source: draftSection('2.6')
  },
  replayMarked: {
    id: 'idempotency-replay-marked',
    text: 'A repetition has Idempotent-Replayed: true, and the first response does not have it',
    source: IDEMPOTENCY.responses
  },
  status: {
    id: 'idempotency-status',
    text: 'Idempotency-Status has the state of the key',
    source: IDEMPOTENCY.responses
  },
  mismatch: {
    id: 'idempotency-mismatch',
    text: 'Another request with the same key is refused with 422',
    source: draftSection('2.7')
  },
  withoutEffect: {
    id: 'idempotency-without-effect',
    text: 'A refused request does nothing, so the same request with a new key succeeds',
    source: CONTRACT.outcomes
  },
  oneEffect: {
    id: 'idempotency-one-effect',
    text: 'Requests with one key have one effect, so all of their successful responses are the same',
    source: draftSection('2.6')
  },
  executing: {
    id: 'idempotency-executing',
    text: 'While a request is executed, a repetition waits, or gets 503 with Retry-After. A 4xx would say that nothing happened',
    source: CONTRACT.outcomes
  },
  key: {
    id: 'idempotency-key',
    text: 'A request without a key that is required, or with an invalid key, is refused with 400',
    source: `${draftSection('2.7')}, ${IDEMPOTENCY.responses}`
  },
  rejection: {
    id: 'idempotency-rejection',
    text: 'A rejection is final: a repetition gets the same status code and message',
    source: draftSection('2.6')
  },
  failure: {
    id: 'idempotency-failure',
    text: 'A 5xx is not recorded: the outcome is unknown, and a repetition finds out',
    source: CONTRACT.outcomes
  },
  scope: {
    id: 'idempotency-scope',
    text: 'Callers do not share keys: a key of another caller is a new one',
    source: draftSection('5')
  },
  closed: {
    id: 'idempotency-closed',
    text: 'A request whose key is closed is refused with 422',
    source: IDEMPOTENCY.outcomes
  },
  closing: {
    id: 'idempotency-closing',
    text: 'Closing a key returns 200 with the final state of the key, each time the same',
    source: `${IDEMPOTENCY.outcomes}, RFC 9110 section 9.2.2`
  }
} as const satisfies Record<string, Rule>
