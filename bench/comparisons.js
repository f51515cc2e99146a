import { parseArgs } from 'node:util'
import { end } from './processes.js'
import { asText } from './report.js'
import { rounds } from './rounds.js'
import { CLASS, FLOOR, FULL, HOOKS, STOCK } from './variants.js'

// Works whose difference is small, and worth to be looked at in parts.
const COMPARISONS = [
  { id: 'success-100b', title: '200 with a schema, 100 bytes', path: '/small', status: 200, variants: [STOCK, HOOKS, CLASS, FULL] },
  { id: 'error-422', title: 'An error by reply decorator, 422', path: '/refused', status: 422, variants: [FLOOR, FULL] },
  { id: 'thrown-422', title: 'A thrown error, 422', path: '/thrown', status: 422, variants: [STOCK, HOOKS, FULL] }
]

/**
 * Measures them in rounds, and prints each. Of the command line, the first is
 * how the ids of those to measure begin, and the second the number of rounds.
 *
 * @param open `open(work, variant)` resolves with `{ measure, end }`
 * @throws {RangeError} where no id begins so, or the number is none
 */
export async function compare ({ unit, slices, open }) {
  const { positionals: [start = '', count = '7'] } = parseArgs({ allowPositionals: true })
  const works = COMPARISONS.filter(({ id }) => id.startsWith(start))
  if (works.length === 0) throw new RangeError(`No id begins with ${start}, there are ${COMPARISONS.map(({ id }) => id).join(', ')}`)
  const most = Number(count)
  if (!Number.isInteger(most) || most < 1) throw new RangeError(`The second argument must be a number of rounds, not ${count}`)

  try {
    for (const work of works) {
      const measured = await rounds({ ...work, baseline: work.variants[0], open: variant => open(work, variant) }, { least: most, most, slices })
      console.log(asText({ ...work, unit, ...measured }))
    }
  } finally {
    await end()
  }
}
