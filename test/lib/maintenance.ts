import t from 'tap'
import { getEndMs, getRetryAfterSeconds, OFF, parseState, startMaintenance, type MaintenanceOn } from '../../lib/maintenance.js'

const NOW = Date.parse('2025-08-19T09:30:00.000Z')
const since = '2025-08-19T09:30:00.000Z'
const later = '2025-08-19T10:00:00.000Z'

t.beforeEach(t => { t.context.clock = t.intercept(Date, 'now', { value: () => NOW }) })

t.test('OFF is a frozen state without maintenance', async t => {
  t.strictSame(OFF, { enabled: false })
  t.ok(Object.isFrozen(OFF))
})

t.test('startMaintenance() returns a frozen state with the options and the defaults', async t => {
  const message = 'Temporarily offline for maintenance'
  for (const state of [startMaintenance(), startMaintenance({}), startMaintenance({ message: undefined, until: undefined, retryAfter: undefined })]) {
    t.strictSame({ ...state, since }, { enabled: true, message, since, retryAfter: 60 })
    t.match(state.since, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    t.ok(Object.isFrozen(state))
  }
  t.match(startMaintenance({ message: 'Back soon', retryAfter: 0.2 }), { message: 'Back soon', retryAfter: 1, until: undefined })
  for (const until of [new Date(later), later, '2025-08-19T12:00:00+02:00', '2025-08-19T10:00z']) {
    const state = startMaintenance({ until })
    t.equal(state.until, later)
    t.notOk('retryAfter' in state)
  }
})

t.test('startMaintenance() throws a TypeError for invalid options', async t => {
  const wrong: Array<[unknown, RegExp]> = [
    [null, /options must be an object, such as \{ message, until \}, not null$/],
    ['now', /options must be an object.*, not 'now'$/],
    [{ until: later, for: 5 }, /unknown option "for" of maintenance\.enter\(\)\. The options are message, until and retryAfter$/],
    [{ until: later, retryAfter: 5 }, /takes until or retryAfter, not both\. Remove one of them$/],
    [{ until: new Date(NOW) }, /option until must be in the future, not 2025-08-19T09:30:00\.000Z$/],
    ...[new Date(NaN), 'tomorrow', '2025-08-19', '2025-08-19T10:00:00', '2025-99-19T10:00:00Z', '2026-02-29T10:00:00Z', NOW + 1000, null].map(
      (until): [unknown, RegExp] => [{ until }, /option until must be a valid Date, or a date-time with its time zone, not /]
    ),
    ...[0, -1, NaN, Infinity, 1e21, '5', null].map((retryAfter): [unknown, RegExp] => [{ retryAfter }, /option retryAfter must be a positive number of seconds, not /]),
    ...['', ' ', 5, null].map((message): [unknown, RegExp] => [{ message }, /option message must be a string that is not blank, not /])
  ]
  for (const [start, message] of wrong) {
    t.throws(() => startMaintenance(start as object), { name: 'TypeError', message: /^fastify-reason-phrase: (?:maintenance |unknown option "for" of maintenance)/ })
    t.throws(() => startMaintenance(start as object), { message })
  }
})

t.test('parseState() returns a complete state, and throws a TypeError for anything else', async t => {
  const state: MaintenanceOn = { enabled: true, message: 'a', since, retryAfter: 5 }
  t.equal(parseState({ enabled: false }), OFF)
  t.strictSame(parseState(state), state)
  t.ok(Object.isFrozen(parseState(state)))
  t.strictSame(parseState({ ...state, until: later }), { enabled: true, message: 'a', since, until: later })
  t.strictSame(parseState({ ...state, retryAfter: undefined }), { ...state, retryAfter: 60 })
  t.match(parseState({ ...state, until: since }), { until: since }, 'the maintenance may have ended')
  const wrong: Array<[unknown, RegExp]> = [
    ...[undefined, null, 'on', '', 1, true, () => state, [], Object.assign([], state)].map((kept): [unknown, RegExp] => [kept, /state must be .*, not '(undefined|null|string|number|boolean|function|array)'$/]),
    ...[{}, { enabled: 'yes' }, { enabled: 'false' }, { enabled: 1 }, { ...state, enabled: undefined }, Promise.resolve(state), new Map([['enabled', true]])].map(
      (kept): [unknown, RegExp] => [kept, /option enabled must be true or false, not /]
    ),
    ...[undefined, null, '', ' ', 5, ['a'], { text: 'a' }].map((message): [unknown, RegExp] => [{ ...state, message }, /option message must be /]),
    ...[undefined, null, 'then', 5, new Date(NaN)].map((since): [unknown, RegExp] => [{ ...state, since }, /option since must be /]),
    ...[null, 5, 'soon', '2025-08-19', '2025-02-30T10:00:00Z', '2025-08-19T25:00:00Z', `${later} `, [later]].map((until): [unknown, RegExp] => [{ ...state, until }, /option until must be /]),
    ...[null, -1, 0, '5', 1e21, [5]].map((retryAfter): [unknown, RegExp] => [{ ...state, retryAfter }, /option retryAfter must be /]),
    [{ ...state, until: later, retryAfter: 'soon' }, /option retryAfter must be /]
  ]
  for (const [kept, message] of wrong) {
    t.throws(() => parseState(kept), { name: 'TypeError', message: /^fastify-reason-phrase: (?:maintenance |unknown option "for" of maintenance)/ })
    t.throws(() => parseState(kept), { message })
  }
  t.throws(() => parseState({ get enabled () { throw new Error('no') } }), { message: 'no' })
  t.notMatch(String(t.throws(() => parseState('a secret'))), /secret/)
  const last = startMaintenance({ until: new Date(8.64e15) })
  t.strictSame(parseState(JSON.parse(JSON.stringify(last))), last)
})

t.test('getEndMs() and getRetryAfterSeconds() return the end and the value of Retry-After', async t => {
  const state: MaintenanceOn = { enabled: true, message: 'a', since }
  t.equal(getEndMs(state), Infinity)
  t.equal(getEndMs({ ...state, until: later }), NOW + 30 * 60_000)
  t.equal(getRetryAfterSeconds({ ...state, retryAfter: 7 }), 7)
  t.equal(getRetryAfterSeconds({ ...state, until: later }), 1800)
  t.equal(getRetryAfterSeconds({ ...state, until: '2025-08-19T09:30:01.001Z' }), 2)
  t.equal(getRetryAfterSeconds({ ...state, until: '2025-08-19T09:30:00.001Z' }), 1)
  t.equal(getRetryAfterSeconds({ ...state, until: since }), 1)
})
