/**
 * The client for Node and browsers. It calls a service, retries requests, and settles operations.
 *
 * @module fastify-reason-phrase/client
 */
export type { AttemptEvent, OnAttempt, RetryOptions } from './attempts.js'
export { createBasicClient, type BasicClient, type Call } from './basic-client.js'
export { createClient, type Client, type ClientOptions, type SettleOptions } from './create-client.js'
export { outcomeOf, type Outcome, type OutcomeOptions, type ResponseHead, type ResponseOutcome } from './outcome.js'
export type { BasicRequestOptions, RequestBody, RequestOptions, RequestQuery } from './request.js'
export type { KeyedResult, Rejected, Result, Success, Unknown } from './result.js'
export { signer, type Key, type Signer, type SignerOptions } from './signer.js'
export type { BasicClientOptions } from './transport.js'
