import { Type, type TSchema } from '@sinclair/typebox'
import { OwnId } from './id.js'

/** The order of a list, in words for its descriptions. */
export interface PageOrder {
  first: string
  before: string
  after: string
}

/** The order of topics and subscriptions. */
const NEWEST_FIRST: PageOrder = { first: 'newest first', before: 'newer', after: 'older' }

/** The order of stored messages. */
export const BY_POSITION: PageOrder = { first: 'by position, the lowest first', before: 'earlier', after: 'later' }

/** Returns the schema of a page: its items, and the cursors of the previous and the next page. Default order: newest first. */
export const Page = <Item extends TSchema>(item: Item, { first, before, after } = NEWEST_FIRST) => Type.Object({
  limit: Type.Integer({ description: 'The maximum number of items in a page, as requested', examples: [500] }),
  prevId: Type.Union([Type.String(), Type.Null()], {
    description: `The \`beforeId\` of the page of ${before} items, null if there is none`
  }),
  nextId: Type.Union([Type.String(), Type.Null()], {
    description: `The \`afterId\` of the page of ${after} items, null if there is none`
  }),
  items: Type.Array(item)
}, { description: `A page of a list, ${first}` })

/** The schemas of the cursors, by kind of item. A cursor is the id of an item. */
const CURSORS = { messages: OwnId('EBM'), topics: OwnId('EBT') }

/** Returns the schemas of the header fields that repeat the cursors of a page. Default order: newest first. */
export const cursorHeaders = (items: keyof typeof CURSORS, { before, after } = NEWEST_FIRST) => {
  const { examples } = CURSORS[items]
  return {
    'EB-BEFORE': { type: 'string', description: `The \`beforeId\` of the page of ${before} ${items}; absent if there is none`, examples },
    'EB-AFTER': { type: 'string', description: `The \`afterId\` of the page of ${after} ${items}; absent if there is none`, examples }
  }
}

/** Returns the schema of an optional filter. It has no example, because pages such as Swagger UI would send the example. */
export const Filter = <Schema extends TSchema>({ examples, ...schema }: Schema) => Type.Optional(schema as unknown as Schema)
