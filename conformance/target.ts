import type { ConnectionOptions } from 'node:tls'
import type { Contract } from '../lib/contract.js'
import type { Origin, RequestOptions } from './exchange/request.js'

/** The server that the probes are sent to. */
export interface Target extends Origin {
  host: string
  port: number
  /** The prefix of all paths, without a slash at its end. */
  base: string
  tls?: ConnectionOptions
  contract: Contract
  /** Valid requests. Never empty. */
  requests: readonly RequestOptions[]
  /** The maximum duration of one exchange, in milliseconds. */
  timeout: number
  /** What the run must test. Default: nothing, so that only violations make the run fail. */
  coverage?: Coverage | undefined
}

/** What a run must test. */
export interface Coverage {
  /** Whether the user has declared the requests of the target. Otherwise, they are guesses. */
  areDeclared: boolean
  /** Whether a declared request may get a status code that is not 2xx. */
  allowUnsuccessful: boolean
}

/** Returns a path that should not exist in any service. */
export function missingPath (target: Target, suffix = ''): string {
  return `${target.base}/no-such-resource-of-the-conformance-kit${suffix}`
}
