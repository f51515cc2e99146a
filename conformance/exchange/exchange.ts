import type { ResponseSyntaxError } from './response-reader.js'
import type { HttpResponse } from './response.js'

/** What was sent and received on one connection. */
export interface Exchange {
  /** The bytes sent. For HTTP/2: the requests as text. */
  readonly sent: Uint8Array
  /** The first bytes received. For HTTP/2: the responses as text. */
  readonly received: Uint8Array
  /** How many bytes were received. */
  readonly receivedLength: number
  readonly responses: readonly HttpResponse[]
  /** How many complete requests were sent. */
  readonly requestCount: number
  /** Why the received bytes are not a complete response. Undefined if they are. */
  readonly syntaxError?: ResponseSyntaxError
  /**
   * How the connection ended:
   *
   * - `closed`: the server closed it.
   * - `reset`: the server or the network reset it.
   * - `left`: the kit closed it, because it needed no more bytes.
   * - `timeout`: the kit closed it at the timeout.
   * - `limit`: the kit closed it after {@link MAX_EXCHANGE_BYTES}.
   */
  readonly end: 'closed' | 'reset' | 'left' | 'timeout' | 'limit'
  /** Why no connection was established. Undefined if one was. */
  readonly connectError?: Error
}

/**
 * How long to wait for bytes that should not arrive, in milliseconds: after the
 * last response, and after the header section of an error that has a body.
 */
export const LINGER_MS = 250

/** The maximum number of bytes that are read from one connection. */
export const MAX_EXCHANGE_BYTES = 16 * 1024 * 1024

/** The maximum number of received bytes that are kept for reports. */
export const MAX_KEPT_RECEIVED_BYTES = 64 * 1024
