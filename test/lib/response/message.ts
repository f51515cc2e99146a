import { IncomingMessage, ServerResponse } from 'node:http'
import t from 'tap'
import { messageGiven, messageThrown, say, sayThrown } from '../../../lib/response/response.js'

t.test('the last message that is set replaces the earlier one, whether a reply or an error sets it', async t => {
  const response = new ServerResponse({ method: 'GET', httpVersionMajor: 1, httpVersionMinor: 1 } as IncomingMessage)
  t.equal(messageGiven(response), undefined)
  t.equal(messageThrown(response), undefined)
  say(response, 'given')
  t.equal(messageGiven(response), 'given')
  t.equal(messageThrown(response), undefined)
  sayThrown(response, 'thrown', new Error(), true)
  t.equal(messageGiven(response), undefined)
  t.equal(messageThrown(response), 'thrown')
})
