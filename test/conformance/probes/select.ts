import t from 'tap'
import { probes } from '../../../conformance/probes/index.js'
import { selectProbes, type Selection } from '../../../conformance/probes/select.js'
import type { Target } from '../../../conformance/target.js'

const target = { requests: [{ url: '/' }] } as unknown as Target
const select = (selection: Selection, protocols: Array<'http/1.1' | 'h2'> = ['http/1.1']): string[] => selectProbes(target, protocols, [], selection).map(({ id }) => id)

t.test('selects the probes of the supported protocols', async t => {
  t.ok(select({}).includes('text-root'))
  t.ok(select({}).includes('requests-1'))
  t.notOk(select({}).some(id => id.startsWith('http2-')))
  t.ok(select({}, ['h2']).every(id => id.startsWith('http2-')))
  t.strictSame(select({}, []), [])
  t.ok(select({}, ['h2']).includes('http2-requests-1'), 'sends the known requests over HTTP/2 if there is no HTTP/1.1')
  t.notOk(select({}, ['http/1.1', 'h2']).includes('http2-requests-1'))
  t.strictSame(select({ only: ['http2-requests'] }), [], 'the name is valid for any server')
})

t.test('selects by id and by the start of an id', async t => {
  t.strictSame(select({ only: ['text-root'] }), ['text-root', 'text-root-head'])
  t.strictSame(select({ only: ['text-root'], skip: ['text-root-head'] }), ['text-root'])
  t.strictSame(select({ only: ['text-root-head'] }), ['text-root-head'])
})

t.test('selects slow probes only with the option slow', async t => {
  const slow = probes.filter(probe => probe.slow).map(({ id }) => id)
  t.ok(slow.length > 0)
  t.notOk(select({}).some(id => slow.includes(id)))
  t.ok(slow.every(id => select({ slow: true }).includes(id)))
})

t.test('throws for a name that matches no probe', async t => {
  for (const name of ['nothing', 'text-', 'text-roo']) {
    const message = `fastify-reason-phrase: no probe has the id "${name}", or an id that starts with "${name}-"`
    t.throws(() => select({ only: [name] }), { name: 'TypeError', message })
    t.throws(() => select({ skip: [name] }), { name: 'TypeError', message })
  }
})
