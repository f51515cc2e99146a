import t from 'tap'
import type { Exchange } from '../../conformance/exchange/exchange.js'
import type { HttpResponse } from '../../conformance/exchange/response.js'
import { probes } from '../../conformance/probes/index.js'
import type { Http1Probe } from '../../conformance/probes/probe.js'
import { rules } from '../../conformance/rules.js'
import { runProbe } from '../../conformance/run-probes.js'
import type { Target } from '../../conformance/target.js'
import { findNothingTested, findObstacle, isUntested, UNTESTED_RULE } from '../../conformance/untested.js'
import { Contract } from '../../lib/contract.js'
import { startConformingServer } from '../fixtures/conforming-server.js'

const target = { contract: new Contract(), coverage: { areDeclared: false, allowUnsuccessful: false } } as unknown as Target
const [probe] = probes as Http1Probe[]

/** Returns an exchange with this response. */
const exchange = (response: Partial<HttpResponse>) => ({ responses: [{ fields: [], ...response }] }) as unknown as Exchange

t.test('treats the response to a valid request as an obstacle unless it is 2xx', async t => {
  const describe = (response: Partial<HttpResponse>) => findObstacle({ ...probe!, sends: 'GET /' }, exchange(response), target)
  for (const statusCode of [200, 204, 299]) t.equal(describe({ statusCode }), undefined)
  t.strictSame(describe({ statusCode: 401, phrase: 'No' }), { statusCode: 401, text: 'GET / was answered 401 No' })
  t.strictSame(describe({ statusCode: 401, phrase: 'No', fields: [['EB-Reason-Phrase', 'No token']] }), { statusCode: 401, text: 'GET / was answered 401 No token' })
  t.strictSame(describe({ statusCode: 304, phrase: undefined }), { statusCode: 304, text: 'GET / was answered 304' }, 'over HTTP/2')
  t.strictSame(describe({ statusCode: 500, phrase: 'a\x9b2Jb' }), { statusCode: 500, text: 'GET / was answered 500 a\\u009b2Jb' })
  t.equal(findObstacle(probe!, { responses: [] } as unknown as Exchange, target), undefined, 'a missing response is already a violation')
})

t.test('adds a result of a pseudo-probe to a run that tests nothing', async t => {
  t.equal(findNothingTested([], { ...target, coverage: undefined }), undefined)
  const result = findNothingTested([], target)!
  t.match(result, { probe: { id: 'run' }, violations: [{ rule: { id: 'could-not-be-tested' }, found: /^no probe was sent/ }] })
  t.ok(isUntested(result.violations[0]!))
  t.equal((await runProbe(await startConformingServer(t), result.probe)).exchange.sent.length, 0)
})

t.test('the rule for untested requests is not a rule of the contract', async t => {
  t.notOk(rules.some(rule => rule.id === UNTESTED_RULE.id))
})
