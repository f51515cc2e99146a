import { FATES, type Fate } from './fates.js'
import type { Operation } from './operation.js'
import type { Report } from './run.js'

/** The maximum number of violations that are printed. */
const MAX_VIOLATIONS = 10

/** Returns a report as lines: the figures, and the histories of the operations with violations. */
export function formatReport ({ operations, proxy, disruptions, settles, violations, problems }: Report): string[] {
  const figures: Array<[name: string, value: string]> = [
    ['operations', `${operations.length} (${count(operations, ({ kind }) => kind)})`],
    ['attempts', String(operations.reduce((sum, { attempts }) => sum + attempts, 0))],
    ['calls of settle()', `${settles[0]} during the run, ${settles[1]} after it`],
    ['outcomes', count(operations, describeOutcome)],
    ['disruptions', format(Object.entries(disruptions))],
    ...Object.entries(FATES).map(([fate, text]): [string, string] => [`a request ${text}`, String(proxy.counts[fate as Fate])]),
    ['late deliveries', `${proxy.lateDeliveries}, ${proxy.deliveriesAfterOutcome} of them after the outcome was final`],
    ['violations', String(violations.length)]
  ]
  const width = Math.max(...figures.map(([name]) => name.length))
  return [
    ...figures.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...violations.slice(0, MAX_VIOLATIONS).flatMap(({ operation, problem }) => [`violation: ${operation.key}: ${problem}`, ...operation.history.map(line => `  ${line}`)]),
    ...problems.map(problem => `problem: ${problem}`)
  ]
}

function describeOutcome ({ result }: Operation): string {
  if (result?.outcome !== 'rejected') return result?.outcome ?? 'unknown'
  return /was closed/.test(result.reason) ? 'rejected by closing' : 'rejected by the handler'
}

/** Returns the numbers of operations by a property, as text. */
function count (operations: readonly Operation[], property: (operation: Operation) => string): string {
  const counts = new Map<string, number>()
  for (const operation of operations) counts.set(property(operation), (counts.get(property(operation)) ?? 0) + 1)
  return format([...counts])
}

function format (counts: Array<[name: string, count: number]>): string {
  return counts.map(([name, count]) => `${count} ${name}`).join(', ')
}
