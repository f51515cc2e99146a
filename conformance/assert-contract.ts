import { AssertionError } from 'node:assert'
import { isWebResponse } from '../lib/body.js'
import { Contract } from '../lib/contract.js'
import { isUnsuccessful } from '../lib/status-codes.js'
import type { Answer, Field } from './answer.js'
import { AnswerSyntaxError, readAnswers } from './reader.js'
import { EXCHANGE, judge, NO_BODY, type Violation } from './rules.js'
import { printable } from './show.js'

type Values = Record<string, string | string[] | number | undefined>

/** What light-my-request, and so Fastify's `inject`, resolves to. */
export interface InjectedResponse {
  statusCode: number
  statusMessage: string
  headers: Values
  trailers: Values
  rawPayload: Uint8Array
  raw: { req: { method?: string | undefined } }
}

/** What undici's `request` resolves to. */
export interface UndiciResponse {
  statusCode: number
  statusText?: string | undefined
  headers: Values
  trailers: Values
  body: { arrayBuffer: () => Promise<ArrayBuffer> }
}

export interface AssertOptions {
  /** The name of the header that carries the message. Default: `EB-REASON-PHRASE`. */
  header?: string | undefined
  /** Status codes from 400 to 599, with their phrases, that extend the table. Default: none. */
  statusCodes?: Record<number, string> | undefined
  /** The method of the request, where the response does not know it. Default: `GET`. */
  method?: string | undefined
}

/**
 * Asserts that one response keeps the contract (`responses.md`). The body of
 * an unsuccessful response is read; that of any other is not touched.
 *
 * @param response of `inject`, of fetch, of undici's `request`, or the bytes of one response, a string as latin1
 * @throws {AssertionError} that names every rule that is broken
 * @throws {TypeError} for what is no response, and for one whose body cannot be read
 */
export async function assertContract (response: InjectedResponse | UndiciResponse | Response | Uint8Array | string, options: AssertOptions = {}): Promise<void> {
  const { method = 'GET', ...contractOptions } = options
  const contract = new Contract(contractOptions)
  const violations: Violation[] = []
  let answer: Answer | undefined
  if (typeof response === 'string' || response instanceof Uint8Array) {
    const bytes = typeof response === 'string' ? Buffer.from(response, 'latin1') : response
    try {
      for await (const next of readAnswers([bytes], [method])) {
        if (answer === undefined) answer = next
        else violations.push({ rule: EXCHANGE.oneAnswer, found: 'another answer after it' })
      }
      if (answer === undefined) violations.push({ rule: EXCHANGE.answered, found: 'no bytes' })
    } catch (error) {
      violations.push(stray(error as AnswerSyntaxError, answer))
    }
  } else {
    answer = await answerOf(response, method)
  }
  if (answer !== undefined) violations.unshift(...judge(answer, contract))
  if (violations.length === 0) return
  throw new AssertionError({
    message: `The response${answer === undefined ? '' : ` (${answer.statusCode})`} breaks the contract:\n${violations.map(line).join('\n')}`,
    actual: violations.map(({ rule }) => rule.id),
    expected: [],
    operator: 'assertContract',
    stackStartFn: assertContract
  })
}

/** What bytes that are no answer break: behind one that should have no body, they are its body. */
export function stray ({ message, bytes, truncated }: AnswerSyntaxError, before: Answer | undefined): Violation {
  const found = `${message}: ${printable(bytes, 200)}`
  if (before === undefined || truncated) return { rule: EXCHANGE.syntax, found }
  const isBody = before.method === 'HEAD' || isUnsuccessful(before.statusCode)
  return { rule: isBody ? NO_BODY : EXCHANGE.oneAnswer, found: `bytes behind the answer: ${printable(bytes, 200)}` }
}

function line ({ rule, found }: Violation): string {
  return `  ${rule.id}: ${rule.text} (${rule.source}), but it is ${found}`
}

async function answerOf (response: InjectedResponse | UndiciResponse | Response, method: string): Promise<Answer> {
  if (isWebResponse(response)) {
    const { status, statusText, headers } = response
    // Several lines of a field come as one, and HTTP/2 cannot be told from an empty phrase.
    return await answerWith(response, { method, statusCode: status, phrase: statusText || undefined, fields: [...headers] })
  }
  if (typeof response !== 'object' || response === null || typeof response.statusCode !== 'number' || typeof response.headers !== 'object') {
    throw new TypeError('fastify-reason-phrase: assertContract takes a response of inject, fetch or undici, or the bytes of one')
  }
  const { statusCode, headers } = response
  const fields = fieldsOf(headers)
  const trailers = fieldsOf(response.trailers)
  if ('rawPayload' in response) {
    const { rawPayload, statusMessage, raw } = response
    return { version: '1.1', method: raw.req.method ?? method, statusCode, phrase: statusMessage, fields, trailers, body: rawPayload, interim: [] }
  }
  return await answerWith(response.body, { method, statusCode, phrase: response.statusText || undefined, fields, trailers })
}

async function answerWith (body: { arrayBuffer: () => Promise<ArrayBuffer> }, answer: Pick<Answer, 'method' | 'statusCode' | 'phrase' | 'fields'> & { trailers?: Field[] }): Promise<Answer> {
  let bytes = new Uint8Array()
  if (isUnsuccessful(answer.statusCode)) {
    try {
      bytes = new Uint8Array(await body.arrayBuffer())
    } catch (cause) {
      throw new TypeError('fastify-reason-phrase: the body cannot be read; call assertContract before it is', { cause })
    }
  }
  return { version: undefined, trailers: [], body: bytes, interim: [], ...answer }
}

function fieldsOf (values: Values): Field[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined) return []
    return [value].flat().map(value => [name, String(value)] as const)
  })
}
