import t, { type Test } from 'tap'
import { Topic, TopicPage } from '../../../../schemas/topic.js'
import { databases, sqlite } from '../../../fixtures/database.js'
import { assertInjectedError, matchesSchema, createService } from '../../../fixtures/service.js'

const draft = { name: 'orders.created', description: 'An order was placed', mediaType: 'application/json' }
const nowhere = `EBT-${'0'.repeat(32)}`

for (const { name, skip, open } of databases) {
  t.test(`on ${name}`, { skip }, async t => {
    const registry = async (t: Test) => {
      const app = await createService(t, await open(t))
      return {
        get: (url: string) => app.inject(url),
        post: (payload: object) => app.inject({ method: 'POST', url: '/v2/topic', payload }),
        remove: (url: string) => app.inject({ method: 'DELETE', url })
      }
    }

    t.test('creates, returns and deletes a topic', async t => {
      const { get, post, remove } = await registry(t)

      const created = await post(draft)
      t.equal(created.statusCode, 201)
      const topic = created.json()
      t.match(topic, { ...draft, deleteAt: null })
      t.same(Object.keys(topic), ['topicId', 'name', 'description', 'mediaType', 'createAt', 'deleteAt'])
      t.equal(created.headers.location, `/v2/topic/${topic.topicId}`)

      const shown = await get(created.headers.location!)
      t.equal(shown.statusCode, 200)
      t.same(shown.json(), topic)
      t.same((await get(`/v2/topic/EBT-${topic.topicId.slice(4).toUpperCase()}`)).json(), topic)

      const deleted = await remove(created.headers.location!)
      t.equal(deleted.statusCode, 200)
      const { deleteAt } = deleted.json()
      t.same(deleted.json(), { ...topic, deleteAt })
      t.match(deleteAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      for (const response of [created, shown, deleted]) {
        t.ok(matchesSchema(Topic, response.json()))
        t.notOk('eb-reason-phrase' in response.headers)
      }

      assertInjectedError(t, await get(created.headers.location!), 404, `No topic ${topic.topicId}`)
      assertInjectedError(t, await remove(created.headers.location!), 404, `No topic ${topic.topicId}`)
      t.same((await get('/v2/topic')).json().items, [])
      t.equal((await post(draft)).statusCode, 201, 'accepts the name of a deleted topic')
    })

    t.test('sends 422 for a name that is taken', async t => {
      const { post } = await registry(t)
      t.equal((await post(draft)).statusCode, 201)
      assertInjectedError(t, await post(draft), 422, 'A topic named "orders.created" exists already')
      assertInjectedError(t, await post({ ...draft, mediaType: 'text/plain' }), 422, 'A topic named "orders.created" exists already')
    })

    t.test('creates one topic if many requests have the same name', async t => {
      const { post } = await registry(t)
      const codes = (await Promise.all(Array.from({ length: 10 }, () => post(draft)))).map(({ statusCode }) => statusCode)
      t.same(codes.sort(), [201, ...Array(9).fill(422)])
    })

    t.test('lists topics page by page', async t => {
      const { get, post } = await registry(t)
      const empty = await get('/v2/topic')
      t.same(empty.json(), { limit: 500, prevId: null, nextId: null, items: [] })
      t.notOk('eb-before' in empty.headers)
      t.notOk('eb-after' in empty.headers)

      const ids: string[] = []
      for (const name of ['a', 'b', 'c', 'd', 'e']) ids.push((await post({ ...draft, name })).json().topicId)
      const [a, b, c, d, e] = ids

      const page = async (query: string) => {
        const response = await get(`/v2/topic?${query}`)
        t.equal(response.statusCode, 200)
        const { prevId, nextId, items, limit } = response.json()
        t.ok(matchesSchema(TopicPage, response.json()))
        t.equal(response.headers['eb-before'] ?? null, prevId)
        t.equal(response.headers['eb-after'] ?? null, nextId)
        return { limit, prevId, nextId, ids: items.map(({ topicId }: { topicId: string }) => topicId) }
      }
      t.same(await page('limit=2'), { limit: 2, prevId: null, nextId: d, ids: [e, d] })
      t.same(await page(`limit=2&afterId=${d}`), { limit: 2, prevId: c, nextId: b, ids: [c, b] })
      t.same(await page(`limit=2&afterId=${b}`), { limit: 2, prevId: a, nextId: null, ids: [a] })
      t.same(await page(`limit=2&beforeId=${a}`), { limit: 2, prevId: c, nextId: b, ids: [c, b] })
      t.same(await page(`beforeId=${a}&afterId=${e}`), { limit: 500, prevId: null, nextId: null, ids: [d, c, b] })
      t.same(await page('limit=1000&name=c'), { limit: 1000, prevId: null, nextId: null, ids: [c] })
      t.same((await page('endDate=2025-01-01T00:00:00Z')).ids, [])
      t.same((await page('startDate=2025-01-01T00:00:00.000%2B02:00&endDate=9999-12-31T23:59:59.999Z')).ids, [e, d, c, b, a])
    })
  })
}

t.test('sends 400 or 422 for', async t => {
  const app = await createService(t, await sqlite.open(t))
  const post = (payload: unknown) => app.inject({ method: 'POST', url: '/v2/topic', payload: payload as object })

  t.test('a malformed id', async t => {
    for (const id of ['x', 'EBT-', `ebt-${'0'.repeat(32)}`, `EBT-${'0'.repeat(31)}`, `EBT-${'0'.repeat(33)}`, `EBT-${'g'.repeat(32)}`, `${nowhere}%0A`, '01a20388-f358-7528-a872-913c82c218a1']) {
      assertInjectedError(t, await app.inject(`/v2/topic/${id}`), 400, /^params\/topicId must match pattern/)
      assertInjectedError(t, await app.inject({ method: 'DELETE', url: `/v2/topic/${id}` }), 400, /^params\/topicId must match pattern/)
    }
    assertInjectedError(t, await app.inject(`/v2/topic/${nowhere}`), 404, `No topic ${nowhere}`)
    assertInjectedError(t, await app.inject({ method: 'DELETE', url: `/v2/topic/${nowhere}` }), 404, `No topic ${nowhere}`)
  })

  t.test('a body that is not a topic', async t => {
    assertInjectedError(t, await post({ ...draft, colour: 'red' }), 400, 'body has an unknown property: colour')
    assertInjectedError(t, await post({ ...draft, topicId: nowhere }), 400, 'body has an unknown property: topicId')
    assertInjectedError(t, await post({ name: 'a', description: '' }), 400, "body must have required property 'mediaType'")
    assertInjectedError(t, await post({ ...draft, name: 123 }), 400, 'body/name must be string')
    assertInjectedError(t, await post({ ...draft, name: ['a'] }), 400, 'body/name must be string')
    assertInjectedError(t, await post({ ...draft, description: null }), 400, 'body/description must be string')
    assertInjectedError(t, await post({ ...draft, mediaType: true }), 400, 'body/mediaType must be string')
    assertInjectedError(t, await post({ ...draft, name: '' }), 400, /^body\/name must NOT have fewer than 1 characters/)
    assertInjectedError(t, await post({ ...draft, name: 'a'.repeat(257) }), 400, /^body\/name must NOT have more than 256 characters/)
    assertInjectedError(t, await post({ ...draft, name: 'a\nb' }), 400, /^body\/name must match pattern/)
    assertInjectedError(t, await post({ ...draft, description: 'a\0b' }), 400, /^body\/description must match pattern/)
    assertInjectedError(t, await post({ ...draft, description: 'a\ud83d' }), 400, /^body\/description must match pattern/)
    assertInjectedError(t, await post([draft]), 400, 'body must be object')
    assertInjectedError(t, await app.inject({ method: 'POST', url: '/v2/topic' }), 400, 'body must be object')
    t.same((await app.inject('/v2/topic')).json().items, [])
  })

  t.test('a media type that is malformed', async t => {
    for (const mediaType of [
      '', 'json', 'text/', '/plain', 'text/plain/x', 'text /plain', ' text/plain', 'text/plain ', 'text/plain;', '*/*', 'text/*',
      'text/plain; charset', 'text/plain; =utf-8', 'text/plain; charset=', 'text/plain; charset=utf 8', 'text/plain; charset="utf-8',
      'text/plain, text/html', 'tëxt/plain', 'text/plain\n', `${'a'.repeat(128)}/b`
    ]) {
      const response = await post({ ...draft, mediaType })
      assertInjectedError(t, response, 422, / is not a media type$/)
    }
    assertInjectedError(t, await post({ ...draft, mediaType: 'a/b\r\nc' }), 422, '"a/b\\r\\nc" is not a media type')
    assertInjectedError(t, await post({ ...draft, mediaType: 'a'.repeat(257) }), 400, /^body\/mediaType must NOT have more than 256 characters/)
    for (const mediaType of [
      'text/plain', 'Text/Plain', 'application/vnd.api+json', 'text/plain;charset=utf-8', 'text/plain ; charset="utf-8" ;a=b',
      'multipart/mixed; boundary="a\\"b;c"', 'x/y-z.1_2'
    ]) {
      const response = await post({ ...draft, name: mediaType, mediaType })
      t.equal(response.statusCode, 201, mediaType)
      t.equal(response.json().mediaType, mediaType)
    }
  })

  t.test('an invalid query', async t => {
    const list = (query: string) => app.inject(`/v2/topic?${query}`)
    assertInjectedError(t, await list('colour=red'), 400, 'querystring has an unknown property: colour')
    for (const limit of ['0', '-1', '1001', '1.5', 'x', '', '1&limit=2', 'Infinity', '-Infinity', 'NaN', 'null']) {
      assertInjectedError(t, await list(`limit=${limit}`), 400, /^querystring\/limit must be/)
    }
    for (const date of ['2025-01-01', 'yesterday', '', '2025-02-30T00:00:00Z', '2025-01-01T00:00:00', '2016-12-31T23:59:60Z', '2025-01-01T00:00:00%2B02', '9999-12-31T23:59:59-01:00']) {
      assertInjectedError(t, await list(`startDate=${date}`), 400, 'querystring/startDate must match format "date-time"')
      assertInjectedError(t, await list(`endDate=${date}`), 400, 'querystring/endDate must match format "date-time"')
    }
    for (const id of ['', 'x', `ebt-${'0'.repeat(32)}`]) {
      assertInjectedError(t, await list(`beforeId=${id}`), 400, /^querystring\/beforeId must match pattern/)
      assertInjectedError(t, await list(`afterId=${id}`), 400, /^querystring\/afterId must match pattern/)
    }
    assertInjectedError(t, await list('name='), 400, /^querystring\/name must NOT have fewer/)
    assertInjectedError(t, await list('name=a%00'), 400, /^querystring\/name must match pattern/)
    assertInjectedError(t, await list('name=a&name=b'), 400, 'querystring/name must be string')
  })
})
