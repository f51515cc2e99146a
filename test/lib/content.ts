import t from 'tap'
import { allowsContent } from '../../lib/content.js'

t.test('requests for GET, HEAD and TRACE have no content', async t => {
  for (const method of ['GET', 'HEAD', 'TRACE']) t.equal(allowsContent(method), false, method)
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY']) t.equal(allowsContent(method), true, method)
})
