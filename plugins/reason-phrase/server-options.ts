import { ServerResponse, type Server as HttpServer } from 'node:http'
import { Http2ServerResponse, type Http2SecureServer, type Http2Server } from 'node:http2'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type {
  FastifyBaseLogger, FastifyError, FastifyHttp2Options, FastifyHttp2SecureOptions, FastifyHttpOptions,
  FastifyHttpsOptions, FastifyInstance, FastifyReply, FastifyRequest
} from 'fastify'
import { answerClientError, type ClientError, type ClientErrorListener } from '../../lib/client-error.js'
import { Contract, type ContractOptions } from '../../lib/contract.js'
import { belongsTo, contractKeeper, contractResponse, sayThrown, type ResponseClass } from '../../lib/response/response.js'
import { messageOf } from '../../lib/message.js'
import { hasBegun } from './handlers.js'
import { kVerify, type Verifying } from './permissions.js'

/** Where the plugin finds the contract that the server was created with. */
const ROUTER_OPTION = 'reasonPhraseContract'

/** Options of Node's servers: with `http2`, the response classes are two. */
interface NodeServerOptions {
  ServerResponse?: ResponseClass
  Http1ServerResponse?: ResponseClass
  Http2ServerResponse?: ResponseClass
}

interface Options {
  http?: NodeServerOptions | null
  https?: NodeServerOptions | boolean | null
  clientErrorHandler?: ClientErrorListener
  frameworkErrors?: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => void
  routerOptions?: object
}

/**
 * The type itself, but nothing is inferred for it from what a result is used
 * for: inside of `Fastify()`, a logger would be `never`. The compiler's own
 * `NoInfer` would stay in the types of the service.
 */
type Fixed<Type> = [Type][Type extends unknown ? 0 : never]

/**
 * Fastify's server options, completed so that a service keeps the contract
 * before and outside routing, too: where Fastify or Node answers past every
 * hook. Every option that is given stays in force; what a given
 * `clientErrorHandler` or `frameworkErrors` answers is brought under the
 * contract.
 *
 * @param options Fastify's server options, for an http, https or http2 server
 * @param contract the options of the plugin, which takes them from here
 * @throws {TypeError} for an option of the contract that is unknown, of the wrong type, or cannot work
 */
export function serverOptions<Server extends Http2SecureServer, Logger extends FastifyBaseLogger = FastifyBaseLogger> (
  options: FastifyHttp2SecureOptions<Server, Logger>, contract?: ContractOptions
): FastifyHttp2SecureOptions<Server, Fixed<Logger>>
export function serverOptions<Server extends Http2Server, Logger extends FastifyBaseLogger = FastifyBaseLogger> (
  options: FastifyHttp2Options<Server, Logger>, contract?: ContractOptions
): FastifyHttp2Options<Server, Fixed<Logger>>
export function serverOptions<Server extends HttpsServer, Logger extends FastifyBaseLogger = FastifyBaseLogger> (
  options: FastifyHttpsOptions<Server, Logger>, contract?: ContractOptions
): FastifyHttpsOptions<Server, Fixed<Logger>>
export function serverOptions<Server extends HttpServer, Logger extends FastifyBaseLogger = FastifyBaseLogger> (
  options?: FastifyHttpOptions<Server, Logger>, contract?: ContractOptions
): FastifyHttpOptions<Server, Fixed<Logger>>
export function serverOptions (options: unknown = {}, contractOptions: ContractOptions = {}): any {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError('fastify-reason-phrase: serverOptions takes an object of Fastify server options')
  }
  const contract = new Contract(contractOptions)
  const keepContract = contractKeeper(contract)
  const { http, https, clientErrorHandler, frameworkErrors, routerOptions } = options as Options
  return {
    ...options,
    ...(https ? { https: withResponses(https, contract) } : { http: withResponses(http, contract) }),
    clientErrorHandler (this: FastifyInstance, error: ClientError, socket: Socket) {
      if (clientErrorHandler === undefined) this.log.trace({ err: error }, 'client error')
      answerClientError(contract, error, socket, clientErrorHandler?.bind(this), hasBegun)
    },
    frameworkErrors (error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
      keepContract(reply.raw)
      belongsTo(reply.raw, reply)
      const answer = (refusal?: Error): void => {
        if (refusal !== undefined) reply.send(refusal)
        else if (frameworkErrors !== undefined) frameworkErrors(error, request, reply)
        else {
          sayThrown(reply.raw, messageOf(error), error, false)
          reply.code(error.statusCode!).send()
        }
      }
      // A parameter that is too long tells that there is a route: not to everybody.
      const verify = (request.server as Verifying)[kVerify]
      if (verify === undefined) answer()
      else verify(request, reply, answer)
    },
    // Fastify keeps the options of its router in sight, and by reference.
    routerOptions: { ...routerOptions, [ROUTER_OPTION]: () => contract }
  }
}

/** The contract of the server of this instance, if it was created with {@link serverOptions}. */
export function serverContract (instance: FastifyInstance): Contract | undefined {
  const { routerOptions } = instance.initialConfig as { routerOptions?: { [ROUTER_OPTION]?: () => Contract } }
  return routerOptions?.[ROUTER_OPTION]?.()
}

function withResponses (given: NodeServerOptions | boolean | null | undefined, contract: Contract): NodeServerOptions {
  const options = typeof given === 'object' ? given : {}
  return {
    ...options,
    ServerResponse: contractResponse(options?.ServerResponse ?? ServerResponse, contract),
    Http1ServerResponse: contractResponse(options?.Http1ServerResponse ?? ServerResponse, contract),
    Http2ServerResponse: contractResponse(options?.Http2ServerResponse ?? Http2ServerResponse, contract)
  }
}
