import { STATUS_CODES } from 'node:http'
import { decodeStart } from './message.js'
import { isUnsuccessful } from './status-codes.js'

/** Texts that say no more than the status code. `about:blank` is the `type` of a problem without one (RFC 9457 section 4.2.1). */
const EMPTY_TEXTS: ReadonlySet<string> = new Set(['', 'about:blank', ...Object.values(STATUS_CODES) as string[]])

/**
 * Returns whether the body of an error has content that is neither in its message nor in its status code.
 *
 * @param message the message that was taken out of the body; empty if there is none
 */
export function losesContent (body: string | Uint8Array, message: string): boolean {
  const text = decodeStart(body)
  // The whole text is the message.
  if (message !== '' && !/^[{["]/.test(text)) return false
  try {
    return hasContent(JSON.parse(text), message)
  } catch {
    return message === '' && text !== ''
  }
}

function hasContent (value: unknown, message: string): boolean {
  switch (typeof value) {
    case 'string': return value !== message && !EMPTY_TEXTS.has(value.trim())
    case 'number': return !isStatusCode(value)
    // Beside a message, a boolean says only that the request failed, like the status code.
    case 'boolean': return message === ''
  }
  if (value === null) return false
  const isFromFastify = isFastifyError(value as object)
  return Object.entries(value as object).some(([name, member]) => !(isFromFastify && name === 'code') && hasContent(member, message))
}

function isStatusCode (value: number): boolean {
  return isUnsuccessful(value) && value <= 599
}

/** Returns whether an object has the format of Fastify's error serializer, whose `code` is for developers. */
function isFastifyError (value: object): boolean {
  const { statusCode, error, message } = value as Record<string, unknown>
  return typeof statusCode === 'number' && typeof error === 'string' && typeof message === 'string'
}
