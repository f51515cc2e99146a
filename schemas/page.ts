import { Type, type TSchema } from '@sinclair/typebox'

/** How a list is ordered, in the words of its documentation. */
export interface PageOrder {
  first: string
  before: string
  after: string
}

const NEWEST_FIRST: PageOrder = { first: 'newest first', before: 'newer', after: 'older' }

/** A page of a list: its items, newest first unless it says otherwise, and the cursors of the pages around it. */
export const Page = <Item extends TSchema>(item: Item, { first, before, after } = NEWEST_FIRST) => Type.Object({
  limit: Type.Integer({ description: 'The most items that a page can have, as requested', examples: [500] }),
  prevId: Type.Union([Type.String(), Type.Null()], {
    description: `The \`beforeId\` of the page of ${before} items, null when there is none`
  }),
  nextId: Type.Union([Type.String(), Type.Null()], {
    description: `The \`afterId\` of the page of ${after} items, null when there is none`
  }),
  items: Type.Array(item)
}, { description: `A page of a list, ${first}` })
