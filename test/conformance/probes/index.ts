import t from 'tap'
import { probes } from '../../../conformance/index.js'

t.test('describes each probe', async t => {
  for (const { id, group, sends, requires, why, source } of probes) {
    t.match(id, /^[a-z][a-z\d]*(?:-[a-z\d]+)+$/)
    t.ok(id.startsWith(`${group}-`), id)
    for (const text of [sends, requires, why]) t.match(text, /^[A-Zghm](?!.*\.$)/, id)
    t.match(source, /^(?:docs\/contract\.md#[a-z-]+|RFC \d{4} (?:section|appendix) [\w.]+)(?:, RFC \d{4} section [\d.]+)?$/, id)
  }
})

t.test('has unique ids', async t => {
  t.equal(new Set(probes.map(({ id }) => id)).size, probes.length)
})

t.test('has at least 15 probes in each group', async t => {
  const count = (group: string): number => probes.filter(probe => probe.group === group).length
  for (const group of ['text', 'routing', 'framing', 'payload', 'connection', 'http2']) t.ok(count(group) >= 15, group)
  t.ok(probes.length >= 60)
})
