import { Readable } from 'node:stream'
import { MESSAGE } from './payloads.js'
import plugin from './reason-phrase.js'

/** What has a cost that may grow, by the number that is given. */
export default () => plugin({ withServerOptions: true, register })

function register (app) {
  const texts = new Map()
  const textOf = (kind, length) => {
    const key = kind + length
    if (!texts.has(key)) texts.set(key, Buffer.alloc(Number(length), kind === 'ascii' ? 'orders created ' : 'заказы созданы ').toString())
    return texts.get(key)
  }
  app.get('/message/:kind/:length', ({ params }, reply) => reply.unprocessable(textOf(params.kind, params.length)))
  app.get('/headers/:count', ({ params }, reply) => {
    for (let i = 0; i < params.count; i++) reply.header(`x-header-${i}`, 'value')
    return reply.unprocessable(MESSAGE)
  })
  const bodies = new Map()
  app.get('/body/:length', ({ params: { length } }, reply) => {
    if (!bodies.has(length)) bodies.set(length, JSON.stringify({ message: MESSAGE, rest: 'x'.repeat(length) }))
    return reply.code(422).type('application/json').send(bodies.get(length))
  })
  const chunks = new Map()
  app.get('/stream/:length', ({ params: { length } }, reply) => {
    if (!chunks.has(length)) chunks.set(length, [Buffer.alloc(Number(length))])
    return reply.code(422).send(Readable.from(chunks.get(length)))
  })
}
