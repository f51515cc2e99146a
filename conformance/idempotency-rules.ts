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
    text: 'A retry gets the recorded response: the same status code, message, media type, location and bytes',
    source: draftSection('2.6')
  },
  replayMarked: {
    id: 'idempotency-replay-marked',
    text: 'The response to a retry has Idempotent-Replayed: true, and the first response does not',
    source: IDEMPOTENCY.responses
  },
  status: {
    id: 'idempotency-status',
    text: 'Idempotency-Status is the state of the key',
    source: IDEMPOTENCY.responses
  },
  mismatch: {
    id: 'idempotency-mismatch',
    text: 'A different request with the same key is rejected with 422',
    source: draftSection('2.7')
  },
  withoutEffect: {
    id: 'idempotency-without-effect',
    text: 'A rejected request has no effect, so the same request with a new key succeeds',
    source: CONTRACT.outcomes
  },
  oneEffect: {
    id: 'idempotency-one-effect',
    text: 'Requests with the same key have one effect, so all of their successful responses are the same',
    source: draftSection('2.6')
  },
  executing: {
    id: 'idempotency-executing',
    text: 'While a request is executed, a retry waits, or gets 503 with Retry-After. A 4xx would mean that nothing happened',
    source: CONTRACT.outcomes
  },
  key: {
    id: 'idempotency-key',
    text: 'A request with an invalid key, or without a required key, is rejected with 400',
    source: `${draftSection('2.7')}, ${IDEMPOTENCY.responses}`
  },
  rejection: {
    id: 'idempotency-rejection',
    text: 'A rejection is final: a retry gets the same status code and message',
    source: draftSection('2.6')
  },
  failure: {
    id: 'idempotency-failure',
    text: 'A 5xx is not recorded: the outcome is unknown until a retry',
    source: CONTRACT.outcomes
  },
  scope: {
    id: 'idempotency-scope',
    text: 'Callers do not share keys: the same key from another caller is a new key',
    source: draftSection('5')
  },
  closed: {
    id: 'idempotency-closed',
    text: 'A request whose key is closed is rejected with 422',
    source: IDEMPOTENCY.outcomes
  },
  closing: {
    id: 'idempotency-closing',
    text: 'Closing a key returns 200 with the final state of the key, and the same response each time',
    source: `${IDEMPOTENCY.outcomes}, RFC 9110 section 9.2.2`
  }
} as const satisfies Record<string, Rule>
