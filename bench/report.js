// The figures as tables in Markdown, for docs/performance.md.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'

const COMPARED = ['fastify', '@fastify/sensible', 'fastify-http-errors-enhanced', 'express']

/** Returns a line about the day, the machine, and the versions. */
export function environment () {
  const versions = COMPARED.map(name => `${name} ${versionOf(name)}`).join(', ')
  const machine = `${cpus()[0].model}, ${availableParallelism()} cores`
  return `Measured on ${new Date().toISOString().slice(0, 10)}: ${machine}; node ${process.versions.node}, ${versions}.`
}

/** Returns the CPU time of all servers and works of a section, with the targets of the works. */
export function sectionTable ({ id, title, unit, servers }, works, launches) {
  const cpu = (server, { id, targets = {} }) => {
    const values = launches.map(figures => figures[server][id])
    const target = verdict(targets[server], median(values))
    return `${cell(values, digitsOf)}${target && `, ${target}`}`
  }
  const rows = servers.map(server => [server, ...works.map(work => cpu(server, work))])
  return [
    `## ${title}`,
    `\`npm run bench -- ${id}\`: ${unit}; median of ${launches.length} launches, least to most.`,
    tableOf(['server', ...works.map(({ title }) => title)], rows)
  ].join('\n\n')
}

/** Returns the table of the ratios of all sections, with their targets. The id is the argument of `npm run bench`. */
export function ratioTable (measured) {
  return '## Ratios\n\n' + tableOf(
    ['id', 'work', 'CPU of', 'to that of', 'ratio', 'target'],
    measured.flatMap(({ section, works, launches }) => {
      const titles = new Map(works.map(({ id, title }) => [id, title]))
      return section.ratios.filter(({ work, toWork = work }) => titles.has(work) && titles.has(toWork)).map(ratio => [
        `\`${ratio.work}\``,
        titles.get(ratio.work),
        ratio.of,
        ratio.toWork === undefined ? ratio.to : `${ratio.to}, ${titles.get(ratio.toWork)}`,
        cell(ratios(launches, ratio), () => 3),
        verdict(ratio.target, median(ratios(launches, ratio)))
      ])
    }))
}

/** Returns the ratio of each launch. Both servers of a launch ran while the machine was in the same state. */
function ratios (launches, { work, toWork = work, of, to }) {
  return launches.map(figures => figures[of][work] / figures[to][toWork])
}

function verdict (target, value) {
  if (target === undefined) return ''
  // As the table shows a ratio.
  return `≤ ${target}: ${Number(value.toFixed(3)) <= target ? 'reached' : 'missed'}`
}

function cell (values, digits) {
  if (values.some(value => !(value >= 0))) return ''
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map(value => value.toFixed(digits(value)))
  return `${middle} (${least} to ${most})`
}

function median (values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function digitsOf (value) {
  return value < 100 ? 1 : 0
}

function tableOf (head, rows) {
  const line = cells => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}

// Some packages do not export their package.json.
function versionOf (name) {
  return JSON.parse(readFileSync(new URL(`../node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
}
