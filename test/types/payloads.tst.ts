import Fastify from 'fastify'
import { Type, type Static, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { describe, expect, test } from 'tstyche'
import { serverOptions } from 'fastify-reason-phrase'
import { Page } from '../../schemas/page.js'
import { Topic } from '../../schemas/topic.js'

type TopicPayload = Static<typeof Topic>

const app = Fastify(serverOptions()).withTypeProvider<TypeBoxTypeProvider>()
const Created = Type.Object({ topicId: Type.String() })
const Job = Type.Object({ jobId: Type.Integer() })
declare const topic: TopicPayload
const created = { topicId: 'EBT-0' }
const job = { jobId: 1 }

describe('A wrong payload does not compile', () => {
  const schema = { response: { 200: Topic, 201: Created, 202: Job } }

  test('when it is returned', () => {
    const only = { 200: { response: { 200: Topic } }, 201: { response: { 201: Created } }, 202: { response: { 202: Job } } }

    expect(app.get('/', { schema: only[200] }, () => 'a')).type.toRaiseError("Type 'string' is not assignable to type 'void | {")
    expect(app.get('/', { schema: only[200] }, async () => 'a')).type.toRaiseError("Type 'Promise<string>' is not assignable")
    expect(app.get('/', { schema: only[200] }, async () => ({ ...topic, name: 1 }))).type.toRaiseError("Types of property 'name' are incompatible")
    expect(app.get('/', { schema: only[200] }, async () => created)).type.toRaiseError("Type 'Promise<{ topicId: string; }>' is not assignable")
    expect(app.get('/', { schema: only[200] }, async (_request, reply) => topic.name === '' ? reply.notFound() : { name: topic.name })).type.toRaiseError("Type 'Promise<{ name: string; }>' is not assignable")
    expect(app.post('/', { schema: only[201] }, async () => job)).type.toRaiseError("Type 'Promise<{ jobId: number; }>' is not assignable")
    expect(app.post('/', { schema: only[201] }, () => ({ topicId: 1 }))).type.toRaiseError("Type 'number' is not assignable to type 'string'")
    expect(app.post('/', { schema: only[202] }, async () => created)).type.toRaiseError("Type 'Promise<{ topicId: string; }>' is not assignable")
    expect(app.post('/', { schema: only[202] }, () => ({ jobId: '1' }))).type.toRaiseError("Type 'string' is not assignable to type 'number'")
    expect(app.route({ method: 'GET', url: '/', schema: only[200], handler: async () => created })).type.toRaiseError("Type 'Promise<{ topicId: string; }>' is not assignable")
    expect(app.route({ method: 'POST', url: '/', schema: only[201], handler: async () => job })).type.toRaiseError("Type 'Promise<{ jobId: number; }>' is not assignable")

    app.get('/', { schema: only[200] }, () => topic)
    app.get('/', { schema: only[200] }, async () => topic)
    app.post('/', { schema: only[201] }, async () => created)
    app.post('/', { schema: only[202] }, async () => job)
    app.route({ method: 'GET', url: '/', schema: only[200], handler: async () => topic })
  })

  test('when it is sent', () => {
    app.post('/', { schema }, async (_request, reply) => {
      expect(reply.code(200).send).type.toBeCallableWith(topic)
      expect(reply.code(201).send).type.toBeCallableWith(created)
      expect(reply.status(202).send).type.toBeCallableWith(job)

      expect(reply.code(200).send(created)).type.toRaiseError("Argument of type '{ topicId: string; }' is not assignable")
      expect(reply.code(200).send({ ...topic, deleteAt: 1 })).type.toRaiseError("Type 'number' is not assignable to type 'string'")
      expect(reply.code(201).send(job)).type.toRaiseError("Argument of type '{ jobId: number; }' is not assignable")
      expect(reply.code(201).send({ topicId: 1 })).type.toRaiseError("Type 'number' is not assignable to type 'string'")
      expect(reply.code(201).send({ topicId: 'a', name: 'a' })).type.toRaiseError("'name' does not exist in type")
      expect(reply.status(202).send(created)).type.toRaiseError("Argument of type '{ topicId: string; }' is not assignable")
      expect(reply.status(202).send({ jobId: '1' })).type.toRaiseError("Type 'string' is not assignable to type 'number'")
      expect(reply.send({ jobId: '1' })).type.toRaiseError("Type 'string' is not assignable to type 'number'")
      expect(reply.code(200).send()).type.toRaiseError('Expected 1 arguments, but got 0')
      expect<Parameters<typeof reply.send>>().type.toBe<[payload: TopicPayload | Static<typeof Created> | Static<typeof Job>]>()
      return topic
    })
  })

  test('when it is passed to created()', () => {
    app.post('/', { schema }, async (_request, reply) => {
      expect<Parameters<typeof reply.created>>().type.toBe<[payload: { topicId: string }, location?: string | undefined]>()
      expect(reply.created).type.toBeCallableWith(created)
      expect(reply.created).type.toBeCallableWith(created, '/v2/topic/EBT-0')

      expect(reply.created(job)).type.toRaiseError("Argument of type '{ jobId: number; }' is not assignable")
      expect(reply.created({ topicId: 1 })).type.toRaiseError("Type 'number' is not assignable to type 'string'")
      expect(reply.created({ topicId: 'a', name: 'a' })).type.toRaiseError("'name' does not exist in type")
      expect(reply.created(created, 1)).type.toRaiseError("'number' is not assignable to parameter of type 'string'")
      expect(reply.created()).type.toRaiseError('Expected 1-2 arguments, but got 0')
      expect(reply.created(created)).type.toBeAssignableTo(reply)
      return topic
    })
  })

  test('when it is passed to accepted()', () => {
    app.post('/', { schema }, async (_request, reply) => {
      expect<Parameters<typeof reply.accepted>>().type.toBe<[payload: { jobId: number }, location?: string | undefined]>()
      expect(reply.accepted).type.toBeCallableWith(job)
      expect(reply.accepted).type.toBeCallableWith(job, '/v2/job/1')

      expect(reply.accepted(created)).type.toRaiseError("Argument of type '{ topicId: string; }' is not assignable")
      expect(reply.accepted({ jobId: '1' })).type.toRaiseError("Type 'string' is not assignable to type 'number'")
      expect(reply.accepted({ jobId: 1, name: 'a' })).type.toRaiseError("'name' does not exist in type")
      expect(reply.accepted(job, 1)).type.toRaiseError("'number' is not assignable to parameter of type 'string'")
      expect(reply.accepted()).type.toRaiseError('Expected 1-2 arguments, but got 0')
      expect(reply.accepted(job)).type.toBeAssignableTo(reply)
      return topic
    })
  })

  test('but created() and accepted() accept a correct payload, sync and async', () => {
    app.post('/', { schema }, (_request, reply) => reply.created(created))
    app.post('/', { schema }, (_request, reply) => reply.accepted(job))
    app.post('/', { schema }, async (_request, reply) => reply.created(created, '/v2/topic/EBT-0'))
    app.post('/', { schema }, async (_request, reply) => reply.accepted(job, '/v2/job/1'))
    app.post('/', { schema }, async (_request, reply): Promise<TopicPayload> => topic.name === '' ? topic : reply.created(created))
  })
})

describe('The payload of created() and accepted()', () => {
  test('has the type of the 2xx schema if the status code has no schema', () => {
    app.post('/', { schema: { response: { '2xx': Created, 202: Job } } }, async (_request, reply) => {
      expect<Parameters<typeof reply.created>[0]>().type.toBe<{ topicId: string }>()
      expect<Parameters<typeof reply.accepted>[0]>().type.toBe<{ jobId: number }>()
      return created
    })
  })

  test('has the type of the Reply generic on a route without schemas', () => {
    app.post<{ Reply: { 201: { topicId: string }, 202: { jobId: number } } }>('/', async (_request, reply) => {
      expect<Parameters<typeof reply.created>[0]>().type.toBe<{ topicId: string }>()
      expect<Parameters<typeof reply.accepted>[0]>().type.toBe<{ jobId: number }>()
    })
  })

  test('is unknown if nothing is declared', () => {
    app.post('/', async (_request, reply) => {
      expect<Parameters<typeof reply.created>[0]>().type.toBe<unknown>()
      expect<Parameters<typeof reply.accepted>[0]>().type.toBe<unknown>()
    })
    app.post('/', { schema: { body: Created } }, async (_request, reply) => {
      expect<Parameters<typeof reply.created>[0]>().type.toBe<unknown>()
      expect<Parameters<typeof reply.accepted>[0]>().type.toBe<unknown>()
    })
  })
})

describe('A schema infers the payload type', () => {
  test('with optional properties', () => {
    const Optional = Type.Object({ name: Type.String(), description: Type.Optional(Type.String()) })
    app.get('/', { schema: { querystring: Optional, response: { 200: Optional, 201: Optional } } }, async (request, reply) => {
      expect(request.query).type.toBe<{ name: string, description?: string }>()
      expect<Parameters<typeof reply.created>[0]>().type.toBe<{ name: string, description?: string }>()
      expect(reply.send).type.toBeCallableWith({ name: 'a' })
      expect(reply.send).type.toBeCallableWith({ name: 'a', description: 'b' })
      expect(reply.send({ description: 'b' })).type.toRaiseError("Property 'name' is missing")
      expect(reply.send({ name: 'a', description: null })).type.toRaiseError("Type 'null' is not assignable to type 'string")
      return { name: 'a' }
    })
  })

  test('with nullable properties', () => {
    const Nullable = Type.Object({ deleteAt: Type.Union([Type.String(), Type.Null()]) })
    app.post('/', { schema: { body: Nullable, response: { 200: Nullable, 201: Nullable } } }, async (request, reply) => {
      expect(request.body).type.toBe<{ deleteAt: string | null }>()
      expect<Parameters<typeof reply.created>[0]>().type.toBe<{ deleteAt: string | null }>()
      expect(reply.send).type.toBeCallableWith({ deleteAt: null })
      expect(reply.send).type.toBeCallableWith({ deleteAt: 'a' })
      expect(reply.send({})).type.toRaiseError("Property 'deleteAt' is missing")
      expect(reply.send({ deleteAt: undefined })).type.toRaiseError("Type 'undefined' is not assignable to type 'string | null'")
      return { deleteAt: null }
    })
  })

  test('with a union', () => {
    const Union = Type.Union([
      Type.Object({ kind: Type.Literal('topic'), topicId: Type.String() }),
      Type.Object({ kind: Type.Literal('job'), jobId: Type.Integer() })
    ])
    app.post('/', { schema: { body: Union, response: { 200: Union, 201: Union } } }, async (request, reply) => {
      expect(request.body).type.toBe<{ kind: 'topic', topicId: string } | { kind: 'job', jobId: number }>()
      expect<Parameters<typeof reply.created>[0]>().type.toBe<{ kind: 'topic', topicId: string } | { kind: 'job', jobId: number }>()
      expect(reply.send).type.toBeCallableWith({ kind: 'topic', topicId: 'a' })
      expect(reply.send).type.toBeCallableWith({ kind: 'job', jobId: 1 })
      expect(reply.send({ kind: 'topic', jobId: 1 })).type.toRaiseError("'jobId' does not exist in type")
      expect(reply.send({ kind: 'page' })).type.toRaiseError('Type \'"page"\' is not assignable to type')
      return { kind: 'job' as const, jobId: 1 }
    })
    app.get('/', { schema: { response: { 200: Union } } }, async (): Promise<Static<typeof Union>> => ({ kind: 'job', jobId: 1 }))
    expect(app.get('/', { schema: { response: { 200: Union } } }, async () => ({ kind: 'topic' as const, jobId: 1 }))).type.toRaiseError("Type 'Promise<{ kind: \"topic\"; jobId: number; }>' is not assignable")
  })

  test('with strings in the formats of dates and times', () => {
    const Dates = Type.Object({
      createAt: Type.String({ format: 'date-time' }),
      day: Type.String({ format: 'date' }),
      time: Type.Optional(Type.String({ format: 'time' })),
      deleteAt: Type.Union([Type.String({ format: 'date-time' }), Type.Null()])
    })
    type DatesPayload = { createAt: string, day: string, time?: string, deleteAt: string | null }
    app.post('/', { schema: { body: Dates, response: { 200: Dates, 201: Dates } } }, async (request, reply) => {
      expect(request.body).type.toBe<DatesPayload>()
      expect<Parameters<typeof reply.send>>().type.toBe<[payload: DatesPayload]>()
      expect<Parameters<typeof reply.created>[0]>().type.toBe<DatesPayload>()
      expect(reply.send({ createAt: new Date(), day: '2025-08-19', deleteAt: null })).type.toRaiseError("Type 'Date' is not assignable to type 'string'")
      return { createAt: new Date().toISOString(), day: '2025-08-19', deleteAt: null }
    })
  })

  test('with a generic page', () => {
    interface PageOf<Item> { limit: number, prevId: string | null, nextId: string | null, items: Item[] }
    const page = { limit: 1, prevId: null, nextId: null }

    app.get('/', { schema: { response: { 200: Page(Topic), 201: Page(Page(Job)) } } }, async (_request, reply) => {
      expect(reply.code(200).send).type.toBeCallableWith({ ...page, items: [topic] })
      expect<Parameters<typeof reply.created>[0]>().type.toBeAssignableTo<PageOf<PageOf<{ jobId: number }>>>()
      expect<Parameters<typeof reply.created>[0]>().type.toBeAssignableFrom<PageOf<PageOf<{ jobId: number }>>>()
      expect(reply.code(200).send({ ...page, items: [created] })).type.toRaiseError("Type '{ topicId: string; }' is")
      expect(reply.code(200).send({ ...page, items: topic })).type.toRaiseError(/is missing the following properties from type '\{.*\}\[\]'/)
      expect(reply.created({ ...page, items: [{ ...page, items: [created] }] })).type.toRaiseError("{ topicId: string; }' ")
      return { ...page, items: [topic] }
    })
    app.get('/', { schema: { response: { 200: Page(Topic) } } }, async (_request, reply) => {
      const sent: Parameters<typeof reply.send>[0] = { ...page, items: [] }
      expect(sent).type.toBe<{ limit: number, prevId: string | null, nextId: string | null, items: TopicPayload[] }>()
      return sent
    })
    expect(app.get('/', { schema: { response: { 200: Page(Topic) } } }, async () => ({ ...page, items: [created] }))).type.toRaiseError("Types of property 'items' are incompatible")
  })

  test('with headers of the response beside the schema', () => {
    const WithHeaders = { ...Page(Topic), headers: { 'EB-AFTER': { type: 'string' } } }
    app.get('/', { schema: { response: { 200: WithHeaders } } }, async (_request, reply) => {
      expect<Parameters<typeof reply.send>>().type.toBe<[payload: Static<ReturnType<typeof Page<typeof Topic>>>]>()
      return { limit: 1, prevId: null, nextId: null, items: [topic] }
    })
    expect(app.get('/', { schema: { response: { 200: WithHeaders } } }, async () => created)).type.toRaiseError("Type 'Promise<{ topicId: string; }>' is not assignable")
  })
})
