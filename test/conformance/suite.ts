import { AssertionError } from 'node:assert'
import t from 'tap'
import { probes } from '../../conformance/probes/index.js'
import { rules } from '../../conformance/rules.js'
import type { ProbeResult } from '../../conformance/run-probes.js'
import { createReporter, type Suite } from '../../conformance/suite.js'
import { UNTESTED_RULE } from '../../conformance/untested.js'

const calls = '    at suite.ts:1:1'

/** Returns the result of a probe with this number of violations. */
function createResult (index: number, violations = 0, skipped?: string): ProbeResult {
  return {
    probe: probes[index]!,
    exchange: { sent: Buffer.from('GET /\r\n'), received: Buffer.from('HTTP/1.1 404 Not Found\r\n'), receivedLength: 24, end: 'closed' },
    violations: Array.from({ length: violations }, (_, i) => ({ rule: rules[i % 2]!, found: `found ${i}` })),
    skipped
  }
}

t.test('throws in a subtest if the context has no fail(), as in node:test', async t => {
  const subtests: Record<string, unknown> = {}
  const comments: string[] = []
  const suite: Suite = {
    test (name, run) {
      try {
        run({ skip (reason: string) { subtests[name] = reason } })
        subtests[name] ??= 'passed'
      } catch (error) {
        subtests[name] = error
      }
    },
    diagnostic (message: string) { comments.push(message) }
  }
  const reporter = createReporter(suite, calls)
  reporter.comment('a comment')
  for (const result of [createResult(0), createResult(1, 0, 'a reason'), createResult(2, 1), createResult(3, 1, 'a reason')]) reporter.report(result)
  reporter.end()
  const [passed, skipped, failed, skippedAndFailed] = Object.values(subtests)
  t.equal(passed, 'passed')
  t.equal(skipped, 'a reason')
  t.type(failed, AssertionError)
  t.equal((failed as Error).message, `${probes[2]!.id}: ${probes[2]!.sends} (${probes[2]!.source})
  no-body: found 0. An unsuccessful response has no body (${rules[0]!.source}).
  sent
    GET /\\r\\n
  received (connection: closed)
    HTTP/1.1 404 Not Found\\r\\n`)
  t.equal((failed as Error).stack, `AssertionError: ${(failed as Error).message}\n${calls}`)
  t.type(skippedAndFailed, AssertionError)
  t.strictSame(comments, ['a comment'])
})

t.test('throws a summary at the end if the context has no subtests, as in vitest', async t => {
  const comments: string[] = []
  const reporter = createReporter({ annotate (message) { comments.push(message) } }, calls)
  for (const result of [createResult(0), createResult(1, 0, 'a reason')]) reporter.report(result)
  reporter.end()
  t.strictSame(comments, [`${probes[1]!.id} was skipped: a reason`])
  for (let i = 2; i < 7; i++) reporter.report(createResult(i, 1))
  t.throws(() => reporter.end(), { name: 'AssertionError', message: /^5 of 7 probes found violations of the contract\n\n/ })
  for (let i = 7; i < 9; i++) reporter.report(createResult(i, 3))
  const blocks = getMessage(() => reporter.end()).split('\n\n')
  t.equal(blocks.length, 7)
  t.equal(blocks[0], '7 of 9 probes found violations of the contract')
  t.match(blocks[5], new RegExp(`^${probes[6]!.id}: `))
  t.equal(blocks[6], `Set the option only: ['${probes[7]!.id}'] to see the requests and responses of one of these:
${probes[7]!.id}: no-body, content-length
${probes[8]!.id}: no-body, content-length`)
})

t.test('the summary distinguishes a service that could not be tested from a service that breaks the contract', async t => {
  const untested = { ...createResult(2), violations: [{ rule: UNTESTED_RULE, found: 'GET / was answered 401 No' }] }
  const summarize = (results: ProbeResult[]): string => {
    const reporter = createReporter({}, calls)
    for (const result of results) reporter.report(result)
    try {
      reporter.end()
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  t.match(summarize([createResult(0), untested]), /^1 of 2 probes could not test the service\n\n[^]*\n {2}could not be tested: GET \/ was answered 401 No\./)
  t.match(summarize([createResult(0, 1), untested]), /^2 of 2 probes found violations of the contract\n\n/)
})

t.test('accepts the context of any other test runner', async t => {
  // In Mocha, this property is an object.
  for (const suite of [{}, { test: {} } as Suite]) {
    const reporter = createReporter(suite, calls)
    reporter.comment('a comment')
    reporter.report(createResult(0, 1))
    t.throws(() => reporter.end(), AssertionError)
  }
})

function getMessage (run: () => void): string {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('Nothing was thrown')
}
