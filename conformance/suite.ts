import { AssertionError } from 'node:assert'
import { describeResult, formatResult, formatViolation } from './report.js'
import type { ProbeResult } from './run-probes.js'
import { isUntested } from './untested.js'

/**
 * The members of a test context that the kit uses: the `t` of tap, node:test or vitest. The kit imports none of these libraries.
 * In tap and node:test, each probe is a subtest. Without subtests, as in vitest, the test itself fails.
 */
export interface Suite {
  test? (name: string, run: (t: any) => void): unknown
  pass? (message: string, extra: any): unknown
  fail? (message: string, extra: any): unknown
  skip? (reason: any): unknown
  comment? (message: string): unknown
  /** A method in node:test, and a property in tap. */
  diagnostic?: unknown
  annotate? (message: string): unknown
}

/** Reports the results of the probes to a test runner. */
export interface Reporter {
  /** Adds a line to the output of the test runner. */
  comment (message: string): unknown
  report (result: ProbeResult): unknown
  /**
   * Ends the report.
   *
   * @throws {AssertionError} if probes found violations that were not reported by a subtest
   */
  end (): void
}

// With the details of more probes, a developer would not find the first ones in the output.
const MAX_DETAILED_RESULTS = 5

/**
 * Returns the reporter for a test context.
 *
 * @param calls the stack trace of the call of `conformance()`, which is shown with a failure
 */
export function createReporter (t: Suite, calls: string): Reporter {
  const comment = (message: string): unknown => [t.comment, t.diagnostic, t.annotate].find(method => typeof method === 'function')?.call(t, message)
  // In Mocha, `test` of the context is an object and not a function.
  if (typeof t.test !== 'function') return createSummary(comment, calls)
  return {
    comment,
    // Return the promise, because node:test cancels subtests that are not awaited.
    report: result => t.test!(result.probe.id, subtest => { reportToSubtest(subtest, result, calls) }),
    end () {}
  }
}

function reportToSubtest (t: Suite, result: ProbeResult, calls: string): void {
  const { probe, violations, skipped } = result
  if (t.pass !== undefined && t.fail !== undefined) {
    if (violations.length === 0) t.pass(probe.requires, { skip: skipped })
    for (const violation of violations) {
      // Hide the stack trace, because it would only show this module.
      t.fail(formatViolation(violation), { ...describeResult(result), stack: '', at: null })
    }
    (t as { end?: () => void }).end?.()
  } else if (violations.length > 0) {
    throw createError(formatResult(result), calls)
  } else if (skipped !== undefined) {
    t.skip?.(skipped)
  }
}

function createSummary (comment: Reporter['comment'], calls: string): Reporter {
  let count = 0
  const failed: ProbeResult[] = []
  return {
    comment,
    report (result) {
      count++
      if (result.violations.length > 0) failed.push(result)
      else if (result.skipped !== undefined) return comment(`${result.probe.id} was skipped: ${result.skipped}`)
    },
    end () {
      if (failed.length > 0) throw createError(formatSummary(failed, count), calls)
    }
  }
}

function formatSummary (failed: readonly ProbeResult[], count: number): string {
  const isBroken = failed.some(({ violations }) => violations.some(violation => !isUntested(violation)))
  const blocks = [`${failed.length} of ${count} probes ${isBroken ? 'found violations of the contract' : 'could not test the service'}`, ...failed.slice(0, MAX_DETAILED_RESULTS).map(formatResult)]
  const others = failed.slice(MAX_DETAILED_RESULTS)
  if (others.length > 0) {
    const lines = others.map(({ probe, violations }) => `${probe.id}: ${[...new Set(violations.map(({ rule }) => rule.id))].join(', ')}`)
    blocks.push(`Set the option only: ['${others[0]!.probe.id}'] to see the requests and responses of one of these:\n${lines.join('\n')}`)
  }
  return blocks.join('\n\n')
}

function createError (message: string, calls: string): AssertionError {
  const error = new AssertionError({ message, operator: 'conformance' })
  error.stack = `${error.name}: ${message}\n${calls}`
  return error
}
