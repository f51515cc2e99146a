import t from 'tap'
import { ServiceUnavailable } from '../../lib/service-unavailable.js'

t.test('It has what an answer needs', async t => {
  const cause = new Error('why')
  const error = new ServiceUnavailable('Away', { cause })
  t.match(error, { message: 'Away', cause, statusCode: 503, headers: { 'retry-after': '5' }, expose: true })
  t.ok(error instanceof Error)
})
