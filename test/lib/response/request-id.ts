import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import { getRequestId, recordRequestId, toRequestIdHeader } from '../../../lib/response/request-id.js'
import { setReply } from '../../../lib/response/state.js'

t.test('toRequestIdHeader returns an id of printable ASCII', async t => {
  for (const id of ['req-1', 'a b', '~!', 'x'.repeat(512)]) t.equal(toRequestIdHeader(id), id)
  t.equal(toRequestIdHeader(7), '7')
})

t.test('toRequestIdHeader returns nothing for an id that a header cannot contain unchanged', async t => {
  for (const id of [undefined, null, '', ' ', ' a', 'a ', 'a\nb', 'a\r\nSet-Cookie: b', 'a\0', 'a\tb', 'ä', '日本', 'x'.repeat(513), {}, Symbol('a'), () => 'a']) {
    t.equal(toRequestIdHeader(id), undefined)
  }
})

t.test('getRequestId returns the id of the reply, or the recorded id if there is no reply', async t => {
  const response = new ServerResponse(new IncomingMessage(new Socket()))
  t.equal(getRequestId(response), undefined)
  recordRequestId(response.req, 'req-1')
  t.equal(getRequestId(response), 'req-1')
  const log = { info () {}, warn () {}, error () {} }
  setReply(response, { log, request: { id: 'req-2' } })
  t.equal(getRequestId(response), 'req-2')
})
