import t from 'tap'
import { sqlite } from '../../../../../fixtures/database.js'
import { assertInjectedError, createService } from '../../../../../fixtures/service.js'

t.test('sends 501 to a valid request, and 400 to an invalid request', async t => {
  const app = await createService(t, await sqlite.open(t))
  const url = `/v2/topic/EBT-${'0'.repeat(32)}/subscription`
  const post = (payload: object) => app.inject({ method: 'POST', url, payload })

  assertInjectedError(t, await app.inject(`${url}?limit=5`), 501, 'GET /v2/topic/:topicId/subscription is not implemented yet')
  assertInjectedError(t, await post({ url: 'https://example.com/orders' }), 501, 'POST /v2/topic/:topicId/subscription is not implemented yet')

  assertInjectedError(t, await app.inject('/v2/topic/1/subscription'), 400, /^params\/topicId must match pattern/)
  assertInjectedError(t, await app.inject(`${url}?limit=0`), 400, 'querystring/limit must be >= 1')
  assertInjectedError(t, await post({}), 400, "body must have required property 'url'")
  assertInjectedError(t, await post({ url: 'ftp://example.com' }), 400, /^body\/url must match pattern/)

  await app.ready()
  const { paths } = JSON.parse(JSON.stringify(app.swagger()))
  for (const operation of Object.values<any>(paths['/v2/topic/{topicId}/subscription'])) {
    t.equal(operation['x-not-implemented'], true)
    t.match(operation.description, /^Not implemented yet/)
    t.hasOwnProps(operation.responses, ['400', '404', '501'])
  }
})
