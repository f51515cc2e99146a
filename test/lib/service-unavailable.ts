import t from 'tap'
import { RETRY_AFTER_SECONDS, ServiceUnavailable } from '../../lib/service-unavailable.js'

t.test('is a 503 with a public message, a Retry-After and a cause', async t => {
  const cause = new Error('why')
  const error = new ServiceUnavailable('Away', { cause })
  t.match(error, { message: 'Away', cause, statusCode: 503, headers: { 'retry-after': '5' }, expose: true })
  t.equal(RETRY_AFTER_SECONDS, 5)
  t.ok(error instanceof Error)
})
