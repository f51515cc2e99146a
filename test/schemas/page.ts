import { Type } from '@sinclair/typebox'
import t from 'tap'
import { Page } from '../../schemas/page.js'
import { matches } from '../fixtures/service.js'

const Names = Page(Type.String())

t.test('Page requires the items and both cursors', async t => {
  t.ok(matches(Names, { limit: 2, prevId: null, nextId: 'c', items: ['a', 'b'] }))
  t.ok(matches(Names, { limit: 2, prevId: null, nextId: null, items: [] }))
  t.notOk(matches(Names, { limit: 2, prevId: null, nextId: null, items: [1] }))
  t.notOk(matches(Names, { limit: 2, prevId: null, items: [] }))
})
