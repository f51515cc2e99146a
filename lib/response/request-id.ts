import type { ServerResponse } from 'node:http'
import { getReply } from './state.js'

/** The longest id that is sent, in characters. */
const MAX_ID_LENGTH = 512

const PRINTABLE_ASCII = /^[!-~](?:[ -~]*[!-~])?$/

/** The ids of requests without a reply. */
const recordedIds = new WeakMap<object, unknown>()

/** Records the id of a request whose response has no reply of the framework. */
export function recordRequestId (request: object, id: unknown): void {
  recordedIds.set(request, id)
}

/** Returns the id that the framework gave to the request of a response. Undefined if there is none. */
export function getRequestId (response: ServerResponse): unknown {
  const request = getReply(response)?.request
  return request === undefined ? recordedIds.get(response.req) : request.id
}

/**
 * Returns an id as the value of a header. Undefined unless the id is a number, or 1 to {@link MAX_ID_LENGTH} characters of
 * printable ASCII without spaces around them. Other ids are not sent, because a changed id could not be found in the log.
 */
export function toRequestIdHeader (id: unknown): string | undefined {
  const text = typeof id === 'number' ? String(id) : id
  return typeof text === 'string' && text.length <= MAX_ID_LENGTH && PRINTABLE_ASCII.test(text) ? text : undefined
}
