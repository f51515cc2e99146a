import type {
  ContextConfigDefault, FastifyInstance, FastifyReply, FastifySchema, FastifyTypeProvider, FastifyTypeProviderDefault,
  RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerBase, RawServerDefault, RouteGenericInterface
} from 'fastify'
import type { FastifyReplyType, ResolveFastifyReplyType } from 'fastify/types/type-provider.js'
import type { Contract } from '../../lib/contract.js'
import { findSymbol } from '../../lib/find-symbol.js'
import { STATUS_CODES } from '../../lib/status-codes.js'
import { decorate, getCurrentOwner } from './decorate.js'
import { createErrorDecorator, createErrorSender, type ErrorStatusCode, type ReplyErrorOptions } from './send-error.js'

const SENSIBLE = '@fastify/sensible'

declare const missing: unique symbol

/** The payload type if the route has no schema for the status code. No value has this type, and the compiler error shows `Fix`. */
interface MissingSchema<Fix extends string> {
  readonly [missing]: Fix
}

/** The payload that a route declares for a status code; `unknown` if it declares no payloads at all. */
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
 * The reply, with a type that a handler may return instead of the payload of its schema. To the compiler, it is a promise
 * that never resolves to a payload. Of the members of a promise, a reply only has `then`.
 */
type SentReply<Reply> = Reply & {
  then: Promise<never>['then']
  catch: never
  finally: never
  [Symbol.toStringTag]: never
}

/* eslint-disable @typescript-eslint/no-unused-vars */
declare module 'fastify' {
  // The type parameters must equal those of Fastify. Some decorators return `this & FastifyReply`, because @fastify/sensible
  // declares the same decorators with the type FastifyReply.
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
    /**
     * Sends an error with any status code of the service's table: one of the contract, or one of the option `statusCodes`.
     *
     * @param message the reason that the client receives. Default: the phrase of the table
     * @throws {TypeError} for a status code that is not in the table, and for invalid options
     */
    error (statusCode: ErrorStatusCode, message?: string, options?: ReplyErrorOptions): SentReply<this>
    /** Sends 400: the request is malformed, too large, or cannot be processed. */
    badRequest (message?: string, options?: ReplyErrorOptions): SentReply<this & FastifyReply>
    /** Sends 401: the request was not constructed and signed correctly. Adds `WWW-Authenticate`. */
    unauthorized (message?: string, options?: ReplyErrorOptions): SentReply<this & FastifyReply>
    /** Sends 403: the client does not have the required permission. */
    forbidden (message?: string, options?: ReplyErrorOptions): SentReply<this & FastifyReply>
    /** Sends 404: there is no such resource. */
    notFound (message?: string, options?: ReplyErrorOptions): SentReply<this & FastifyReply>
    /** Sends 422: the request is well-formed, but semantically wrong. */
    unprocessable (message?: string, options?: ReplyErrorOptions): SentReply<this>
    /** Sends 500: the operation may or may not have happened. */
    internalServerError (message?: string, options?: ReplyErrorOptions): SentReply<this & FastifyReply>
    /** Sends 501: not implemented yet. */
    notImplemented (message?: string, options?: ReplyErrorOptions): SentReply<this & FastifyReply>
    /** Sends 503: the service is temporarily unavailable. The option `retryAfter` sets `Retry-After`. */
    serviceUnavailable (message?: string, options?: ReplyErrorOptions): SentReply<this & FastifyReply>
    /** Sends 201 with the payload of the route's 201 schema, and the location as `Location`. */
    created (payload: PayloadOf<201, RouteGeneric, SchemaCompiler, TypeProvider>, location?: string): SentReply<this>
    /** Sends 202 with the payload of the route's 202 schema, and the location as `Location`. */
    accepted (payload: PayloadOf<202, RouteGeneric, SchemaCompiler, TypeProvider>, location?: string): SentReply<this>
  }
}
/* eslint-enable @typescript-eslint/no-unused-vars */

type Decorator = (this: FastifyReply, ...args: any[]) => FastifyReply

/** The description of the symbol under which Fastify keeps the class of the replies of an instance. */
const REPLY = 'fastify.Reply'

/**
 * Adds the reply decorators to an instance.
 *
 * @throws {Error} if a plugin other than `@fastify/sensible` has added one of them
 */
export function decorateReply (app: FastifyInstance, contract: Contract): void {
  const decorators: Record<string, Decorator> = { created, accepted, error: createErrorSender(contract) }
  for (const [statusCode, { decorator }] of Object.entries(STATUS_CODES)) decorators[decorator] = createErrorDecorator(Number(statusCode))

  const sensible = app.hasPlugin(SENSIBLE)
  for (const [name, decorator] of Object.entries(decorators)) {
    // The decorators of @fastify/sensible send http-errors, which keep the contract.
    if (sensible && app.hasReplyDecorator(name)) addOptions(app, name, decorator)
    else decorate(app, 'reply', name, decorator)
  }

  // Replace Fastify's error, which does not say what to do.
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

/** Makes a decorator of `@fastify/sensible` call our decorator if it gets options, which it would ignore. */
function addOptions (app: FastifyInstance, name: string, decorator: Decorator): void {
  const symbol = findSymbol(app, REPLY)
  if (symbol === undefined) return
  const { prototype } = (app as unknown as Record<symbol, { prototype: Record<string, Decorator> }>)[symbol]!
  const original = prototype[name]!
  prototype[name] = function (message, options) {
    return options === undefined ? original.call(this, message) : decorator.call(this, message, options)
  }
}

function created (this: FastifyReply, payload: unknown, location?: string): FastifyReply {
  if (location !== undefined) this.header('location', location)
  return this.code(201).send(payload)
}

function accepted (this: FastifyReply, payload: unknown, location?: string): FastifyReply {
  if (location !== undefined) this.header('location', location)
  return this.code(202).send(payload)
}
