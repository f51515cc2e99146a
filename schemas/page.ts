import { Type, type TSchema } from '@sinclair/typebox'

/** A page of a list: its items, newest first, and the cursors of the pages around it. */
export const Page = <Item extends TSchema>(item: Item) => Type.Object({
  limit: Type.Integer({ description: 'The most items that a page can have, as requested', examples: [500] }),
  prevId: Type.Union([Type.String(), Type.Null()], {
    description: 'The `beforeId` of the page of newer items, null when there is none'
  }),
  nextId: Type.Union([Type.String(), Type.Null()], {
    description: 'The `afterId` of the page of older items, null when there is none'
  }),
  items: Type.Array(item)
}, { description: 'A page of a list, newest first' })
