import { STATUS_CODES } from 'node:http'
import { inspect } from 'node:util'
import type { FastifyReply } from 'fastify'
import type { Contract } from '../../lib/contract.js'
import { validateHeader } from '../../lib/headers.js'
import { checkOptionNames, throwInvalidOption } from '../../lib/invalid-option.js'
import { isExposedError, messageFromError } from '../../lib/message.js'
import { isPlainObject } from '../../lib/plain-object.js'
import { attachError, setReplyMessage } from '../../lib/response/state.js'

type Digit = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9

type ToNumber<Text extends string> = Text extends `${infer Value extends number}` ? Value : never

/** A status code from 400 to 599. */
export type ErrorStatusCode = ToNumber<`${4 | 5}${Digit}${Digit}`>

/** Options of the reply decorators that send an error. */
export interface ReplyErrorOptions {
  /** The cause of the error, for example a caught error. It is logged, with its stack if it has one, and never sent. */
  cause?: unknown
  /** Header fields of the response. Fields that describe a body, such as `content-type`, are dropped. Default: none. */
  headers?: Readonly<Record<string, string | number | readonly string[] | undefined>> | undefined
  /**
   * When the client can retry: a number of seconds, or a date. It is sent as `Retry-After` (RFC 9110 section 10.2.3), and
   * replaces a `retry-after` of `headers`.
   */
  retryAfter?: number | Date | undefined
  /** Makes the compiler reject an `Error` as options: write `{ cause: error }`. */
  stack?: never
}

const OPTION_NAMES = ['cause', 'headers', 'retryAfter']

/** The reply decorator of one status code. */
export type ErrorDecorator = (this: FastifyReply, message?: string, options?: ReplyErrorOptions) => FastifyReply

/** Returns the reply decorator that sends an error with a status code. */
export function createErrorDecorator (statusCode: number): ErrorDecorator {
  return function (message, options) { return sendError(this, statusCode, message, options) }
}

/** Returns `reply.error()`, which sends an error with any status code of the contract's table. */
export function createErrorSender ({ phrases }: Contract) {
  return function (this: FastifyReply, statusCode: number, message?: string, options?: ReplyErrorOptions): FastifyReply {
    if (!phrases.has(statusCode)) throw new TypeError(describeUnknownCode(statusCode, [...phrases.keys()]))
    return sendError(this, statusCode, message, options)
  }
}

function describeUnknownCode (statusCode: unknown, known: number[]): string {
  const isErrorCode = Number.isInteger(statusCode) && statusCode as number >= 400 && statusCode as number <= 599
  const remedy = isErrorCode
    ? `Add it with the option statusCodes: { ${statusCode}: '${STATUS_CODES[statusCode as number] ?? 'Its Reason Phrase'}' }, or use one of ${known.join(', ')}`
    : `Use one of ${known.join(', ')}, or add another one from 400 to 599 with the option statusCodes`
  return `fastify-reason-phrase: reply.error() cannot send the status code ${inspect(statusCode, { depth: 0 })}, because it is not in the service's table. ${remedy}`
}

/** Sends an error without a body. Invalid options throw before the reply is changed. */
function sendError (reply: FastifyReply, statusCode: number, message: unknown, options?: ReplyErrorOptions): FastifyReply {
  if (options === undefined) {
    setMessage(reply, message)
    return reply.code(statusCode).send()
  }
  const { cause, headers, retryAfter } = checkOptions(options)
  const fields = headers === undefined ? [] : checkHeaders(headers)
  if (retryAfter !== undefined) fields.push(['retry-after', toRetryAfter(retryAfter)])
  for (const [name, value] of fields) reply.header(name, value)
  setMessage(reply, message)
  if (cause !== undefined) attachError(reply.raw, cause)
  return reply.code(statusCode).send()
}

/** Sets the message of a reply. If the message is an error or another object, it is treated as if it had been thrown. */
function setMessage (reply: FastifyReply, message: unknown): void {
  if (typeof message !== 'object' || message === null) {
    // Do not send the text of a function, which is its source code.
    setReplyMessage(reply.raw, typeof message === 'function' ? '' : messageFromError(message))
    return
  }
  setReplyMessage(reply.raw, messageFromError(message), !isExposedError(message))
  attachError(reply.raw, message)
}

function checkOptions (options: ReplyErrorOptions): ReplyErrorOptions {
  if (options instanceof Error) throw new TypeError('fastify-reason-phrase: the options of an error reply must be an object such as { cause }, not an Error. Write { cause: error }', { cause: options })
  if (!isPlainObject(options)) throwInvalidOption('of an error reply must be an object such as { cause, headers, retryAfter }', options, 'the options')
  checkOptionNames(options, OPTION_NAMES, 'an error reply')
  return options
}

type Field = [name: string, value: string | number | readonly string[]]

function checkHeaders (headers: NonNullable<ReplyErrorOptions['headers']>): Field[] {
  if (!isPlainObject(headers)) throwInvalidOption("headers of an error reply must be an object such as { allow: 'GET' }", headers, 'the option')
  const fields = Object.entries(headers).filter((field): field is Field => field[1] !== undefined)
  for (const [name, value] of fields) {
    if (![value].flat().every(one => typeof one === 'string' || typeof one === 'number')) {
      throwInvalidOption(`headers of an error reply must have a text, a number or an array of texts as ${name}`, value, 'the option')
    }
    try {
      validateHeader(name, value)
    } catch (cause) {
      throw new TypeError(`fastify-reason-phrase: the option headers of an error reply has a field that cannot be sent. ${messageFromError(cause)}`, { cause })
    }
  }
  return fields
}

function toRetryAfter (value: number | Date): string {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toUTCString()
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return String(Math.ceil(value))
  throw new TypeError('fastify-reason-phrase: retryAfter must be a number of seconds or a valid Date')
}
