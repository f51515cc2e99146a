import t from 'tap'
import { documentOf, handler } from '../../fixtures/openapi.js'

t.test('names each operation by its method and path', async t => {
  const { paths } = await documentOf(t, app => {
    app.get('/', handler)
    app.get('/v2/topic', handler)
    app.delete('/v2/topic/:topicId', handler)
    app.get('/user-agent/:id/*', handler)
    app.get('/items::archive', handler)
    app.route({ method: ['PUT', 'PATCH'], url: '/two', handler })
  })
  const ids = Object.values<object>(paths).flatMap(path => Object.values(path).map(({ operationId }) => operationId))
  t.strictSame(ids, ['getRoot', 'getV2Topic', 'deleteV2TopicByTopicId', 'getUserAgentByIdByWildcard', 'getItemsArchive', 'putTwo', 'patchTwo'])
})

t.test('keeps the operationId of a route, and uses no operationId twice', async t => {
  const { paths } = await documentOf(t, app => {
    app.get('/a-b', handler)
    app.get('/a/b', handler)
    app.get('/a_b', handler)
    app.get('/own', { schema: { operationId: 'getAB2' } as object }, handler)
    app.route({ method: ['PUT', 'DELETE'], url: '/both', schema: { operationId: 'both' } as object, handler })
  })
  t.equal(paths['/own'].get.operationId, 'getAB2')
  t.strictSame(['/a-b', '/a/b', '/a_b'].map(path => paths[path].get.operationId), ['getAB', 'getAB3', 'getAB4'])
  t.strictSame([paths['/both'].put.operationId, paths['/both'].delete.operationId], ['both', 'both-delete'])
})
