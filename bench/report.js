// Formats the figures as Markdown tables, for docs/performance.md.
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'

const COMPARED = ['fastify', '@fastify/sensible', 'fastify-http-errors-enhanced', 'express']

/** Returns a line with the date, the machine and the versions. */
export function environment () {
  const versions = COMPARED.map(name => `${name} ${versionOf(name)}`).join(', ')
  const machine = `${cpus()[0].model}, ${availableParallelism()} cores`
  return `Measured on ${new Date().toISOString().slice(0, 10)}: ${machine}; node ${process.versions.node}, ${versions}.`
}

// The measured quantities. The targets of CPU times are upper limits. The targets of rates are lower limits.
const MEASURES = {
  cpu: { name: 'CPU', sign: '≤', isReached: (value, target) => value <= target },
  rate: { name: 'Requests a second', sign: '≥', isReached: (value, target) => value >= target }
}

/**
 * Returns a table with the CPU time of all servers and works of a section, and with the targets of the works. Adds a table
 * with the rates of the works that have one.
 */
export function sectionTable ({ id, title, unit, servers }, works, launches) {
  const cpu = (server, { id, targets = {} }) => {
    const values = launches.map(({ cpu }) => cpu[server][id])
    const target = verdict('cpu', targets[server], median(values))
    return `${cell(values, digitsOf)}${target && `, ${target}`}`
  }
  const rate = (server, { id }) => cell(launches.map(({ rate }) => rate[server][id]), digitsOf)
  const tableOfWorks = (works, figure) => tableOf(
    ['server', ...works.map(({ title }) => title)],
    servers.map(server => [server, ...works.map(work => figure(server, work))]).filter(([, ...figures]) => figures.some(Boolean)))
  const rated = works.filter(({ hasRate }) => hasRate)
  return [
    `## ${title}`,
    `\`npm run bench -- ${id}\`: ${unit}; median of ${launches.length} launches, least to most.`,
    tableOfWorks(works, cpu),
    ...(rated.length > 0 ? [`${MEASURES.rate.name}:`, tableOfWorks(rated, rate)] : [])
  ].join('\n\n')
}

/** Returns the table of the ratios of all sections, with their targets. The id is the argument of `npm run bench`. */
export function ratioTable (measured) {
  return '## Ratios\n\n' + tableOf(
    ['id', 'work', 'figure', 'of', 'to that of', 'ratio', 'target'],
    measured.flatMap(({ section, works, launches }) => {
      const titles = new Map(works.map(({ id, title }) => [id, title]))
      // Without PostgreSQL or Redis, some servers are missing.
      const isMeasured = ({ work, toWork = work, of, to }) => [work, toWork].every(id => titles.has(id)) && [of, to].every(name => section.servers.includes(name))
      return section.ratios.filter(isMeasured).map(({ measure = 'cpu', work, toWork = work, of, to, target }) => {
        // Each ratio compares servers of the same launch, because they ran while the machine was in the same state.
        const ratios = launches.map(({ [measure]: figures }) => figures[of][work] / figures[to][toWork])
        return [
          `\`${work}\``,
          titles.get(work),
          MEASURES[measure].name,
          of,
          toWork === work ? to : `${to}, ${titles.get(toWork)}`,
          cell(ratios, () => 3),
          verdict(measure, target, median(ratios))
        ]
      })
    }))
}

function verdict (measure, target, value) {
  if (target === undefined) return ''
  const { sign, isReached } = MEASURES[measure]
  // Compares the rounded value, because the table shows that.
  return `${sign} ${target}: ${isReached(Number(value.toFixed(3)), target) ? 'reached' : 'missed'}`
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

// The file is read, because some packages do not export their package.json.
function versionOf (name) {
  const file = ['node_modules', '../node_modules'].map(folder => new URL(`${folder}/${name}/package.json`, import.meta.url)).find(existsSync)
  return JSON.parse(readFileSync(file, 'utf8')).version
}
