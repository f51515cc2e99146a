import { ServerResponse, type Server as HttpServer } from 'node:http'
import { Http2ServerResponse, type Http2SecureServer, type Http2Server } from 'node:http2'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { inspect } from 'node:util'
import type {
  FastifyBaseLogger, FastifyError, FastifyHttp2Options, FastifyHttp2SecureOptions, FastifyHttpOptions,
  FastifyHttpsOptions, FastifyInstance, FastifyReply, FastifyRequest
} from 'fastify'
import { answerClientError, type ClientError, type ClientErrorListener } from '../../lib/client-error.js'
import { Contract, type ContractOptions } from '../../lib/contract.js'
import { createPatcher, createResponseClass, type ResponseClass } from '../../lib/response/install.js'
import { setError, setReply, startSerializing } from '../../lib/response/state.js'
import { messageFromError } from '../../lib/message.js'
import { isPlainObject } from '../../lib/plain-object.js'
import { CONTRACT_OPTION } from '../../lib/service-contract.js'
import { mayHaveExecuted } from './execution.js'
import { checkContractOptions, checkFastifyOptions } from './option-names.js'
import { kVerify, type Verifying } from './permissions.js'

/** Options of Node's servers. With `http2`, a server has two response classes. */
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
 * The type itself. It keeps the compiler from inferring the type from the use of the result: a logger would be `never` inside
 * of `Fastify()`. The compiler's own `NoInfer` would remain visible in the types of the service.
 */
type Fixed<Type> = [Type][Type extends unknown ? 0 : never]

/**
 * Returns Fastify's server options with additions. With them, a service keeps the contract in the responses that Fastify or
 * Node sends without hooks, for example to malformed requests and bad URLs. Your options stay in force. The responses of your
 * `clientErrorHandler` and `frameworkErrors` keep the contract too.
 *
 * @param options Fastify's server options, for an http, https or http2 server
 * @param contract the options of the contract. The plugin takes them from here
 * @throws {TypeError} for an option of the contract that is unknown, of the wrong type, or cannot work, and for an option
 *   in the wrong argument
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
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`fastify-reason-phrase: serverOptions() takes an object of Fastify's options, such as serverOptions({ logger: true }), not ${inspect(options, { depth: 0 })}`)
  }
  checkFastifyOptions(options)
  if (isPlainObject(contractOptions)) checkContractOptions(contractOptions)
  const contract = new Contract(contractOptions)
  const patch = createPatcher(contract)
  const { http, https, clientErrorHandler, frameworkErrors, routerOptions } = options as Options
  return {
    ...options,
    ...(https ? { https: withResponseClasses(https, contract) } : { http: withResponseClasses(http, contract) }),
    clientErrorHandler (this: FastifyInstance, error: ClientError, socket: Socket) {
      if (clientErrorHandler === undefined) this.log.trace({ err: error }, 'client error')
      answerClientError(contract, error, socket, clientErrorHandler?.bind(this), mayHaveExecuted, this.log)
    },
    frameworkErrors (error: FastifyError, request: FastifyRequest, reply: FastifyReply) {
      patch(reply.raw)
      setReply(reply.raw, reply)
      const answer = (refusal?: Error): void => {
        if (refusal !== undefined) reply.send(refusal)
        else if (frameworkErrors !== undefined) frameworkErrors(error, request, reply)
        else {
          setError(reply.raw, error, messageFromError(error))
          startSerializing(reply.raw)
          reply.code(error.statusCode!).send()
        }
      }
      // The error shows that the route exists. Verify the signature first, because only clients with a key may know that.
      const verify = (request.server as Verifying)[kVerify]
      if (verify === undefined) answer()
      else verify(request, reply, answer)
    },
    // Fastify copies the options of its router to initialConfig, where serverContract() finds the contract.
    routerOptions: { ...routerOptions, [CONTRACT_OPTION]: () => contract }
  }
}

/** Returns the contract of the instance's server, if the server was created with {@link serverOptions}. */
export function serverContract (instance: FastifyInstance): Contract | undefined {
  const { routerOptions } = instance.initialConfig as { routerOptions?: { [CONTRACT_OPTION]?: () => Contract } }
  return routerOptions?.[CONTRACT_OPTION]?.()
}

function withResponseClasses (given: NodeServerOptions | boolean | null | undefined, contract: Contract): NodeServerOptions {
  const options = typeof given === 'object' ? given : {}
  return {
    ...options,
    ServerResponse: createResponseClass(options?.ServerResponse ?? ServerResponse, contract),
    Http1ServerResponse: createResponseClass(options?.Http1ServerResponse ?? ServerResponse, contract),
    Http2ServerResponse: createResponseClass(options?.Http2ServerResponse ?? Http2ServerResponse, contract)
  }
}
