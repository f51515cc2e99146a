import { AssertionError } from 'node:assert'
import { isWebResponse } from '../lib/body.js'
import { CONTRACT_OPTIONS, type Contract } from '../lib/contract.js'
import { checkOptionNames } from '../lib/invalid-option.js'
import { getContract } from '../lib/response/installation.js'
import { isUnsuccessful } from '../lib/status-codes.js'
import { readResponses, type ResponseSyntaxError } from './exchange/response-reader.js'
import { toFieldLines, type HttpResponse } from './exchange/response.js'
import { resolveContract, type JudgingOptions } from './resolve-contract.js'
import { checkResponse, EXCHANGE_RULES, type Violation } from './rules.js'
import { toSyntaxViolation } from './syntax-violation.js'

type HeaderObject = Record<string, string | string[] | number | undefined>

/** The response of Fastify's `inject` (the one of light-my-request). */
export interface InjectedResponse {
  statusCode: number
  statusMessage: string
  headers: HeaderObject
  trailers: HeaderObject
  rawPayload: Uint8Array
  raw: { req: { method?: string | undefined }, res?: object | undefined }
}

/** The response of undici's `request`. */
export interface UndiciResponse {
  statusCode: number
  statusText?: string | undefined
  headers: HeaderObject
  trailers: HeaderObject
  body: { arrayBuffer: () => Promise<ArrayBuffer> }
}

/** The options of {@link assertContract}. */
export interface AssertOptions extends JudgingOptions {
  /** The request method. Only read if the response does not contain it, such as a response of fetch. Default: `GET`. */
  method?: string | undefined
}

/**
 * Asserts that one response keeps the contract (`docs/contract.md`). Reads the body
 * only if the response is unsuccessful. With a response of `inject`, the name of the
 * header and the status codes are those of its service.
 *
 * @param response a response of `inject`, of fetch or of undici's `request`, or the bytes of one response. A string has one
 *   character for each byte (latin1).
 * @param options the request method, and the options of the contract
 * @throws {AssertionError} if the response breaks rules. The message lists all of them.
 * @throws {TypeError} if the value is not a response, if its body was already read, or if an option is invalid or differs
 *   from the option of the service
 */
export async function assertContract (response: InjectedResponse | UndiciResponse | Response | Uint8Array | string, options: AssertOptions = {}): Promise<void> {
  checkOptionNames(options, [...CONTRACT_OPTIONS, 'method'], 'assertContract()')
  const { method = 'GET', ...contractOptions } = options
  const contract = resolveContract(findContractOf(response), contractOptions)
  const violations: Violation[] = []
  let checked: HttpResponse | undefined
  if (typeof response === 'string' || response instanceof Uint8Array) {
    const bytes = typeof response === 'string' ? Buffer.from(response, 'latin1') : response
    try {
      for await (const next of readResponses([bytes], [method])) {
        if (checked === undefined) checked = next
        else violations.push({ rule: EXCHANGE_RULES.oneAnswer, found: 'another response after it' })
      }
      if (checked === undefined) violations.push({ rule: EXCHANGE_RULES.answered, found: 'no bytes' })
    } catch (error) {
      violations.push(toSyntaxViolation(error as ResponseSyntaxError, checked))
    }
  } else {
    checked = await toHttpResponse(response, method)
  }
  if (checked !== undefined) violations.unshift(...checkResponse(checked, contract))
  if (violations.length === 0) return
  throw new AssertionError({
    message: `The response${checked === undefined ? '' : ` (${checked.statusCode})`} breaks the contract:\n${violations.map(formatLine).join('\n')}`,
    actual: violations.map(({ rule }) => rule.id),
    expected: [],
    operator: 'assertContract',
    stackStartFn: assertContract
  })
}

/** Returns the contract of the service. Only a response of `inject` has a reference to it. */
function findContractOf (response: unknown): Contract | undefined {
  const { res } = (response as Partial<InjectedResponse> | null | undefined)?.raw ?? {}
  return res && getContract(res)
}

function formatLine ({ rule, found }: Violation): string {
  return `  ${rule.id}: ${rule.text} (${rule.source}), but found ${found}`
}

async function toHttpResponse (response: InjectedResponse | UndiciResponse | Response, method: string): Promise<HttpResponse> {
  if (isWebResponse(response)) {
    const { status, statusText, headers } = response
    // Fetch joins repeated fields, and shows an empty status text both for HTTP/2 and for an empty phrase.
    return await withBody(response, { method, statusCode: status, phrase: statusText || undefined, fields: [...headers], trailers: [] })
  }
  if (typeof response !== 'object' || response === null || typeof response.statusCode !== 'number' || typeof response.headers !== 'object') {
    throw new TypeError('fastify-reason-phrase: assertContract takes a response of inject, fetch or undici, or the bytes of one. Await the response before you pass it')
  }
  const { statusCode, headers } = response
  const fields = toFieldLines(headers)
  const trailers = toFieldLines(response.trailers)
  if ('rawPayload' in response) {
    const { rawPayload, statusMessage, raw } = response
    return { version: '1.1', method: raw.req.method ?? method, statusCode, phrase: statusMessage, fields, trailers, body: rawPayload, interim: [] }
  }
  return await withBody(response.body, { method, statusCode, phrase: response.statusText || undefined, fields, trailers })
}

async function withBody (body: { arrayBuffer: () => Promise<ArrayBuffer> }, response: Omit<HttpResponse, 'version' | 'body' | 'interim'>): Promise<HttpResponse> {
  let bytes = new Uint8Array()
  if (isUnsuccessful(response.statusCode)) {
    try {
      bytes = new Uint8Array(await body.arrayBuffer())
    } catch (cause) {
      throw new TypeError('fastify-reason-phrase: the body cannot be read; call assertContract before you read it', { cause })
    }
  }
  return { version: undefined, body: bytes, interim: [], ...response }
}
