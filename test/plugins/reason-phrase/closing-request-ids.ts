import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { getRequestId } from '../../../lib/response/request-id.js'
import { recordRequestIds } from '../../../plugins/reason-phrase/closing-request-ids.js'

t.test('records the id that Fastify creates for a request', async t => {
  const app = Fastify({ requestIdHeader: 'x-id', genReqId: () => 'created' })
  recordRequestIds(app)
  for (const [headers, id] of [[{}, 'created'], [{ 'x-id': 'given' }, 'given']] as const) {
    const request = { headers }
    t.equal((app as unknown as { genReqId (request: object): string }).genReqId(request), id)
    t.equal(getRequestId({ req: request } as never), id)
  }
})

t.test("does nothing if Fastify's genReqId function cannot be found", async t => {
  t.doesNotThrow(() => { recordRequestIds({} as FastifyInstance) })
})
