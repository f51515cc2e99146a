import type { Contract } from '../lib/contract.js'
import { oneLine } from '../lib/one-line.js'
import { MAX_HEADER_LENGTH, MAX_PHRASE_LENGTH, toReasonPhrase } from '../lib/reason-phrase.js'
import { isRepresentationMetadata } from '../lib/representation-metadata.js'
import { isUnsuccessful } from '../lib/status-codes.js'
import { valuesOf, type Answer } from './answer.js'

/** One thing that the contract says. */
export interface Rule {
  /** Its name. */
  readonly id: string
  /** What it says. */
  readonly text: string
  /** Where it is said. */
  readonly source: string
}

/** A rule that was broken, and how. */
export interface Violation {
  readonly rule: Rule
  /** What was found in the place of what the rule says. */
  readonly found: string
  /** Which answer of the exchange broke it, from 0; undefined for a rule about the exchange. */
  readonly answer?: number
}

interface AnswerRule extends Rule {
  /** What there is in the place of what the rule says; undefined where the rule is kept. */
  readonly broken: (answer: Answer, contract: Contract) => string | undefined
}

const RESPONSES = 'responses.md'

/** The rules for an unsuccessful answer. */
const UNSUCCESSFUL: readonly AnswerRule[] = [
  {
    id: 'no-body',
    text: 'An unsuccessful response has no body',
    source: RESPONSES,
    broken: ({ body }) => body.length === 0 ? undefined : `a body of ${body.length} bytes`
  },
  {
    id: 'content-length',
    text: 'Content-Length is 0, so that where the response ends is known at once; that to HEAD, and in HTTP/2, can have none',
    source: 'RFC 9110 section 8.6, RFC 9112 section 6.3',
    broken (answer) {
      const lengths = valuesOf(answer, 'content-length')
      const canMiss = answer.method === 'HEAD' || !answer.version?.startsWith('1')
      if (lengths.length === 0) return canMiss ? undefined : 'no Content-Length'
      return lengths.length === 1 && lengths[0] === '0' ? undefined : `Content-Length ${lengths.join(', ')}`
    }
  },
  {
    id: 'no-representation-metadata',
    text: 'There is no body, so no header field describes one or how it is transferred',
    source: `${RESPONSES}, RFC 9110 section 8`,
    broken ({ fields }) {
      const found = fields.map(([name]) => name.toLowerCase()).filter(name => name !== 'content-length' && isRepresentationMetadata(name))
      return found.length === 0 ? undefined : found.join(', ')
    }
  },
  {
    id: 'no-trailers',
    text: 'There is no body, so no trailer section follows one',
    source: `${RESPONSES}, RFC 9110 section 6.5`,
    broken: ({ trailers }) => trailers.length === 0 ? undefined : `a trailer ${trailers[0]![0]}`
  },
  {
    id: 'status-in-table',
    text: 'The status code is of the table, or one that the service adds to it',
    source: RESPONSES,
    broken: ({ statusCode }, { phrases }) => phrases.has(statusCode) ? undefined : `${statusCode}`
  },
  {
    id: 'challenge',
    text: 'A 401 has WWW-Authenticate',
    source: 'RFC 9110 section 15.5.2',
    broken: answer => answer.statusCode !== 401 || valuesOf(answer, 'www-authenticate').some(Boolean) ? undefined : 'none'
  },
  {
    id: 'header',
    text: 'The header has the message, on one line',
    source: RESPONSES,
    broken (answer, { field }) {
      const values = valuesOf(answer, field)
      if (values.length !== 1) return values.length === 0 ? 'no such header' : `${values.length} such lines`
      return values[0] === '' ? 'an empty value' : undefined
    }
  },
  {
    id: 'header-ascii',
    text: 'The message in the header is printable ASCII',
    source: RESPONSES,
    broken: (answer, { field }) => unprintable(valuesOf(answer, field).join(''))
  },
  {
    id: 'header-length',
    text: `The message in the header has at most ${MAX_HEADER_LENGTH} characters`,
    source: RESPONSES,
    broken: (answer, { field }) => tooLong(valuesOf(answer, field), MAX_HEADER_LENGTH)
  },
  {
    id: 'phrase',
    text: 'The reason phrase of HTTP/1.x has the message',
    source: RESPONSES,
    broken: ({ phrase }) => phrase === '' ? 'an empty reason phrase' : undefined
  },
  {
    id: 'phrase-ascii',
    text: 'The reason phrase is printable ASCII',
    source: RESPONSES,
    broken: ({ phrase }) => unprintable(phrase ?? '')
  },
  {
    id: 'phrase-length',
    text: `The reason phrase has at most ${MAX_PHRASE_LENGTH} characters`,
    source: RESPONSES,
    broken: ({ phrase }) => tooLong([phrase ?? ''], MAX_PHRASE_LENGTH)
  },
  {
    id: 'phrase-matches-header',
    text: `The reason phrase is the message in the header, its first ${MAX_PHRASE_LENGTH} characters`,
    source: RESPONSES,
    broken (answer, { field }) {
      const [message] = valuesOf(answer, field)
      const { phrase } = answer
      if (!message || !phrase || phrase.trimEnd() === toReasonPhrase(message).trimEnd()) return undefined
      // A person reads it at a terminal, and the server must not steer that.
      return oneLine(`"${phrase}" and "${message}"`)
    }
  }
]

/** The rules for every other answer. */
const SUCCESSFUL: readonly AnswerRule[] = [
  {
    id: 'success-without-header',
    text: 'Only an unsuccessful response has the header',
    source: RESPONSES,
    broken: (answer, { field }) => valuesOf(answer, field).length === 0 ? undefined : `the header on a ${answer.statusCode}`
  }
]

/** The rules for how answers come, which no answer shows by itself. */
export const EXCHANGE = {
  syntax: {
    id: 'syntax',
    text: 'An answer is a well-formed HTTP message',
    source: 'RFC 9112 sections 2.1 and 4'
  },
  answered: {
    id: 'answered',
    text: 'A well-formed request is answered',
    source: 'RFC 9110 section 3.4'
  },
  oneAnswer: {
    id: 'one-answer',
    text: 'A request has one answer, and nothing comes unasked',
    source: 'RFC 9112 section 9.3'
  },
  closeIsLast: {
    id: 'close-is-last',
    text: 'An answer with Connection: close is the last on its connection',
    source: 'RFC 9112 section 9.6'
  },
  order: {
    id: 'pipelining-order',
    text: 'Answers come in the order of their requests',
    source: 'RFC 9112 section 9.3.2'
  }
} as const satisfies Record<string, Rule>

/** All rules, those for one answer first. */
export const rules: readonly Rule[] = [...UNSUCCESSFUL, ...SUCCESSFUL, ...Object.values(EXCHANGE)]

/** The rule that says that an unsuccessful response has no body. */
export const NO_BODY = UNSUCCESSFUL[0]!

/** The rules that an answer breaks, and those that its 1xx break. */
export function judge (answer: Answer, contract: Contract): Violation[] {
  const violations = answer.interim.flatMap(interim => judge(interim, contract))
  for (const rule of isUnsuccessful(answer.statusCode) ? UNSUCCESSFUL : SUCCESSFUL) {
    const found = rule.broken(answer, contract)
    if (found !== undefined) violations.push({ rule, found })
  }
  return violations
}

function unprintable (text: string): string | undefined {
  for (const character of text) {
    if (character < ' ' || character > '~') return `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
  }
}

function tooLong (values: string[], limit: number): string | undefined {
  const longest = Math.max(0, ...values.map(value => value.length))
  return longest > limit ? `${longest} characters` : undefined
}
