import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createIdempotencyProbes } from '../../conformance/probes/idempotency.js'
import { probes } from '../../conformance/probes/index.js'
import { createRequestProbes } from '../../conformance/probes/requests.js'
import { rules } from '../../conformance/rules.js'
import { MAX_HEADER_LENGTH, MAX_PHRASE_LENGTH } from '../../lib/reason-phrase.js'
import { STATUS_CODES } from '../../lib/status-codes.js'
import { anchorsOf } from '../fixtures/markdown.js'

const root = join(import.meta.dirname, '..', '..')
const read = (page: string) => readFileSync(join(root, page), 'utf8')
const page = read('docs/contract.md')

/** All rules, and all probes except the ones that are derived from routes. */
const cited = [
  ...rules,
  ...probes,
  ...createRequestProbes([{ url: '/' }, { method: 'POST', url: '/', body: {} }]),
  ...createIdempotencyProbes({ idempotent: [{ method: 'POST', url: '/' }] }, 'http/1.1')
]

const SPECIFICATION = /^(?:RFC \d+|draft-[\w-]+) (?:sections?|appendix) [\w.]+(?: and [\d.]+)?$/

t.test('each rule and each probe cites a section that exists', async t => {
  for (const { id, source } of cited) {
    for (const citation of source.split(', ')) {
      if (SPECIFICATION.test(citation)) continue
      const [path, anchor] = citation.split('#') as [string, string]
      t.ok(anchorsOf(read(path)).has(anchor), `${id} cites ${citation}`)
    }
  }
})

t.test('docs/contract.md has the table of status codes', async t => {
  const rows = Array.from(page.matchAll(/^\| (\d{3}) ([^|]+) \| ([^|]+) \|$/gm), ([, code, phrase, meaning]) => ({ code, phrase, meaning }))
  t.strictSame(rows, Object.entries(STATUS_CODES).map(([code, { phrase, meaning }]) => ({ code, phrase, meaning })))
})

t.test('docs/contract.md states the limits of a message', async t => {
  t.match(page, new RegExp(`^\\| the header field \\|.*\\| ${MAX_HEADER_LENGTH} \\|$`, 'm'))
  t.match(page, new RegExp(`^\\| the reason phrase of HTTP/1.x \\|.*\\| ${MAX_PHRASE_LENGTH} \\|$`, 'm'))
})
