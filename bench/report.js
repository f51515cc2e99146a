import { readFileSync, writeFileSync } from 'node:fs'
import { spans } from './statistics.js'

const DOCUMENT = new URL('../docs/performance.md', import.meta.url)

/** A result as lines for a terminal. */
export function asText ({ memory, title, variants, headlines, unit }) {
  if (memory !== undefined) return ['\nMemory', ...table(memoryRows(memory))].join('\n')
  return [
    `\n${title}, ${unit}`,
    ...table(variantRows(variants)),
    // One round shows that it works, and measures nothing.
    ...(variants[0].rounds > 1 ? headlines : []).map(headline => `  ${sentence(headline)}`)
  ].join('\n')
}

/** Puts the results in the place of the earlier ones in docs/performance.md. */
export function writeDocument (results) {
  const document = readFileSync(DOCUMENT, 'utf8')
  const [before, after] = [document.split('<!-- results -->')[0], document.split('<!-- /results -->')[1]]
  writeFileSync(DOCUMENT, `${before}<!-- results -->\n${asMarkdown(results)}\n<!-- /results -->${after}`)
}

function asMarkdown ({ date, machine, versions, most, works, memory }) {
  const headlines = works.flatMap(({ title, headlines }) => headlines.map(headline => ({ title, ...headline })))
  return [
    `Measured on ${date}: ${machine.cpu}, ${machine.cores} cores${machine.pinned ? ', one for the server and one for the load' : ''}, ` +
    `${Math.round(machine.memory / 2 ** 30)} GiB, ${machine.os}; ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}; ${most} rounds at most.`,
    '## The ratios that count',
    markdown([
      ['work', 'CPU of', 'to that of', 'ratio', '95 % interval', 'at most', ''],
      ...headlines.map(({ title, of, to, most, median, low, high, settled }) => [title, of, to, median.toFixed(3), `${low.toFixed(3)} to ${high.toFixed(3)}`, most, verdict({ median, low, high, most, settled })])
    ]),
    ...works.map(({ title, unit, variants }) => `## ${title}\n\nIn ${unit}.\n\n${markdown(variantRows(variants))}`),
    '## Memory',
    markdown(memoryRows(memory))
  ].join('\n\n')
}

function variantRows (variants) {
  const { name: _name, rounds: _rounds, cpu: _cpu, throughput, p99: _p99, ratio, ...parts } = variants[0]
  return [
    ['', 'rounds', 'CPU', ...Object.keys(parts), ...(throughput === undefined ? [] : ['a second', 'p99, ms']), ...(ratio === undefined ? [] : ['ratio', '95 % interval'])],
    ...variants.map(({ name, rounds, cpu, throughput, p99, ratio, ...parts }) => [
      name,
      rounds,
      cpu < 1000 ? cpu.toFixed(1) : cpu.toFixed(0),
      ...Object.values(parts).map(part => part.toFixed(2)),
      ...(throughput === undefined ? [] : [throughput.toFixed(0), p99]),
      ...(ratio === undefined ? [] : [ratio.median.toFixed(3), `${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)}`])
    ])
  ]
}

function memoryRows (points) {
  return [
    ['errors', 'RSS, MB', 'heap used, MB'],
    ...points.map(({ errors, rss, heapUsed }) => [errors.toFixed(0), (rss / 1e6).toFixed(1), (heapUsed / 1e6).toFixed(2)])
  ]
}

function sentence ({ of, to, most, median, low, high, settled }) {
  return `${of} to ${to}: ${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}), at most ${most}: ${verdict({ median, low, high, most, settled })}`
}

function verdict ({ median, low, high, most, settled }) {
  return `${median <= most ? 'reached' : 'not reached'}${spans({ low, high }, most) ? ' by the median' : ''}${settled ? '' : '; the interval is wider than 3 %'}`
}

function table (rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map(row => String(row[i]).length)))
  return rows.map(row => `  ${row.map((cell, i) => i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i])).join('  ')}`)
}

function markdown ([head, ...rows]) {
  const line = cells => `| ${cells.join(' | ')} |`
  return [line(head), `|---|${'---:|'.repeat(head.length - 1)}`, ...rows.map(line)].join('\n')
}
