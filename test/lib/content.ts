import t from 'tap'
import { allowsContent } from '../../lib/content.js'

t.test('allows content for all methods except GET, HEAD and TRACE', async t => {
  for (const method of ['GET', 'HEAD', 'TRACE']) t.equal(allowsContent(method), false, method)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY']) t.equal(allowsContent(method), true, method)
})
