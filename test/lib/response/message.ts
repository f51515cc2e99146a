import { IncomingMessage, ServerResponse } from 'node:http'
import t from 'tap'
import { getErrorMessage, getReplyMessage, setError, setReplyMessage, startSerializing } from '../../../lib/response/state.js'

t.test('keeps the last message that is set, whether a reply or an error sets it', async t => {
  const response = new ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as IncomingMessage)
  t.equal(getReplyMessage(response), undefined)
  t.equal(getErrorMessage(response), undefined)
  setReplyMessage(response, 'given')
  t.equal(getReplyMessage(response), 'given')
  t.equal(getErrorMessage(response), undefined)
  setError(response, new Error(), 'thrown', { isExposed: true }); startSerializing(response)
  t.equal(getReplyMessage(response), undefined)
  t.equal(getErrorMessage(response), 'thrown')
})
