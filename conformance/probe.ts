import type { OutgoingHttpHeaders } from 'node:http2'
import type { Answer } from './answer.js'
import type { Exchange, Step } from './exchange.js'
import type { Stream } from './exchange-http2.js'
import { compose, prepare, type RequestOptions } from './request.js'
import type { Violation } from './rules.js'
import type { Target } from './target.js'

/** What a probe is about. */
export type Group = 'text' | 'routing' | 'framing' | 'payload' | 'connection' | 'http2' | 'requests' | 'routes'

interface ProbeBase {
  /** Its name, which begins with its group. */
  readonly id: string
  readonly group: Group
  /** What it sends. */
  readonly sends: string
  /** What it requires of what comes back. */
  readonly requires: string
  /** Why it is asked. */
  readonly why: string
  /** Where that is said. */
  readonly source: string
  /** Whether it takes the server's own timeouts, and so is sent only if asked for. */
  readonly slow?: boolean
  /** How many answers there are, at least and at most. */
  readonly answers: readonly [least: number, most: number]
  /**
   * What it requires beyond the rules for each answer.
   *
   * @internal
   */
  readonly check?: (exchange: Exchange) => Violation[]
}

/** A probe of HTTP/1.x: bytes on a connection. */
export interface Http1Probe extends ProbeBase {
  readonly protocol: 'http/1.1'
  /** @internal */
  readonly play: (target: Target) => Step[] | Promise<Step[]>
}

/** A probe of HTTP/2: requests on a connection. */
export interface Http2Probe extends ProbeBase {
  readonly protocol: 'h2'
  /** @internal */
  readonly play: (target: Target) => Stream[] | Promise<Stream[]>
}

export type Probe = Http1Probe | Http2Probe

/** What of a probe is said in words. */
export type Words = Pick<ProbeBase, 'sends' | 'why' | 'source'>

const ANSWER = 'An answer; an unsuccessful one keeps the contract'
const FREE = 'Any answer, or none and the connection closed; an unsuccessful one keeps the contract'

// How long a server that may wait for more of a request can take to answer what it has.
const PATIENCE = 300

/** A probe that sends one well-formed request, which must be answered. */
export function ask (id: string, words: Words, request: (target: Target) => RequestOptions, more: Partial<Http1Probe> = {}): Http1Probe {
  return {
    id,
    group: groupOf(id),
    protocol: 'http/1.1',
    requires: ANSWER,
    answers: [1, 1],
    play: async target => [await sendsLast(target, request(target))],
    ...words,
    ...more
  }
}

/**
 * A probe that sends bytes which a server can refuse to read: an answer is
 * not a must. This side is closed behind them, so that a server does not wait
 * for more.
 */
export function raw (id: string, words: Words, bytes: (target: Target) => string | Uint8Array, more: Partial<Http1Probe> & { method?: string } = {}): Http1Probe {
  const { method = 'GET', ...rest } = more
  return {
    id,
    group: groupOf(id),
    protocol: 'http/1.1',
    requires: FREE,
    answers: [0, 1],
    play: target => {
      const given = bytes(target)
      const send = typeof given === 'string' ? Buffer.from(given, 'latin1') : given
      return [{ send, method }, { answers: 1, within: PATIENCE }, { end: true }]
    },
    ...words,
    ...rest
  }
}

/**
 * A probe of several steps.
 *
 * @internal
 */
export function steps (id: string, words: Words & { requires?: string }, answers: readonly [number, number], play: Http1Probe['play'], more: Partial<Http1Probe> = {}): Http1Probe {
  return { id, group: groupOf(id), protocol: 'http/1.1', requires: answers[0] > 0 ? ANSWER : FREE, answers, play, ...words, ...more }
}

/**
 * A probe that sends requests over HTTP/2.
 *
 * @internal
 */
export function streams (id: string, words: Words & { requires?: string }, least: number, play: Http2Probe['play'], more: Partial<Http2Probe> = {}): Http2Probe {
  return { id, group: 'http2', protocol: 'h2', requires: least > 0 ? ANSWER : FREE, answers: [least, Infinity], play, ...words, ...more }
}

/** A request as HTTP/2 has it. */
export async function stream (target: Target, request: RequestOptions, more: OutgoingHttpHeaders = {}): Promise<Stream> {
  const { method, scheme, authority, target: path, headers, body } = await prepare(target, request)
  return {
    headers: { ':method': method, ':scheme': scheme, ':authority': authority, ':path': path, ...headers, ...more },
    body: request.body === undefined ? undefined : body
  }
}

/** The step that sends a request. */
export async function sends (target: Target, request: RequestOptions, version?: string): Promise<Step> {
  return { send: await compose(target, request, version), method: request.method ?? 'GET' }
}

/** The step that sends the last request on a connection. */
export async function sendsLast (target: Target, request: RequestOptions): Promise<Step> {
  return await sends(target, { ...request, headers: { connection: 'close', ...request.headers } })
}

/** Whether the answer is the last on its connection (RFC 9112 section 9.3). */
export function isLast ({ version, fields }: Answer): boolean {
  const options = fields.filter(([name]) => name.toLowerCase() === 'connection').flatMap(([, value]) => value.toLowerCase().split(','))
  const has = (option: string): boolean => options.some(value => value.trim() === option)
  return has('close') || (version === '1.0' && !has('keep-alive'))
}

function groupOf (id: string): Group {
  return id.slice(0, id.indexOf('-')) as Group
}
