import type { ServerResponse } from 'node:http'
import type {
  ContextConfigDefault, FastifyInstance, FastifyPluginOptions, FastifyReply, FastifyRequest, FastifySchema,
  FastifyTypeProvider, FastifyTypeProviderDefault, HookHandlerDoneFunction, RawReplyDefaultExpression,
  RawRequestDefaultExpression, RawServerBase, RawServerDefault, RouteGenericInterface
} from 'fastify'
import type { FastifyReplyType, ResolveFastifyReplyType } from 'fastify/types/type-provider.js'
import fp from 'fastify-plugin'
import { answerOnSocket } from '../lib/client-error.js'
import { Contract, type ContractOptions } from '../lib/contract.js'
import { discard, isWebResponse, readStart } from '../lib/body.js'
import { messageIn, messageOf } from '../lib/message.js'
import { contractKeeper, logTo, markLogged, messageGiven, messageThrown, say, sayThrown } from '../lib/response.js'
import { STATUS_CODES, isUnsuccessful } from '../lib/status-codes.js'
import { serverContract } from './server-options.js'

/** Options of `reply.serviceUnavailable()`. */
export interface ServiceUnavailableOptions {
  /** When to try again, as `Retry-After` (RFC 9110 section 10.2.3): seconds from now, or a date. */
  retryAfter?: number | Date
}

/** The payload that a route declares for a status code, where it declares any. */
type PayloadOf<
  Code extends number,
  RouteGeneric extends RouteGenericInterface,
  SchemaCompiler extends FastifySchema,
  TypeProvider extends FastifyTypeProvider
> = SchemaCompiler extends { response: infer Schemas }
  ? Code extends keyof Schemas
    ? (TypeProvider & { schema: Schemas[Code] })['serializer']
    : '2xx' extends keyof Schemas ? (TypeProvider & { schema: Schemas['2xx'] })['serializer'] : never
  : RouteGeneric['Reply'] extends { [code in Code]: infer Payload } ? Payload : unknown

declare module 'fastify' {
  // The type parameters must be Fastify's own, to the letter. What is returned
  // is the reply; that it is void, too, lets a handler return it in the place
  // of the payload that its schema declares.
  interface FastifyReply<
    RouteGeneric extends RouteGenericInterface = RouteGenericInterface,
    RawServer extends RawServerBase = RawServerDefault,
    RawRequest extends RawRequestDefaultExpression<RawServer> = RawRequestDefaultExpression<RawServer>,
    RawReply extends RawReplyDefaultExpression<RawServer> = RawReplyDefaultExpression<RawServer>,
    ContextConfig = ContextConfigDefault,
    SchemaCompiler extends FastifySchema = FastifySchema,
    TypeProvider extends FastifyTypeProvider = FastifyTypeProviderDefault,
    ReplyType extends FastifyReplyType = ResolveFastifyReplyType<TypeProvider, SchemaCompiler, RouteGeneric>
  > {
    /** Answers 400: the request is malformed, too large, or cannot be processed. */
    badRequest (message?: string): this & void
    /** Answers 401: the request was not constructed and signed correctly. It carries `WWW-Authenticate`. */
    unauthorized (message?: string): this & void
    /** Answers 403: the permission for this is missing. */
    forbidden (message?: string): this & void
    /** Answers 404: there is no such resource. */
    notFound (message?: string): this & void
    /** Answers 422: well-formed, but semantically wrong. */
    unprocessable (message?: string): this & void
    /** Answers 500: the execution status is unknown. */
    internalServerError (message?: string): this & void
    /** Answers 501: not implemented yet. */
    notImplemented (message?: string): this & void
    /**
     * Answers 503: temporarily offline.
     * @throws {TypeError} for a `retryAfter` that is no date and no number of seconds
     */
    serviceUnavailable (message?: string, options?: ServiceUnavailableOptions): this & void
    /** Answers 201 with the payload of the route's own 201 schema, and `Location` where one is given. */
    created (payload: PayloadOf<201, RouteGeneric, SchemaCompiler, TypeProvider>, location?: string): this & void
    /** Answers 202 with the payload of the route's own 202 schema, and `Location` where one is given. */
    accepted (payload: PayloadOf<202, RouteGeneric, SchemaCompiler, TypeProvider>, location?: string): this & void
  }
}

