import type { ConnectionOptions } from 'node:tls'
import type { Contract } from '../lib/contract.js'
import type { Origin, RequestOptions } from './exchange/request.js'

/** A server to probe. */
export interface Target extends Origin {
  host: string
  port: number
  /** The prefix of all paths, without a slash at its end. */
  base: string
  tls?: ConnectionOptions
  contract: Contract
  /** Requests that the server responds to. Never empty. */
  requests: readonly RequestOptions[]
  /** The most milliseconds for one exchange. */
  timeout: number
  /** What has to be tested. Default: nothing, so that probes only look for violations. */
  coverage?: Coverage | undefined
}

/** What a run has to test. */
export interface Coverage {
  /** Whether somebody has declared the requests of the target. Otherwise, they are guesses. */
  areDeclared: boolean
  /** Whether a declared request may be answered with a status code that is not 2xx. */
  allowUnsuccessful: boolean
}

/** Returns a path that no service has. */
export function missingPath (target: Target, suffix = ''): string {
  return `${target.base}/no-such-resource-of-the-conformance-kit${suffix}`
}
