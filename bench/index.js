// npm run bench: what the contract costs, beside what a user would pick instead.
//
//   npm run bench                     everything, for some twenty minutes; writes results.json and docs/performance.md
//   npm run bench -- --quick          everything once, in less than a minute; writes nothing
//   npm run bench -- error success    works whose ids begin so; writes nothing
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { environment } from './environment.js'
import { memory } from './memory.js'
import { end, sharedServer, startServer } from './processes.js'
import { asText, writeDocument } from './report.js'
import { rounds } from './rounds.js'
import { works } from './works.js'

const { values: { quick }, positionals } = parseArgs({ options: { quick: { type: 'boolean' } }, allowPositionals: true })
const isChosen = id => positionals.length === 0 || positionals.some(start => id.startsWith(start))
// What is left of the work, and whether each measurement has a process of its own.
const how = quick ? { share: 1 / 50, start: sharedServer } : { share: 1, start: startServer }

const results = { ...environment(), works: [], memory: [] }
try {
  for (const { sample, ...work } of works.filter(({ id }) => isChosen(id))) {
    const measured = await rounds({ ...work, sample: variant => sample(variant, how) }, limits(work))
    const result = { id: work.id, title: work.title, unit: work.unit, baseline: work.baseline, ...measured }
    results.works.push(result)
    console.log(asText(result))
  }
  if (isChosen('memory')) {
    results.memory = await memory(1e6 * how.share)
    console.log(asText({ memory: results.memory }))
  }
} finally {
  await end()
}

if (!quick && positionals.length === 0) {
  writeFileSync(new URL('results.json', import.meta.url), `${JSON.stringify(results, null, 2)}\n`)
  writeDocument(results)
}

function limits ({ headlines = [] }) {
  if (quick) return { least: 1, most: 1 }
  return headlines.length > 0 ? { least: 7, most: 15 } : { least: 5, most: 5 }
}