const kContract = Symbol('fastify-reason-phrase.contract')

type Registered = FastifyInstance & { [kContract]?: Contract }

// Asynchronous, so that what it throws fails the registration, not the process.
async function reasonPhrase (app: FastifyInstance, options: ContractOptions & FastifyPluginOptions): Promise<void> {
  const registered = (app as Registered)[kContract]
  const contract = contractFor(options, registered ?? serverContract(app))
  if (registered !== undefined) return
  app.decorate(kContract, contract)

  decorateReply(app)

  const keepContract = contractKeeper(contract)
  app.addHook('onRequest', function (_request, reply, done) {
    keepContract(rawOf(reply))
    logTo(rawOf(reply), reply.log)
    done()
  })
  app.addHook('preSerialization', onPreSerialization)
  app.addHook('onError', onError)
  app.addHook('onSend', onSend)

  // Only the root has a server of its own, and answers for all of it.
  if (Object.hasOwn(app, 'server')) {
    const server: NodeJS.EventEmitter = app.server
    server.prependListener('request', (_request, response: ServerResponse) => { keepContract(response) })
    server.on('unknownProtocol', socket => {
      if (server.listenerCount('unknownProtocol') === 1) answerOnSocket(contract, socket, 400, 'This server speaks HTTP/2 only')
    })
  }
  if (serverContract(app) === undefined) {
    app.addHook('onReady', done => {
      app.log.warn('fastify-reason-phrase: this server was created without serverOptions(), so it answers malformed requests past the contract')
      done()
    })
  }
}

function contractFor (options: ContractOptions & FastifyPluginOptions, existing: Contract | undefined): Contract {
  const { prefix, logLevel, logSerializers, ...own } = options
  const contract = new Contract(own)
  if (existing === undefined) return contract
  if (Object.keys(own).length > 0 && !contract.equals(existing)) {
    throw new Error('fastify-reason-phrase: these options differ from those that the server, or an earlier registration, has. Give them once')
  }
  return existing
}

function decorateReply (app: FastifyInstance): void {
  const decorators: Record<string, (this: FastifyReply, ...args: any[]) => FastifyReply> = { created, accepted }
  for (const [statusCode, { decorator }] of Object.entries(STATUS_CODES)) decorators[decorator] = refuseWith(Number(statusCode))
  decorators.serviceUnavailable = serviceUnavailable

  const sensible = app.hasPlugin('@fastify/sensible')
  for (const [name, decorator] of Object.entries(decorators)) {
    // Those of @fastify/sensible send http-errors, which keep the contract.
    if (!(sensible && app.hasReplyDecorator(name))) app.decorateReply(name, decorator)
  }

  // Fastify's own error names the decorator, but no way out.
  const decorate = app.decorateReply
  app.decorateReply = function (this: FastifyInstance, name: string | symbol, ...rest: any[]) {
    try {
      return Reflect.apply(decorate, this, [name, ...rest])
    } catch (cause) {
      if (!Object.hasOwn(decorators, name)) throw cause
      throw new Error(`fastify-reason-phrase: the reply decorator "${String(name)}" is there already. A plugin that brings its own, such as @fastify/sensible, must be registered first`, { cause })
    }
  } as typeof app.decorateReply
}

function refuseWith (statusCode: number) {
  return function (this: FastifyReply, message?: string): FastifyReply {
    say(rawOf(this), messageOf(message))
    return this.code(statusCode).send()
  }
}

function serviceUnavailable (this: FastifyReply, message?: string, options?: ServiceUnavailableOptions): FastifyReply {
  if (options?.retryAfter !== undefined) this.header('retry-after', retryAfter(options.retryAfter))
  say(rawOf(this), messageOf(message))
  return this.code(503).send()
}

