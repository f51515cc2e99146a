import { Writable } from 'node:stream'
import replyFrom from '@fastify/reply-from'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type RouteShorthandOptions } from 'fastify'
import reasonPhrase, { serverOptions } from '../index.js'
import { SENTINEL_PATH } from './sentinel-connection.js'
import { HANDLER_ACTIONS, RAW_WRITES, DECORATOR_CALLS, SENT_PAYLOADS, THROWN_ERRORS, type EntryPoint } from './entry-points.js'
import type { CaseLookup } from './upstream.js'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']
const HOOKS = ['onRequest', 'preParsing', 'preValidation', 'preHandler', 'preSerialization', 'onSend'] as const
const PAYLOAD = ['preSerialization', 'onSend'] as const

/** A log stream that discards its lines. The logger still serializes them. */
const log = new Writable({ write (_chunk, _encoding, done) { done() } })

export interface Settings {
  logger: boolean
  http2: boolean
  upstreams: string[]
}

/** Creates a service with a route for each entry point, and returns the paths by the names of the entry points. */
export async function createService (caseOf: CaseLookup, { logger, http2, upstreams }: Settings): Promise<{ app: FastifyInstance, paths: Map<string, string> }> {
  const options = { logger: logger && { level: 'trace', stream: log }, return503OnClosing: false }
  const app: FastifyInstance = Fastify(serverOptions((http2 ? { ...options, http2 } : options) as object))
  const paths = new Map<string, string>()
  await app.register(reasonPhrase)
  await app.register(replyFrom, { disableCache: true, maxRetriesOn503: 0, retryMethods: [] })
  app.get(SENTINEL_PATH, (request, reply) => reply.type('text/plain').send(request.headers['x-sentinel']))

  const runWith = (entryPoint: EntryPoint) => (request: FastifyRequest, reply: FastifyReply): unknown => {
    const { value, statusCode } = caseOf(request.headers['x-case'] as string)
    return entryPoint(value, statusCode, reply, request)
  }
  const add = (target: FastifyInstance, name: string, handler: (request: FastifyRequest, reply: FastifyReply) => unknown, options: RouteShorthandOptions = {}): void => {
    const url = `/${paths.size}`
    paths.set(name, target.prefix + url)
    target.route({ method: METHODS, url, ...options, handler: handler as never })
  }
  const value = (request: FastifyRequest): unknown => caseOf(request.headers['x-case'] as string).value
  const status = (request: FastifyRequest): number => caseOf(request.headers['x-case'] as string).statusCode
  const teapot = (request: FastifyRequest, reply: FastifyReply): void => { reply.code(status(request)).send({ message: 'a message' }) }

  for (const [name, entryPoint] of Object.entries({ ...DECORATOR_CALLS, ...THROWN_ERRORS, ...SENT_PAYLOADS, ...RAW_WRITES })) add(app, name, runWith(entryPoint))

  for (const hook of HOOKS) {
    const after = hook === 'preSerialization' || hook === 'onSend'
    add(app, `${hook} throws`, teapot, { [hook]: async (request: FastifyRequest) => { throw value(request) } })
    add(app, `${hook} calls back with an error`, teapot, {
      [hook]: after
        ? (request: FastifyRequest, _reply: unknown, _payload: unknown, done: (error: unknown) => void) => { done(value(request)) }
        : hook === 'preParsing'
          ? (request: FastifyRequest, _reply: unknown, payload: unknown, done: (error: unknown, payload: unknown) => void) => { done(value(request), payload) }
          : (request: FastifyRequest, _reply: unknown, done: (error: unknown) => void) => { done(value(request)) }
    })
    if (!after) {
      add(app, `${hook} answers`, teapot, { [hook]: async (request: FastifyRequest, reply: FastifyReply) => reply.code(status(request)).send(value(request)) })
    }
  }
  for (const hook of PAYLOAD) {
    add(app, `${hook} puts another payload`, teapot, { [hook]: async (request: FastifyRequest) => value(request) })
    add(app, `${hook} puts a text`, teapot, { [hook]: async (request: FastifyRequest) => `{"message":${JSON.stringify(String(typeof value(request)))}}` })
  }
  add(app, 'onError throws', () => { throw new Error('original') }, { onError: async (request: FastifyRequest) => { throw value(request) } })

  for (const [name, entryPoint] of Object.entries(HANDLER_ACTIONS)) {
    const errorHandler = ((_error: unknown, request: FastifyRequest, reply: FastifyReply) => runWith(entryPoint)(request, reply)) as never
    add(app, `route's error handler: ${name}`, () => { throw new Error('original') }, { errorHandler })
    await app.register(async child => {
      child.setErrorHandler(errorHandler)
      add(child, `child's error handler: ${name}`, async () => { throw new Error('original') })
      await child.register(async inner => {
        inner.setErrorHandler((error, _request, reply) => { reply.code(422).send(error) })
        add(inner, `error handlers in a row: ${name}`, async () => { throw new Error('original') })
      })
    })
    const prefix = `/not-found-${paths.size}`
    await app.register(async child => { child.setNotFoundHandler(runWith(entryPoint) as never) }, { prefix })
    paths.set(`not-found handler: ${name}`, `${prefix}/x`)
  }
  await app.register(async child => {
    child.setErrorHandler((error, request, reply) => { reply.code(status(request)).send(error) })
    for (const [name, entryPoint] of Object.entries(THROWN_ERRORS)) add(child, `error sent again: ${name}`, runWith(entryPoint))
  })

  add(app, 'schema error', teapot, {
    schema: { querystring: { type: 'object', required: ['none'] } },
    schemaErrorFormatter: () => new Error('x')
  })
  add(app, 'validator that throws', teapot, {
    schema: { querystring: { type: 'object' } },
    validatorCompiler: () => () => { throw new Error('x') }
  })
  add(app, 'serializer of a schema', (request, reply) => { reply.code(status(request)).send({ message: value(request) }) }, {
    serializerCompiler: () => () => { throw new Error('x') },
    schema: { response: { 200: { type: 'object' } } }
  })

  for (const [index, base] of upstreams.entries()) {
    const name = ['upstream', 'raw upstream'][index]!
    const from = (options: object = {}) => (request: FastifyRequest, reply: FastifyReply) => reply.from(`${base}${request.url}`, options)
    add(app, name, from())
    add(app, `${name}, and its error`, from({ onError: (reply: FastifyReply, { error }: { error: Error }) => { reply.send(error) } }))
    add(app, `${name}, read`, from({ onResponse: (_request: unknown, reply: FastifyReply, response: { stream: never }) => { reply.send(response.stream) } }))
  }
  return { app, paths }
}
