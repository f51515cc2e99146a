import { isSendable } from './headers.js'
import { classOf, phrases } from './status-codes.js'
import { isPlainObject } from './plain-object.js'
import { reasonText, PHRASE_LIMIT } from './reason-phrase.js'
import { throwInvalidOption } from './invalid-option.js'
import { isRepresentationMetadata } from './representation-metadata.js'

/** What a service can choose of the contract. */
export interface ContractOptions {
  /** The name of the header that carries the message. Default: `EB-REASON-PHRASE`. */
  header?: string | undefined
  /** Status codes from 400 to 599, with their phrases, that extend the table. Default: none. */
  statusCodes?: Record<number, string> | undefined
  /** Whether the message of a thrown error is sent with a 5xx, too. Default: `false`. */
  exposeServerErrors?: boolean | undefined
  /** The `WWW-Authenticate` of a 401 that has none (RFC 9110 section 15.5.2). Default: `HMAC`. */
  challenge?: string | undefined
}

/** Fields that HTTP/2 forbids (RFC 9113 section 8.2.2), and of which Node warns there. */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set(['connection', 'http2-settings', 'keep-alive', 'proxy-connection', 'te', 'upgrade'])

// Fields that mean something else in a response.
const RESERVED = new Set([
  ...CONNECTION_FIELDS, 'age', 'allow', 'cache-control', 'date', 'expires', 'link', 'location', 'proxy-authenticate',
  'retry-after', 'server', 'set-cookie', 'vary', 'via', 'warning', 'www-authenticate'
])

/**
 * The contract of `responses.md` as one service keeps it. Throws a TypeError
 * for an option that is unknown, of the wrong type, or cannot work.
 */
export class Contract {
  readonly header: string
  /** The header's name in lower case, as Node keeps it. */
  readonly field: string
  readonly phrases: ReadonlyMap<number, string>
  readonly exposeServerErrors: boolean
  readonly challenge: string

  constructor (options: ContractOptions = {}) {
    if (!isPlainObject(options)) throwInvalidOption('values must come in an object', options)
    const { header = 'EB-REASON-PHRASE', statusCodes = {}, exposeServerErrors = false, challenge = 'HMAC', ...unknown } = options
    const [stranger] = Object.keys(unknown)
    if (stranger !== undefined) {
      throw new TypeError(`fastify-reason-phrase: unknown option "${stranger}", known are header, statusCodes, exposeServerErrors and challenge, and to the plugin errorSchemas and requireSchemas`)
    }

    this.header = checkHeader(header)
    this.field = header.toLowerCase()
    this.phrases = extend(statusCodes)
    if (typeof exposeServerErrors !== 'boolean') throwInvalidOption('exposeServerErrors must be a boolean', exposeServerErrors)
    this.exposeServerErrors = exposeServerErrors
    this.challenge = checkChallenge(challenge)
  }

  /** The status code of the table that an unsuccessful response is sent with. */
  fold (statusCode: number): number {
    return this.phrases.has(statusCode) ? statusCode : classOf(statusCode)
  }

  /** What is said with a status code of the table: the message, or else the table's phrase. */
  reason (statusCode: number, message: string): string {
    return (message !== '' && reasonText(message)) || this.phrases.get(statusCode)!
  }

  /** Whether both have the same service answer in the same way. */
  equals (other: Contract): boolean {
    return JSON.stringify([this, [...this.phrases]]) === JSON.stringify([other, [...other.phrases]])
  }
}

function checkHeader (header: unknown): string {
  if (typeof header !== 'string') throwInvalidOption('header must be a string', header)
  if (!isSendable(header, '')) throwInvalidOption('header must be a valid header name', header)
  const field = header.toLowerCase()
  if (RESERVED.has(field) || field.startsWith('access-control-') || isRepresentationMetadata(field) || field in {} || header in {}) throwInvalidOption('header must be a header of its own', header)
  return header
}

function extend (statusCodes: unknown): Map<number, string> {
  if (!isPlainObject(statusCodes)) {
    throwInvalidOption('statusCodes must be an object, such as { 429: \'Too Many Requests\' }', statusCodes)
  }
  const extended = phrases()
  for (const [key, phrase] of Object.entries(statusCodes)) {
    const statusCode = Number(key)
    if (!/^[45]\d\d$/.test(key)) {
      throwInvalidOption('statusCodes must have keys from 400 to 599', key)
    }
    if (typeof phrase !== 'string' || phrase === '' || reasonText(phrase) !== phrase || phrase.length > PHRASE_LIMIT) {
      throwInvalidOption(`statusCodes[${statusCode}] must be a phrase of 1 to ${PHRASE_LIMIT} printable ASCII characters`, phrase)
    }
    extended.set(statusCode, phrase)
  }
  return extended
}

function checkChallenge (challenge: unknown): string {
  if (typeof challenge !== 'string' || challenge.trim() === '') {
    throwInvalidOption('challenge must be a WWW-Authenticate challenge', challenge)
  }
  if (!isSendable('www-authenticate', challenge)) throwInvalidOption('challenge must be a valid header value', challenge)
  return challenge
}
