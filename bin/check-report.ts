import { describeResult, formatResult, formatViolation, indent } from '../conformance/report.js'
import type { ProbeResult } from '../conformance/run-probes.js'
import { isUntested } from '../conformance/untested.js'

/** Returns the results of a check as text for standard output. */
export type FormatReport = (url: string, protocols: readonly string[], results: readonly ProbeResult[]) => string

/** Returns a table of the groups, the details of each failed probe, and a summary. */
export const formatTable: FormatReport = (url, protocols, results) => {
  const failed = results.filter(({ violations }) => violations.length > 0)
  const rows = [['group', 'probes', 'passed', 'failed'], ...countByGroup(results)]
  const lines = [`${url}: ${protocols.join(', ')}`, '']
  for (const [group, ...numbers] of rows) lines.push(`${group!.padEnd(12)}${numbers.map(number => number.padStart(8)).join('')}`)
  for (const result of failed) lines.push('', formatResult(result))
  const skipped = results.filter(isSkipped)
  if (skipped.length > 0) lines.push('', ...skipped.map(({ probe, skipped }) => `${probe.id} was skipped: ${skipped}`))
  lines.push('', summarize(results), '')
  return lines.join('\n')
}

/** Returns all results as JSON. */
export const formatJson: FormatReport = (url, protocols, results) => JSON.stringify({
  target: url,
  protocols,
  conforms: results.every(({ violations }) => violations.length === 0),
  probes: results.map(result => ({
    id: result.probe.id,
    group: result.probe.group,
    skipped: result.skipped,
    violations: result.violations.map(({ rule, found, responseIndex }) => ({ rule: rule.id, text: rule.text, source: rule.source, found, answer: responseIndex })),
    ...describeResult(result)
  }))
}, null, 2) + '\n'

/** Returns all results as TAP, version 14. */
export const formatTap: FormatReport = (_url, _protocols, results) => {
  const lines = ['TAP version 14', `1..${results.length}`]
  results.forEach((result, i) => {
    const { probe, violations, skipped } = result
    if (violations.length === 0) {
      lines.push(`ok ${i + 1} - ${probe.id}${skipped === undefined ? '' : ` # SKIP ${skipped}`}`)
      return
    }
    // TAP diagnostics are YAML, and JSON is valid YAML.
    const diagnostics = JSON.stringify({ violations: violations.map(formatViolation), ...describeResult(result) }, null, 2)
    lines.push(`not ok ${i + 1} - ${probe.id}`, '  ---', indent(diagnostics, '  '), '  ...')
  })
  return lines.join('\n') + '\n'
}

function summarize (results: readonly ProbeResult[]): string {
  const violating = results.filter(({ violations }) => violations.some(violation => !isUntested(violation)))
  if (violating.length > 0) return `The server does not conform: ${violating.length} of ${results.length} probes found violations.`
  const untested = results.filter(({ violations }) => violations.length > 0)
  if (untested.length === 0) return `The server conforms: ${results.length - results.filter(isSkipped).length} probes passed.`
  return `The server could not be tested: see ${untested.map(({ probe }) => probe.id).join(', ')}.
--key and --header send credentials. --allow-unsuccessful accepts any response
to the requests that you declare.`
}

function isSkipped ({ skipped, violations }: ProbeResult): boolean {
  return skipped !== undefined && violations.length === 0
}

function countByGroup (results: readonly ProbeResult[]): string[][] {
  return [...new Set(results.map(({ probe }) => probe.group))].map(group => {
    const ofGroup = results.filter(({ probe }) => probe.group === group)
    const failed = ofGroup.filter(({ violations }) => violations.length > 0)
    return [group, ...[ofGroup.length, ofGroup.length - failed.length - ofGroup.filter(isSkipped).length, failed.length].map(String)]
  })
}
