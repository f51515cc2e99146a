import t from 'tap'
import { Fields } from '../../../lib/signature/fields.js'

t.test('joins the lines of a field', async t => {
  const fields = new Fields(['Host', 'a', 'X-A', ' 1\t', 'Cookie', 'a=1', 'x-a', '2', 'X-Empty', ' \t ', 'cookie', 'b=2', 'x-b', '\u00a0'])
  t.strictSame(fields.lines('x-a'), ['1', '2'])
  t.equal(fields.value('x-a'), '1, 2')
  t.equal(fields.value('cookie'), 'a=1; b=2', 'HTTP/2 can split a cookie')
  t.equal(fields.value('x-empty'), '')
  t.equal(fields.value('x-b'), '\u00a0', 'only spaces and tabs are removed')
  t.equal(fields.value('x-none'), undefined)
  t.strictSame(fields.lines('x-none'), [])
  t.equal(fields.value('__proto__'), undefined)
})

t.test('takes linear time for whitespace in the middle of a value', async t => {
  const value = `a${' '.repeat(500_000)}b`
  t.equal(new Fields(['x', value]).value('x'), value)
})

t.test('parses a field once', async t => {
  const fields = new Fields(['x-a', 'a=1', 'x-a', 'b=2', 'x-b', '('])
  const dictionary = fields.dictionary('x-a')
  t.strictSame([...dictionary!.keys()], ['a', 'b'])
  t.equal(fields.dictionary('x-a'), dictionary)
  t.equal(fields.dictionary('x-b'), undefined, 'malformed')
  t.equal(fields.dictionary('x-c'), undefined, 'absent')
})

t.test('reads each line once', async t => {
  let reads = 0
  const lines = Array.from({ length: 2000 }, (_, i) => ['x-a', String(i)]).flat()
  const counted = new Proxy(lines, { get: (target, key) => { if (/^\d+$/.test(String(key))) reads++; return Reflect.get(target, key) } })
  const fields = new Fields(counted)
  for (let i = 0; i < 50; i++) {
    fields.value(`x-${i}`)
    fields.dictionary('x-a')
  }
  t.equal(reads, lines.length)
})

t.test('parses at most 128 members, items and parameters of Signature-Input and of Signature', async t => {
  const members = (count: number): string => Array.from({ length: count }, (_, i) => `a${i}=1`).join()
  for (const name of ['signature-input', 'signature']) {
    t.equal(new Fields([name, members(128)]).dictionary(name)!.size, 128)
    t.equal(new Fields([name, members(129)]).dictionary(name), undefined)
  }
  t.equal(new Fields(['x-a', members(1024)]).dictionary('x-a')!.size, 1024)
})
