/** The sections of `docs/contract.md`, a file of the package, that rules and probes test. */
export const CONTRACT = {
  unsuccessful: 'docs/contract.md#unsuccessful-responses',
  noBody: 'docs/contract.md#no-body',
  message: 'docs/contract.md#message',
  statusCodes: 'docs/contract.md#status-codes',
  successful: 'docs/contract.md#other-responses',
  outcomes: 'docs/contract.md#outcomes'
} as const

/** The sections of `docs/idempotency.md`, a file of the package, that rules and probes test. */
export const IDEMPOTENCY = {
  responses: 'docs/idempotency.md#responses',
  outcomes: 'docs/idempotency.md#look-up-and-close-a-key',
  scope: 'docs/idempotency.md#scope'
} as const

/** The section of `docs/command.md`, a file of the package, that says what a run must test. */
export const COVERAGE = 'docs/command.md#check'

/** Returns the name of a section in the Internet-Draft about the field `Idempotency-Key`. */
export function draftSection (section: string): string {
  return `draft-ietf-httpapi-idempotency-key-header-07 section ${section}`
}
