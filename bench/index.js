// npm run bench: what the contract costs, beside what a user would pick instead.
//
//   npm run bench                     everything, for an hour and more; writes results.json and docs/performance.md
//   npm run bench -- --rounds 9       with 9 rounds at most
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

const { values: { quick, rounds: cap }, positionals } = parseArgs({ options: { quick: { type: 'boolean' }, rounds: { type: 'string', default: '40' } }, allowPositionals: true })
const isChosen = id => positionals.length === 0 || positionals.some(start => id.startsWith(start))
// What is left of the work, and whether each measurement has a process of its own.
const how = quick ? { share: 1 / 100, start: sharedServer } : { share: 1, start: startServer }

// Of every server in a round.
const SLICES = 10

const ids = [...works.map(({ id }) => id), 'memory']
for (const start of positionals) {
  if (!ids.some(id => id.startsWith(start))) throw new RangeError(`No id begins with ${start}, there are ${ids.join(', ')}`)
}

const most = Number(cap)
if (!Number.isInteger(most) || most < 1) throw new RangeError(`--rounds must be a number of rounds, not ${cap}`)

const results = { ...environment(), most, works: [], memory: [] }
try {
  for (const { open, ...work } of works.filter(({ id }) => isChosen(id))) {
    const measured = await rounds({ ...work, open: variant => open(variant, how) }, limits(work))
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

function limits ({ headlines = [], slices = SLICES }) {
  if (quick) return { least: 1, most: 1, slices: 1 }
  const least = Math.min(headlines.length > 0 ? 7 : 5, most)
  return { least, most: headlines.length > 0 ? most : least, slices }
}
