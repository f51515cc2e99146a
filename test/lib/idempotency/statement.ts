import t from 'tap'
import { createTag, joinStatements, rawStatement, statement, toLiterals, toNumbered, toQuestionMarks, withLiterals } from '../../../lib/idempotency/statement.js'

const id = Buffer.from([0, 255])

t.test('renders the placeholders of each driver', async t => {
  const select = statement`select ${1}, ${'a'}, ${id} where true`
  t.strictSame(toNumbered(select), { text: 'select $1, $2, $3 where true', values: [1, 'a', id] })
  t.strictSame(toQuestionMarks(select), { text: 'select ?, ?, ? where true', values: [1, 'a', id] })
  t.strictSame(toNumbered(rawStatement('select 1')), { text: 'select 1', values: [] })
})

t.test('returns new values each time, because drivers change them', async t => {
  const select = statement`select ${1}`
  toNumbered(select).values.push(2)
  toQuestionMarks(select).values.push(2)
  t.strictSame(select.values, [1])
})

t.test('has parts like a template literal', async t => {
  const { parts } = rawStatement('select 1')
  t.strictSame([...parts.raw], ['select 1'])
})

t.test('writes values as literals that need no escapes', async t => {
  const select = statement`select ${"'; \\ $1 é"}::text, ${id}::bytea, ${null}::text, ${-5}::integer, ${-9223372036854775808n}::bigint`
  const text = "select convert_from(decode('273b205c20243120c3a9', 'hex'), 'UTF8')::text, decode('00ff', 'hex')::bytea, null::text, '-5'::integer, '-9223372036854775808'::bigint"
  t.equal(withLiterals(select), text)
  t.equal(toLiterals(toNumbered(select)), text)
  const numbers = statement`${0},${1},${2},${3},${4},${5},${6},${7},${8},${9},${10}`
  for (const text of [withLiterals(numbers), toLiterals(toNumbered(numbers))]) t.equal(text, "'0','1','2','3','4','5','6','7','8','9','10'")
})

t.test('replaces words of the text, once for each template literal', async t => {
  const sql = createTag({ table: 'records', now: 'now()' })
  const select = (key: string) => sql`select ${key}, {now} from {table}`
  t.strictSame(toNumbered(select('{table}')), { text: 'select $1, now() from records', values: ['{table}'] })
  t.equal(select('a').parts, select('b').parts)
})

t.test('joins statements', async t => {
  const rows = [statement`(${1}, ${2})`, statement`(${3}, ${4})`]
  const insert = joinStatements([statement`insert into t values `, joinStatements(rows, ', '), statement` returning id`], '')
  t.strictSame(toNumbered(insert), { text: 'insert into t values ($1, $2), ($3, $4) returning id', values: [1, 2, 3, 4] })
})
