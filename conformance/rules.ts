import type { Contract } from '../lib/contract.js'
import { escapeControls } from '../lib/control-characters.js'
import { MAX_HEADER_LENGTH, MAX_PHRASE_LENGTH, toReasonPhrase } from '../lib/reason-phrase.js'
import { isRepresentationMetadata } from '../lib/representation-metadata.js'
import { isUnsuccessful } from '../lib/status-codes.js'
import { getFieldValues, type HttpResponse } from './exchange/response.js'
import { IDEMPOTENCY_RULES } from './idempotency-rules.js'
import { CONTRACT } from './sources.js'

/** One requirement of the contract. */
export interface Rule {
  /** The unique name of the rule. */
  readonly id: string
  /** The requirement as a sentence. */
  readonly text: string
  /** The specification that contains the requirement. */
  readonly source: string
}

/** A rule that a server broke, and what was found. */
export interface Violation {
  readonly rule: Rule
  /** What was found instead. */
  readonly found: string
  /** The index of the response that broke the rule, from 0. Undefined if the rule is about the whole exchange. */
  readonly responseIndex?: number
}

interface ResponseRule extends Rule {
  /** Returns what was found instead, or undefined if the response keeps the rule. */
  readonly findViolation: (response: HttpResponse, contract: Contract) => string | undefined
}

/** The rules for an unsuccessful response. */
const UNSUCCESSFUL_RULES: readonly ResponseRule[] = [
  {
    id: 'no-body',
    text: 'An unsuccessful response has no body',
    source: CONTRACT.noBody,
    findViolation: ({ body }) => body.length === 0 ? undefined : `a body of ${body.length} bytes`
  },
  {
    id: 'content-length',
    text: 'Content-Length is 0, so that the client knows at once where the response ends; it can be missing in HTTP/2 and in a response to HEAD',
    source: 'RFC 9110 section 8.6, RFC 9112 section 6.3',
    findViolation (response) {
      const lengths = getFieldValues(response, 'content-length')
      const isOptional = response.method === 'HEAD' || !response.version?.startsWith('1')
      if (lengths.length === 0) return isOptional ? undefined : 'no Content-Length'
      return lengths.length === 1 && lengths[0] === '0' ? undefined : `Content-Length ${lengths.join(', ')}`
    }
  },
  {
    id: 'no-representation-metadata',
    text: 'No header field describes a body or how it is transferred',
    source: `${CONTRACT.noBody}, RFC 9110 section 8`,
    findViolation ({ fields }) {
      const found = fields.map(([name]) => name.toLowerCase()).filter(name => name !== 'content-length' && isRepresentationMetadata(name))
      return found.length === 0 ? undefined : found.join(', ')
    }
  },
  {
    id: 'no-trailers',
    text: 'There is no trailer section',
    source: `${CONTRACT.noBody}, RFC 9110 section 6.5`,
    findViolation: ({ trailers }) => trailers.length === 0 ? undefined : `a trailer ${trailers[0]![0]}`
  },
  {
    id: 'status-in-table',
    text: 'The status code is in the table, or the service extends the table with it',
    source: CONTRACT.statusCodes,
    findViolation: ({ statusCode }, { phrases }) => phrases.has(statusCode) ? undefined : `${statusCode}`
  },
  {
    id: 'challenge',
    text: 'A 401 has WWW-Authenticate',
    source: 'RFC 9110 section 15.5.2',
    findViolation: response => response.statusCode !== 401 || getFieldValues(response, 'www-authenticate').some(Boolean) ? undefined : 'none'
  },
  {
    id: 'header',
    text: 'The header contains the message, on one line',
    source: CONTRACT.message,
    findViolation (response, { field }) {
      const values = getFieldValues(response, field)
      if (values.length !== 1) return values.length === 0 ? 'no such header' : `${values.length} such fields`
      return values[0] === '' ? 'an empty value' : undefined
    }
  },
  {
    id: 'header-ascii',
    text: 'The message in the header is printable ASCII',
    source: CONTRACT.message,
    findViolation: (response, { field }) => findUnprintable(getFieldValues(response, field).join(''))
  },
  {
    id: 'header-length',
    text: `The message in the header has at most ${MAX_HEADER_LENGTH} characters`,
    source: CONTRACT.message,
    findViolation: (response, { field }) => findTooLong(getFieldValues(response, field), MAX_HEADER_LENGTH)
  },
  {
    id: 'phrase',
    text: 'The reason phrase of HTTP/1.x contains the message',
    source: CONTRACT.message,
    findViolation: ({ phrase }) => phrase === '' ? 'an empty reason phrase' : undefined
  },
  {
    id: 'phrase-ascii',
    text: 'The reason phrase is printable ASCII',
    source: CONTRACT.message,
    findViolation: ({ phrase }) => findUnprintable(phrase ?? '')
  },
  {
    id: 'phrase-length',
    text: `The reason phrase has at most ${MAX_PHRASE_LENGTH} characters`,
    source: CONTRACT.message,
    findViolation: ({ phrase }) => findTooLong([phrase ?? ''], MAX_PHRASE_LENGTH)
  },
  {
    id: 'phrase-matches-header',
    text: `The reason phrase is the message in the header, truncated to ${MAX_PHRASE_LENGTH} characters`,
    source: CONTRACT.message,
    findViolation (response, { field }) {
      const [message] = getFieldValues(response, field)
      const { phrase } = response
      if (!message || !phrase || phrase.trimEnd() === toReasonPhrase(message).trimEnd()) return undefined
      // Reports are printed to terminals, and control characters from the server could manipulate a terminal.
      return escapeControls(`"${phrase}" and "${message}"`)
    }
  }
]

