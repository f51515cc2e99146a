// Some packages of the benchmark do not support Node 20. They are in bench/package.json, so that `npm install` in the
// repository does not warn about them.
//
// npm run bench                 measures everything, in up to 15 minutes on two cores
// npm run bench -- signed       measures the works whose ids begin with "signed"
// npm run bench -- --quick      runs everything once, to check that the benchmark works
import { parseArgs } from 'node:util'
import { environment, ratioTable, sectionTable } from './report.js'
import { sections } from './sections.js'

const { values: { quick }, positionals } = parseArgs({ options: { quick: { type: 'boolean' } }, allowPositionals: true })
const ids = sections.flatMap(({ works }) => works.map(({ id }) => id))
for (const start of positionals) {
  if (ids.some(id => id.startsWith(start))) continue
  throw new RangeError(`No work has an id that begins with "${start}". The ids are ${ids.join(', ')}`)
}

console.log(`${quick ? 'With --quick, the figures mean nothing.' : environment()}\n`)
const measured = []
for (const section of sections) {
  const works = section.works.filter(({ id }) => positionals.length === 0 || positionals.some(start => id.startsWith(start)))
  if (works.length === 0) continue
  const launches = []
  for (let i = 0; i < (quick ? 1 : section.launches); i++) launches.push(await section.launch(section, works, quick))
  measured.push({ section, works, launches })
  console.log(`${sectionTable(section, works, launches)}\n`)
}
console.log(ratioTable(measured))
