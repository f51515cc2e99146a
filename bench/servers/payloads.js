// What every server answers, so that they differ in nothing else.

export const MESSAGE = 'The name orders.created is taken by another topic of yours'

/** 100 bytes of JSON. */
export const SMALL = { topicId: 'EBT-0192f0c4a3b07d3e8c1d5a6f7e8b9c0d', name: 'orders.created', status: 'KEEP', size: 7 }

/** 10 KB of JSON. */
export const LARGE = { topics: Array.from({ length: 97 }, () => SMALL) }

/** 64 KB, in chunks. */
export const CHUNKS = Array.from({ length: 4 }, () => Buffer.alloc(16 * 1024, 'x'))

const schemaOfSmall = {
  type: 'object',
  properties: { topicId: { type: 'string' }, name: { type: 'string' }, status: { type: 'string' }, size: { type: 'integer' } }
}

export const schemas = {
  small: { response: { 200: schemaOfSmall } },
  large: { response: { 200: { type: 'object', properties: { topics: { type: 'array', items: schemaOfSmall } } } } },
  named: { body: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } }
}

/** What requests are signed with. */
export const KEY = { id: 'bench', secret: 'the secret of the benchmarks' }
