import t from 'tap'
import { NewTopic, Topic, TopicPage, TopicParams, TopicQuery } from '../../schemas/topic.js'
import { matchesSchema } from '../fixtures/service.js'

const topicId = 'EBT-0198c0a8f00070008000000000000001'
const draft = { name: 'a', description: '', mediaType: 'text/plain' }
const topic = { topicId, ...draft, createAt: '2025-08-19T09:30:00.000Z', deleteAt: null }

t.test('Topic accepts a topic, deleted or not', async t => {
  t.ok(matchesSchema(Topic, topic))
  t.ok(matchesSchema(Topic, { ...topic, deleteAt: topic.createAt }))
  t.notOk(matchesSchema(Topic, { ...topic, createAt: 'yesterday' }))
  t.ok(matchesSchema(TopicPage, { limit: 1, prevId: null, nextId: topicId, items: [topic] }))
})

t.test('NewTopic rejects control characters, lone surrogates and other properties', async t => {
  t.ok(matchesSchema(NewTopic, draft))
  t.ok(matchesSchema(NewTopic, { ...draft, name: '🚌'.repeat(256), description: 'Line\nbreak\t🚌' }))
  for (const wrong of [{ name: '' }, { name: '\t' }, { name: 'a\0' }, { name: '\ud83d' }, { description: '\0' }, { topicId }]) {
    t.notOk(matchesSchema(NewTopic, { ...draft, ...wrong }), JSON.stringify(wrong))
  }
})

t.test('TopicParams accepts an id with digits in either case only', async t => {
  t.ok(matchesSchema(TopicParams, { topicId }))
  t.ok(matchesSchema(TopicParams, { topicId: `EBT-${'aF'.repeat(16)}` }))
  for (const wrong of [topicId.toLowerCase(), topicId.slice(1), `${topicId}0`, `${topicId}\n`, `EBT-${'g'.repeat(32)}`]) {
    t.notOk(matchesSchema(TopicParams, { topicId: wrong }), wrong)
  }
})

t.test('TopicQuery accepts a name, dates, cursors and a limit from 1 to 1000', async t => {
  t.ok(matchesSchema(TopicQuery, { limit: 1 }))
  t.ok(matchesSchema(TopicQuery, { limit: 1000, name: 'a', startDate: topic.createAt, endDate: topic.createAt, beforeId: topicId, afterId: topicId }))
  t.equal(TopicQuery.properties.limit.default, 500)
  for (const wrong of [{ limit: 0 }, { limit: 1001 }, { limit: 1, colour: 'red' }]) t.notOk(matchesSchema(TopicQuery, wrong))
})

t.test('each example matches its schema', async t => {
  for (const schema of [Topic, NewTopic, TopicParams, TopicQuery]) {
    for (const property of Object.values(schema.properties)) {
      for (const example of property.examples ?? []) t.ok(matchesSchema(property, example), String(example))
    }
  }
})
