import type { ServerResponse } from 'node:http'
import { losesContent } from '../lost-content.js'
import { getReply } from './state.js'

/** The configs of the routes for which a warning was logged. Fastify creates one for each route and each not-found handler. */
const warned = new WeakSet<object>()

/** The config of a reply without a route. */
const NO_CONFIG = {}

/**
 * Logs a warning if an error loses content because its body is dropped. The warning is logged once for each route. It is not
 * logged for `HEAD`, because the response to `HEAD` never has a body.
 *
 * @param statusCode the status code before it was normalized
 * @param body the body, or its start; undefined for a body that nobody reads
 * @param message the message that was taken out of the body; empty if there is none
 */
export function warnOfLostContent (response: ServerResponse, statusCode: number, body: string | Uint8Array | undefined, message: string): void {
  const reply = getReply(response)
  const { method } = response.req
  if (reply === undefined || method === 'HEAD') return
  const { config = NO_CONFIG, url } = reply.routeOptions ?? {}
  if (warned.has(config) || (body !== undefined && !losesContent(body, message))) return
  warned.add(config)
  const name = url === undefined ? 'the handler of requests without a route' : `the route ${method} ${url}`
  try {
    reply.log.warn(`fastify-reason-phrase: ${name} sent a payload with status code ${statusCode}, and the payload was dropped, ` +
      'because an unsuccessful response has no body. Put what the client needs to know in the message of a reply decorator, ' +
      'or set config.reasonPhrase of the route to false. This warning is logged once for each route')
  } catch {
    // A logger that throws must not keep the response from the client.
  }
}
