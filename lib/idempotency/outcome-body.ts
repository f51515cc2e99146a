import { isUtf8 } from 'node:buffer'
import type { FinalState, StoredRecord } from './record.js'

/** The response body that contains what is known about a key. */
export interface OutcomeBody {
  readonly key: string
  readonly state: FinalState | 'executing'
  /** The status code of the recorded response. */
  readonly statusCode?: number | undefined
  /** The message of a rejection. */
  readonly reason?: string | undefined
  readonly headers?: Readonly<Record<string, string | string[]>> | undefined
  /** The recorded body as it was sent: as text, or in the encoding that `bodyEncoding` names. */
  readonly body?: string | undefined
  readonly bodyEncoding?: 'base64' | undefined
  /** When the request arrived, as a date-time of RFC 3339. Undefined if only another process knows it. */
  readonly createdAt?: string | undefined
  readonly settledAt?: string | undefined
}

/** Returns the body for a key that is settled. */
export function createOutcomeBody ({ operation: { key }, state, answer, createdAt, settledAt }: StoredRecord): OutcomeBody {
  return {
    key,
    state,
    statusCode: answer?.statusCode,
    reason: answer?.reason,
    headers: answer?.headers,
    ...encodeBody(answer?.body),
    createdAt: toDateTime(createdAt),
    settledAt: toDateTime(settledAt)
  }
}

/**
 * Returns the body for a key whose operation is being executed.
 *
 * @param since when the execution began, in milliseconds since 1970, if it is known
 */
export function createExecutingBody (key: string, since: number | undefined): OutcomeBody {
  return { key, state: 'executing', createdAt: since === undefined ? undefined : toDateTime(since) }
}

function encodeBody (body: Buffer | undefined): Pick<OutcomeBody, 'body' | 'bodyEncoding'> {
  if (body === undefined) return {}
  return isUtf8(body) ? { body: body.toString() } : { body: body.toString('base64'), bodyEncoding: 'base64' }
}

function toDateTime (milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
