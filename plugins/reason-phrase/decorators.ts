import type {
  ContextConfigDefault, FastifyInstance, FastifyReply, FastifySchema, FastifyTypeProvider, FastifyTypeProviderDefault,
  RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerBase, RawServerDefault, RouteGenericInterface
} from 'fastify'
import type { FastifyReplyType, ResolveFastifyReplyType } from 'fastify/types/type-provider.js'
import { isExposedError, messageFromError } from '../../lib/message.js'
import { attachError, setReplyMessage } from '../../lib/response/state.js'
import { STATUS_CODES } from '../../lib/status-codes.js'
import { decorate, getCurrentOwner } from './decorate.js'

const SENSIBLE = '@fastify/sensible'

/** Options of `reply.serviceUnavailable()`. */
export interface ServiceUnavailableOptions {
  /** When the client can retry, for the `Retry-After` header (RFC 9110 section 10.2.3): in seconds, or a date. */
  retryAfter?: number | Date | undefined
}

declare const missing: unique symbol

/** The payload of a status code that the route has no schema for. No value has this type. The compiler shows its parameter. */
interface MissingSchema<Fix extends string> {
  readonly [missing]: Fix
}

/** The payload that a route declares for a status code, if it declares any. */
type PayloadOf<
  Code extends number,
  RouteGeneric extends RouteGenericInterface,
  SchemaCompiler extends FastifySchema,
  TypeProvider extends FastifyTypeProvider
> = SchemaCompiler extends { response: infer Schemas }
  ? Code extends keyof Schemas
    ? (TypeProvider & { schema: Schemas[Code] })['serializer']
    : '2xx' extends keyof Schemas ? (TypeProvider & { schema: Schemas['2xx'] })['serializer'] : MissingSchema<`Add a schema for ${Code} to schema.response of this route`>
  : RouteGeneric['Reply'] extends { [code in Code]: infer Payload } ? Payload : unknown

/**
 * The reply as a handler may return it instead of the payload that its schema declares. To the compiler, it is a promise
 * of no payload. Like every reply, it has only `then` of a promise.
 */
type SentReply<Reply> = Reply & {
  then: Promise<never>['then']
  catch: never
  finally: never
  [Symbol.toStringTag]: never
}

/* eslint-disable @typescript-eslint/no-unused-vars */
declare module 'fastify' {
  // The type parameters must be exactly those of Fastify. Some decorators return a FastifyReply too, because
  // @fastify/sensible declares the same names so.
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
    /** Sends 400: the request is malformed, too large, or cannot be processed. */
    badRequest (message?: string): SentReply<this & FastifyReply>
    /** Sends 401: the request was not constructed and signed correctly. Adds `WWW-Authenticate`. */
    unauthorized (message?: string): SentReply<this & FastifyReply>
    /** Sends 403: the permission for this is missing. */
    forbidden (message?: string): SentReply<this & FastifyReply>
    /** Sends 404: there is no such resource. */
    notFound (message?: string): SentReply<this & FastifyReply>
    /** Sends 422: the request is well-formed, but semantically wrong. */
    unprocessable (message?: string): SentReply<this>
    /** Sends 500: the operation may or may not have happened. */
    internalServerError (message?: string): SentReply<this & FastifyReply>
    /** Sends 501: not implemented yet. */
    notImplemented (message?: string): SentReply<this & FastifyReply>
    /**
     * Sends 503: temporarily offline.
     *
     * @throws {TypeError} for a `retryAfter` that is no date and no number of seconds
     */
    serviceUnavailable (message?: string, options?: ServiceUnavailableOptions): SentReply<this & FastifyReply>
    /** Sends 201 with the payload of the route's 201 schema, and the location as `Location`. */
    created (payload: PayloadOf<201, RouteGeneric, SchemaCompiler, TypeProvider>, location?: string): SentReply<this>
    /** Sends 202 with the payload of the route's 202 schema, and the location as `Location`. */
    accepted (payload: PayloadOf<202, RouteGeneric, SchemaCompiler, TypeProvider>, location?: string): SentReply<this>
  }
}
/* eslint-enable @typescript-eslint/no-unused-vars */

/**
 * Adds the reply decorators to an instance.
 *
 * @throws {Error} if a plugin other than `@fastify/sensible` has added one of them
 */
export function decorateReply (app: FastifyInstance): void {
  const decorators: Record<string, (this: FastifyReply, ...args: any[]) => FastifyReply> = { created, accepted }
  for (const [statusCode, { decorator }] of Object.entries(STATUS_CODES)) decorators[decorator] = createErrorDecorator(Number(statusCode))
  decorators.serviceUnavailable = serviceUnavailable

  const sensible = app.hasPlugin(SENSIBLE)
  for (const [name, decorator] of Object.entries(decorators)) {
    // The decorators of @fastify/sensible send http-errors, which keep the contract.
    if (!(sensible && app.hasReplyDecorator(name))) decorate(app, 'reply', name, decorator)
  }

  // Fastify's error names the decorator, but not what to do.
  const decorateByFastify = app.decorateReply
  app.decorateReply = function (this: FastifyInstance, name: string | symbol, ...rest: any[]) {
    try {
      return Reflect.apply(decorateByFastify, this, [name, ...rest])
    } catch (cause) {
      if (!Object.hasOwn(decorators, name)) throw cause
      const fix = this.hasPlugin(SENSIBLE) ? `${SENSIBLE} must be registered first` : `Give the one of ${getCurrentOwner(this)} another name`
      throw new Error(`fastify-reason-phrase: the reply decorator "${String(name)}" exists already, added by fastify-reason-phrase. ${fix}`, { cause })
    }
  } as typeof app.decorateReply
}

function createErrorDecorator (statusCode: number) {
  return function (this: FastifyReply, message?: string): FastifyReply {
    setMessage(this, message)
    return this.code(statusCode).send()
  }
}

/** Sets the message of a reply. An error instead of a text is treated as if it were thrown. */
function setMessage (reply: FastifyReply, message: unknown): void {
  if (typeof message !== 'object' || message === null) {
    // The text of a function would be its source code.
    setReplyMessage(reply.raw, typeof message === 'function' ? '' : messageFromError(message))
    return
  }
  setReplyMessage(reply.raw, messageFromError(message), !isExposedError(message))
  attachError(reply.raw, message)
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
