import type { Operation } from './operation.js'

/** The part of a response that a record keeps. */
export interface Answer {
  readonly statusCode: number
  /** The message of a rejection. */
  readonly reason?: string | undefined
  /** The recorded header fields, names in lower case. */
  readonly headers: Readonly<Record<string, string | string[]>>
  /** The serialized payload; undefined if the response has no body. */
  readonly body?: Buffer | undefined
}

/** The final states of a key. */
export type FinalState = 'succeeded' | 'rejected' | 'closed'

/** A record to insert. */
export interface NewRecord {
  readonly operation: Operation
  /** Identifies the request; undefined for a key that was closed before its request arrived. */
  readonly fingerprint: Buffer | undefined
  readonly state: FinalState
  /** Undefined for a closed key. */
  readonly answer?: Answer | undefined
}

/** A record of a committed transaction. Times are of the database's clock, in milliseconds since 1970. */
export interface StoredRecord extends NewRecord {
  readonly createdAt: number
  readonly settledAt: number
}

/** The result of claiming a key: this request may execute, another request is executing, or the key is settled. */
export type Claim = { readonly type: 'new' } | { readonly type: 'executing' } | { readonly type: 'settled', readonly record: StoredRecord }

/** What a record means for a request with the same key: the recorded response is replayed, or the request is refused. */
export type Judgement = 'replay' | 'mismatch' | 'closed'

/** Judges a request by the record of its key. */
export function judge (record: NewRecord, fingerprint: Buffer): Judgement {
  // A key can be closed before its request is known, so a closed key has no fingerprint.
  if (record.state === 'closed') return 'closed'
  return record.fingerprint?.equals(fingerprint) ? 'replay' : 'mismatch'
}

/** Returns the claim of a key that another request has claimed. Without a record, its operation is still being executed. */
export function toClaim (record: StoredRecord | undefined): Claim {
  return record === undefined ? { type: 'executing' } : { type: 'settled', record }
}
