// Describes responses in the words of docs/proxies.md, as rows of its tables.
import { STATUS_CODES } from 'node:http'
import { PROXY_NAMES } from './start.js'

export const COLUMNS = ['status', 'reason phrase', 'header', 'retry-after', 'body', 'content-length', 'contract']

/** Describes, by column, how a response through a proxy differs from the direct response of the service. */
export function compare (direct, proxied) {
  const field = name => describeChange(direct.headers[name], proxied.headers[name])
  return {
    status: describeChange(direct.statusCode, proxied.statusCode),
    'reason phrase': describePhrase(direct, proxied),
    header: field('eb-reason-phrase'),
    'retry-after': field('retry-after'),
    body: describeChange(direct.body, proxied.body),
    'content-length': field('content-length'),
    contract: describeContract(proxied)
  }
}

function describeChange (before, after) {
  if (before === after) return 'kept'
  if (after === undefined || after === '') return 'lost'
  return before === undefined ? `added, ${after}` : `now ${after}`
}

function describePhrase (direct, { phrase, statusCode }) {
  if (phrase === undefined) return 'none in HTTP/2'
  return phrase !== direct.phrase && phrase === STATUS_CODES[statusCode] ? 'the standard one' : describeChange(direct.phrase, phrase)
}

function describeContract ({ violations }) {
  return violations.length === 0 ? 'kept' : `broken: ${violations.join(', ')}`
}

/** Describes an error that a proxy created itself. */
export function describeError (answer) {
  const { statusCode, phrase = '', headers, body } = answer
  const parts = [`${statusCode} ${phrase}`.trim()]
  if (headers['retry-after'] !== undefined) parts.push(`retry after ${headers['retry-after']}`)
  if (body !== '') parts.push('a page')
  return `${parts.join(', ')}; contract ${describeContract(answer)}`
}

/** Describes the result of a raw request: its response, or a string that says how the stream was lost. */
export function describeOutcome (answer, hasBegun) {
  const after = hasBegun ? '; the handler had begun' : ''
  if (answer === undefined) return `closed without an answer${after}`
  if (typeof answer === 'string') return answer + after
  if (answer.statusCode < 400) return `${answer.statusCode}${after}`
  return describeError(answer) + after
}

export function describeRuns (runs) {
  return ['never run', 'run once', 'run twice'][runs] ?? `run ${runs} times`
}

/** Summarizes pairs of an outcome and a method: the most common outcome, and each other outcome with its methods. */
export function summarize (outcomes) {
  const methods = new Map()
  for (const [outcome, method] of outcomes) methods.set(outcome, (methods.get(outcome) ?? new Set()).add(method))
  const [[most], ...others] = [...methods]
  return [most, ...others.map(([outcome, methods]) => `${outcome} for ${[...methods].join(', ')}`)].join('; ')
}

/** Joins rows that are equal except for their last cell. */
export function joinRows (rows) {
  const last = new Map()
  for (const row of rows) {
    const key = JSON.stringify(row.slice(0, -1))
    last.set(key, (last.get(key) ?? new Set()).add(row.at(-1)))
  }
  return Array.from(last, ([key, cells]) => [...JSON.parse(key), [...cells].join(', ')])
}

/** Returns a Markdown table, sorted by proxy. The rows are unsorted, because all proxies are measured at the same time. */
export function table (columns, rows) {
  const line = cells => `| ${cells.join(' | ')} |`
  const sorted = rows.toSorted(([one], [other]) => PROXY_NAMES.indexOf(one) - PROXY_NAMES.indexOf(other))
  return [line(columns), line(columns.map(() => '---')), ...sorted.map(line)].join('\n')
}
