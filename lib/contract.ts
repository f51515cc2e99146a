import { isValidHeader, toHeaderName, type HeaderName } from './headers.js'
import { createPhrases, toClassCode } from './status-codes.js'
import { isPlainObject } from './plain-object.js'
import { MAX_PHRASE_LENGTH, toHeaderText } from './reason-phrase.js'
import { checkOptionNames, throwInvalidOption } from './invalid-option.js'
import { isRepresentationMetadata } from './representation-metadata.js'

/** Options of the contract. */
export interface ContractOptions {
  /** The name of the header that contains the message. Default: `EB-REASON-PHRASE`. */
  header?: string | undefined
  /** Additional status codes from 400 to 599, each with its reason phrase. Default: none. */
  statusCodes?: Record<number, string> | undefined
  /** Whether private messages, such as those of thrown errors, are sent with a 5xx too. Default: `false`. */
  exposeServerErrors?: boolean | undefined
  /** The `WWW-Authenticate` header of a 401 without one (RFC 9110 section 15.5.2). Default: `HMAC`. */
  challenge?: string | undefined
  /**
   * The header in which each error carries Fastify's `request.id`: its name, or `true` for `x-request-id`. Default: `false`,
   * which means none.
   */
  requestId?: boolean | string | undefined
}

/** Fields that are exposed to pages of other origins (Fetch Standard, `Access-Control-Expose-Headers`). */
const EXPOSED_HEADERS = ['Retry-After', 'Location', 'Idempotent-Replayed', 'Idempotency-Status']

type CompleteOptions = { [Name in keyof ContractOptions]-?: NonNullable<ContractOptions[Name]> }

/** An option in which two contracts differ. */
export interface OptionDifference {
  readonly name: string
  /** The value of the one contract, and the value of the other. */
  readonly values: readonly [unknown, unknown]
}

const DEFAULTS: Readonly<CompleteOptions> = { header: 'EB-REASON-PHRASE', statusCodes: {}, exposeServerErrors: false, challenge: 'HMAC', requestId: false }

/** The names of the options. */
export const CONTRACT_OPTIONS: readonly string[] = Object.keys(DEFAULTS)

/** Fields that HTTP/2 forbids (RFC 9113 section 8.2.2). Node warns about them. */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set(['connection', 'http2-settings', 'keep-alive', 'proxy-connection', 'te', 'upgrade'])

/** Fields that have another meaning in a response, so that they cannot contain the message or the id of the request. */
const RESERVED = new Set([
  ...CONNECTION_FIELDS, 'age', 'allow', 'cache-control', 'date', 'expires', 'link', 'location', 'proxy-authenticate',
  'retry-after', 'server', 'set-cookie', 'vary', 'via', 'warning', 'www-authenticate'
])

/**
 * The contract of `docs/contract.md` with the options of one service.
 *
 * @throws {TypeError} if an option is unknown, of the wrong type, or invalid
 */
export class Contract {
  readonly header: string
  /** The name of the header in lower case. */
  readonly field: string
  readonly phrases: ReadonlyMap<number, string>
  readonly exposeServerErrors: boolean
  readonly challenge: string
  /** The field that carries the request's id. Undefined if errors do not carry it. */
  readonly requestId: HeaderName | undefined
  /** The fields that are exposed to pages of other origins if the response has them. */
  readonly exposedHeaders: readonly HeaderName[]
  /** The names of the exposed fields in lower case. */
  readonly exposedFields: ReadonlySet<string>
  readonly #options: CompleteOptions

  constructor (options: ContractOptions = {}) {
    if (!isPlainObject(options)) throwInvalidOption('must be a plain object', options, 'options')
    checkOptionNames(options, CONTRACT_OPTIONS)
    this.#options = addDefaults(options)
    const { header, statusCodes, exposeServerErrors, challenge, requestId } = this.#options

    this.header = checkHeader('header', header)
    this.field = header.toLowerCase()
    this.phrases = extendTable(statusCodes)
    if (typeof exposeServerErrors !== 'boolean') throwInvalidOption('exposeServerErrors must be a boolean', exposeServerErrors)
    this.exposeServerErrors = exposeServerErrors
    this.challenge = checkChallenge(challenge)
    this.requestId = checkRequestId(requestId, this.field)
    this.exposedHeaders = [toHeaderName(header), this.requestId, ...EXPOSED_HEADERS.map(toHeaderName)].filter(name => name !== undefined)
    this.exposedFields = new Set(this.exposedHeaders.map(({ field }) => field))
  }

