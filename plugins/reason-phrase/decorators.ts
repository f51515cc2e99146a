import type {
  ContextConfigDefault, FastifyInstance, FastifyReply, FastifySchema, FastifyTypeProvider, FastifyTypeProviderDefault,
  RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerBase, RawServerDefault, RouteGenericInterface
} from 'fastify'
import type { FastifyReplyType, ResolveFastifyReplyType } from 'fastify/types/type-provider.js'
import { isExposed, messageOf } from '../../lib/message.js'
import { noteThrown, say, sayBody } from '../../lib/response/response.js'
import { STATUS_CODES } from '../../lib/status-codes.js'

/** Options of `reply.serviceUnavailable()`. */
export interface ServiceUnavailableOptions {
  /** When to try again, as `Retry-After` (RFC 9110 section 10.2.3): seconds from now, or a date. */
  retryAfter?: number | Date | undefined
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

/**
 * The reply as a handler returns it, in the place of the payload that its
 * schema declares: to the compiler a promise of none. Like every reply it has
 * only `then` of a promise; nothing else can be called.
 */
type Answered<Reply> = Reply & {
  then: Promise<never>['then']
  catch: never
  finally: never
  [Symbol.toStringTag]: never
}

/* eslint-disable @typescript-eslint/no-unused-vars */
declare module 'fastify' {
  // The type parameters must be Fastify's own, to the letter. That some return a FastifyReply, too, is what
  // @fastify/sensible declares of the same names.
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
    badRequest (message?: string): Answered<this & FastifyReply>
    /** Answers 401: the request was not constructed and signed correctly. It carries `WWW-Authenticate`. */
    unauthorized (message?: string): Answered<this & FastifyReply>
    /** Answers 403: the permission for this is missing. */
    forbidden (message?: string): Answered<this & FastifyReply>
    /** Answers 404: there is no such resource. */
    notFound (message?: string): Answered<this & FastifyReply>
    /** Answers 422: well-formed, but semantically wrong. */
    unprocessable (message?: string): Answered<this>
    /** Answers 500: the execution status is unknown. */
    internalServerError (message?: string): Answered<this & FastifyReply>
    /** Answers 501: not implemented yet. */
    notImplemented (message?: string): Answered<this & FastifyReply>
    /**
     * Answers 503: temporarily offline.
     * @throws {TypeError} for a `retryAfter` that is no date and no number of seconds
     */
    serviceUnavailable (message?: string, options?: ServiceUnavailableOptions): Answered<this & FastifyReply>
    /** Answers 201 with the payload of the route's own 201 schema, and `Location` where one is given. */
    created (payload: PayloadOf<201, RouteGeneric, SchemaCompiler, TypeProvider>, location?: string): Answered<this>
    /** Answers 202 with the payload of the route's own 202 schema, and `Location` where one is given. */
    accepted (payload: PayloadOf<202, RouteGeneric, SchemaCompiler, TypeProvider>, location?: string): Answered<this>
  }
}
/* eslint-enable @typescript-eslint/no-unused-vars */

/**
 * Adds the reply decorators to an instance.
 *
 * @throws {Error} where another plugin than `@fastify/sensible` has one of them
 */
export function decorateReply (app: FastifyInstance): void {
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
    setMessage(this, message)
    return this.code(statusCode).send()
  }
}

/** Sets the message of a reply. An error that is given as a message is treated as if it had been thrown. */
function setMessage (reply: FastifyReply, message: unknown): void {
  if (typeof message !== 'object' || message === null) {
    // The text of a function is its source.
    say(reply.raw, typeof message === 'function' ? '' : messageOf(message))
    return
  }
  sayBody(reply.raw, messageOf(message), !isExposed(message))
  noteThrown(reply.raw, message)
}

function serviceUnavailable (this: FastifyReply, message?: string, options?: ServiceUnavailableOptions): FastifyReply {
  if (options?.retryAfter !== undefined) this.header('retry-after', retryAfter(options.retryAfter))
  setMessage(this, message)
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