function retryAfter (value: number | Date): string {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return value.toUTCString()
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return String(Math.ceil(value))
  throw new TypeError('fastify-reason-phrase: retryAfter must be a number of seconds or a valid Date')
}

function created (this: FastifyReply, payload: unknown, location?: string): FastifyReply {
  if (location !== undefined) this.header('location', location)
  return this.code(201).send(payload)
}

function accepted (this: FastifyReply, payload: unknown, location?: string): FastifyReply {
  if (location !== undefined) this.header('location', location)
  return this.code(202).send(payload)
}

function onPreSerialization (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: HookHandlerDoneFunction): void {
  if (isUnsuccessful(reply.statusCode)) {
    const message = messageIn(payload)
    if (message !== '') say(rawOf(reply), message)
    // Fastify's own not-found handler logs what it sends.
    if (request.is404 && message === `Route ${request.raw.method}:${request.raw.url} not found`) markLogged(rawOf(reply))
  }
  done()
}

// What Fastify reads of an error to answer it.
const READ_BY_FASTIFY = ['headers', 'statusCode', 'status']

interface Thrown {
  expose?: unknown
  isBoom?: unknown
  output?: { statusCode: number, headers: Record<string, string> }
}

function onError (_request: FastifyRequest, reply: FastifyReply, thrown: unknown, done: () => void): void {
  let exposed = false
  try {
    const error: Thrown = Object(thrown)
    for (const name of READ_BY_FASTIFY) Reflect.get(error, name)
    const { expose, isBoom, output } = error
    exposed = expose === true
    if (isBoom === true && output !== undefined) reply.code(output.statusCode).headers(output.headers)
  } catch {
    // Where a getter throws, Fastify fails, too, and leaves the status code at 200.
    reply.code(500)
  }
  sayThrown(rawOf(reply), messageOf(thrown), thrown, exposed)
  done()
}

function onSend (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: (error?: Error | null, payload?: unknown) => void): void {
  if (isWebResponse(payload) && isUnsuccessful(payload.status)) {
    onSendWebResponse(reply, payload).then(() => { done(null, '') }, done)
    return
  }
  if (!isUnsuccessful(reply.statusCode)) {
    done()
    return
  }
  if (payload === undefined || payload === null) {
    done()
    return
  }
  if (typeof payload === 'string' || payload instanceof Uint8Array) liftMessage(reply, payload)
  else discard(payload)
  // Fastify's own hook for HEAD takes any payload but null.
  done(null, request.method === 'HEAD' ? '' : null)
}

function liftMessage (reply: FastifyReply, body: string | Uint8Array): void {
  const response = rawOf(reply)
  if (messageGiven(response) !== undefined) return
  const thrown = messageThrown(response)
  const message = messageIn(body)
  if (thrown === undefined) {
    if (message !== '') say(response, message)
    return
  }
  // Only Fastify's own serialisation of an error has its length by now. The
  // error is in the log already, and may be one that an error handler threw.
  const serialised = reply.hasHeader('content-length')
  if (message !== '' && message !== thrown) {
    if (serialised) sayThrown(response, message, undefined, false)
    else say(response, message)
  }
  if (serialised || message === thrown) markLogged(response)
}

// Fastify takes status and headers of a fetch Response only after this hook.
async function onSendWebResponse (reply: FastifyReply, payload: Response): Promise<void> {
  reply.code(payload.status)
  for (const [name, value] of payload.headers) reply.header(name, value)
  const message = messageIn(await readStart(payload.body)) || payload.statusText
  if (message !== '') say(rawOf(reply), message)
}

function rawOf (reply: FastifyReply): ServerResponse {
  return reply.raw
}

/**
 * The Fastify plugin that makes every response of a service keep the
 * contract of `responses.md`, from routing on; {@link serverOptions} does it
 * for what comes before.
 */
export default fp(reasonPhrase, { fastify: '5.x', name: 'fastify-reason-phrase' })