  /** Returns the status code to send for an unsuccessful response: the given one if the table has it, otherwise 400 or 500. */
  normalizeStatusCode (statusCode: number): number {
    return this.phrases.has(statusCode) ? statusCode : toClassCode(statusCode)
  }

  /** Returns the reason to send with a status code of the table: the message, or the phrase if the message is blank. */
  reasonFor (statusCode: number, message: string): string {
    return (message !== '' && toHeaderText(message)) || this.phrases.get(statusCode)!
  }

  /** Returns the options in which another contract differs, in the order of {@link CONTRACT_OPTIONS}. */
  findDifferences (other: Contract): OptionDifference[] {
    return CONTRACT_OPTIONS
      .map(name => ({ name, values: [Reflect.get(this.#options, name), Reflect.get(other.#options, name)] as const }))
      // Different values can have the same meaning, such as true and 'x-request-id'.
      .filter(({ name, values: [one, another] }) => !new Contract({ [name]: one }).equals(new Contract({ [name]: another })))
  }

  /** Returns whether another contract has the same options. */
  equals (other: Contract): boolean {
    return JSON.stringify([this, [...this.phrases]]) === JSON.stringify([other, [...other.phrases]])
  }
}

function addDefaults (options: ContractOptions): CompleteOptions {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...DEFAULTS, ...Object.fromEntries(given) }
}

function checkHeader (option: string, header: unknown): string {
  if (typeof header !== 'string') throwInvalidOption(`${option} must be a string`, header)
  if (!isValidHeader(header, '')) throwInvalidOption(`${option} must be a valid header name`, header)
  const field = header.toLowerCase()
  if (RESERVED.has(field) || field.startsWith('access-control-') || isRepresentationMetadata(field) || field in {} || header in {}) throwInvalidOption(`${option} must be a header that has no other meaning`, header)
  return header
}

function checkRequestId (requestId: unknown, reasonField: string): HeaderName | undefined {
  if (requestId === false) return undefined
  if (requestId !== true && typeof requestId !== 'string') throwInvalidOption('requestId must be a boolean or the name of a header', requestId)
  const name = toHeaderName(requestId === true ? 'x-request-id' : checkHeader('requestId', requestId))
  if (name.field === reasonField) throwInvalidOption('requestId must be another header than the option header', requestId)
  return name
}

function extendTable (statusCodes: unknown): Map<number, string> {
  if (!isPlainObject(statusCodes)) {
    throwInvalidOption('statusCodes must be an object, such as { 429: \'Too Many Requests\' }', statusCodes)
  }
  const extended = createPhrases()
  for (const [key, phrase] of Object.entries(statusCodes)) {
    const statusCode = Number(key)
    if (!/^[45]\d\d$/.test(key)) {
      throwInvalidOption('statusCodes must have keys from 400 to 599', key)
    }
    if (typeof phrase !== 'string' || phrase === '' || toHeaderText(phrase) !== phrase || phrase.length > MAX_PHRASE_LENGTH) {
      throwInvalidOption(`statusCodes[${statusCode}] must be a phrase of 1 to ${MAX_PHRASE_LENGTH} printable ASCII characters`, phrase)
    }
    extended.set(statusCode, phrase)
  }
  return extended
}

function checkChallenge (challenge: unknown): string {
  if (typeof challenge !== 'string' || challenge.trim() === '') {
    throwInvalidOption('challenge must be a WWW-Authenticate challenge', challenge)
  }
  if (!isValidHeader('www-authenticate', challenge)) throwInvalidOption('challenge must be a valid header value', challenge)
  return challenge
}
