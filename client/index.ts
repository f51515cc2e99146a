export {
  createClient, type Client, type ClientOptions, type Rejected, type Result, type Success, type Unknown
} from './create-client.js'
export { outcomeOf, type Outcome, type OutcomeOptions, type ResponseHead, type ResponseOutcome } from './outcome.js'
export type { RequestBody, RequestOptions, RequestQuery } from './request.js'
export { signer, type Key, type Signer, type SignerOptions } from './signer.js'