/** The rules for every other response. */
const SUCCESSFUL_RULES: readonly ResponseRule[] = [
  {
    id: 'success-without-header',
    text: 'Only an unsuccessful response has the header',
    source: CONTRACT.successful,
    findViolation: (response, { field }) => getFieldValues(response, field).length === 0 ? undefined : `the header on a ${response.statusCode}`
  }
]

/** The rules for whole exchanges. A single response is not enough to check them. */
export const EXCHANGE_RULES = {
  syntax: {
    id: 'syntax',
    text: 'A response is a well-formed HTTP message',
    source: 'RFC 9112 sections 2.1 and 4'
  },
  answered: {
    id: 'answered',
    text: 'A well-formed request gets a response',
    source: 'RFC 9110 section 3.4'
  },
  oneAnswer: {
    id: 'one-answer',
    text: 'A request gets one response, and nothing follows it',
    source: 'RFC 9112 section 9.3'
  },
  closeIsLast: {
    id: 'close-is-last',
    text: 'A response with Connection: close is the last on its connection',
    source: 'RFC 9112 section 9.6'
  },
  order: {
    id: 'pipelining-order',
    text: 'Responses come in the order of their requests',
    source: 'RFC 9112 section 9.3.2'
  }
} as const satisfies Record<string, Rule>

/** All rules: first those for single responses, then those for exchanges, then those for idempotency keys. */
export const rules: readonly Rule[] = [...UNSUCCESSFUL_RULES, ...SUCCESSFUL_RULES, ...Object.values(EXCHANGE_RULES), ...Object.values(IDEMPOTENCY_RULES)]

/** The rule that an unsuccessful response has no body. */
export const NO_BODY_RULE = UNSUCCESSFUL_RULES[0]!

/** Returns the violations of a response and of the 1xx responses before it. */
export function checkResponse (response: HttpResponse, contract: Contract): Violation[] {
  const violations = response.interim.flatMap(interim => checkResponse(interim, contract))
  for (const rule of isUnsuccessful(response.statusCode) ? UNSUCCESSFUL_RULES : SUCCESSFUL_RULES) {
    const found = rule.findViolation(response, contract)
    if (found !== undefined) violations.push({ rule, found })
  }
  return violations
}

function findUnprintable (text: string): string | undefined {
  for (const character of text) {
    if (character < ' ' || character > '~') return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
  }
}

function findTooLong (values: string[], limit: number): string | undefined {
  const longest = Math.max(0, ...values.map(value => value.length))
  return longest > limit ? `${longest} characters` : undefined
}
