import { Type } from '@sinclair/typebox'
import t from 'tap'
import { BY_POSITION, cursorHeaders, Filter, Page } from '../../schemas/page.js'
import { matchesSchema } from '../fixtures/service.js'

const Names = Page(Type.String())

t.test('Page requires the items and both cursors', async t => {
  t.ok(matchesSchema(Names, { limit: 2, prevId: null, nextId: 'c', items: ['a', 'b'] }))
  t.ok(matchesSchema(Names, { limit: 2, prevId: null, nextId: null, items: [] }))
  t.notOk(matchesSchema(Names, { limit: 2, prevId: null, nextId: null, items: [1] }))
  t.notOk(matchesSchema(Names, { limit: 2, prevId: null, items: [] }))
})

t.test('the descriptions of a page and of its header fields name its order', async t => {
  t.match(Names, { description: 'A page of a list, newest first', properties: { prevId: { description: /page of newer items/ }, nextId: { description: /page of older items/ } } })
  t.match(cursorHeaders('topics'), { 'EB-BEFORE': { type: 'string', description: /page of newer topics/ }, 'EB-AFTER': { type: 'string', description: /page of older topics/ } })
  t.match(Page(Type.String(), BY_POSITION), { description: 'A page of a list, by position, the lowest first' })
  t.match(cursorHeaders('messages', BY_POSITION), { 'EB-BEFORE': { description: /page of earlier messages/ }, 'EB-AFTER': { description: /page of later messages/ } })
})

t.test('Filter is optional, and has no example', async t => {
  const query = Type.Object({ name: Filter(Type.String({ minLength: 1, description: 'A name', examples: ['a'] })) })
  t.ok(matchesSchema(query, {}))
  t.ok(matchesSchema(query, { name: 'a' }))
  t.notOk(matchesSchema(query, { name: '' }))
  t.strictSame(JSON.parse(JSON.stringify(query.properties.name)), { type: 'string', minLength: 1, description: 'A name' })
})
