import t from 'tap'
import { formatDuration, parseDuration, type Unit } from '../../bin/duration.js'

t.test('parses a number with a unit', async t => {
  for (const [text, milliseconds] of [['500ms', 500], ['60s', 60_000], ['2m', 120_000], ['1h', 3_600_000], ['1.5m', 90_000], ['0.25s', 250], ['0s', 0]] as const) {
    for (const unit of ['ms', 's'] as const) t.equal(parseDuration(text, unit), milliseconds, text)
  }
})

t.test('uses the given unit for a number without a unit', async t => {
  const expected: Array<[unit: Unit, milliseconds: number]> = [['ms', 60], ['s', 60_000], ['m', 3_600_000]]
  for (const [unit, milliseconds] of expected) t.equal(parseDuration('60', unit), milliseconds)
})

t.test('returns NaN for malformed durations', async t => {
  for (const text of ['', 's', '-1s', '+1s', '1 s', ' 1s', '1s ', '1S', '1d', '1e3', '.5s', '1.s', '1m30s', 'Infinity', '0x10', '1s\n']) t.same(parseDuration(text, 's'), NaN, JSON.stringify(text))
})

t.test('formats durations below one second in milliseconds, and others in seconds', async t => {
  const expected: Array<[milliseconds: number, text: string]> = [[0, '0 ms'], [0.4, '0 ms'], [412.6, '413 ms'], [1000, '1.0 s'], [1249, '1.2 s'], [60_000, '60.0 s']]
  for (const [milliseconds, text] of expected) t.equal(formatDuration(milliseconds), text)
})
