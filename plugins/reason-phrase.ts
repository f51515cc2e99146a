import type { ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction, RegisterOptions } from 'fastify'
import fp from 'fastify-plugin'
import { discard, isWebResponse, readStart } from '../lib/body.js'
import { answerOnSocket } from '../lib/client-error.js'
import { Contract, type ContractOptions } from '../lib/contract.js'
import { isSendable } from '../lib/headers.js'
import { messageIn, messageOf } from '../lib/message.js'
import {
  belongsTo, contractKeeper, isErrorOf, isExempt, isResent, isSending, markLogged, markSending, messageGiven, messageThrown,
  noteThrown, say, sayResent, sayThrown
} from '../lib/response.js'
import { isServerError, isUnsuccessful } from '../lib/status-codes.js'
import { decorateReply } from './decorators.js'
import { decorateNotImplemented } from './not-implemented.js'
import { checkPermissions } from './permissions.js'
import { checkRoutes, type RouteSchemaOptions } from './route-schemas.js'
import { serverContract } from './server-options.js'
import { keepUpgrades } from './upgrades.js'

/** Options of the plugin. */
export interface ReasonPhraseOptions extends ContractOptions, RouteSchemaOptions {}

// When another process will be there, in seconds, for what is asked of one that closes.
const RETRY_AFTER = '5'

const kRegistration = Symbol('fastify-reason-phrase.registration')

interface Registration {
  contract: Contract
  routes: RouteSchemaOptions
}

type Registered = FastifyInstance & { [kRegistration]?: Registration }

// Servers of which it was said that they go past the contract.
const warned = new WeakSet<object>()

/** The contract that an instance keeps, if the plugin is registered there. */
export function contractOf (app: FastifyInstance): Contract | undefined {
  return (app as Registered)[kRegistration]?.contract
}

// Asynchronous, so that what it throws fails the registration, not the process.
async function reasonPhrase (app: FastifyInstance, options: ReasonPhraseOptions): Promise<void> {
  const { prefix, logLevel, logSerializers, errorSchemas, requireSchemas, ...contractOptions }: RegisterOptions & ReasonPhraseOptions = options
  const earlier = (app as Registered)[kRegistration]
  const ofServer = serverContract(app)
  const contract = contractFor(contractOptions, earlier?.contract ?? ofServer)
  const routes = { ...earlier?.routes, ...(errorSchemas !== undefined && { errorSchemas }), ...(requireSchemas !== undefined && { requireSchemas }) }
  if (earlier !== undefined) {
    if (!isDeepStrictEqual(routes, earlier.routes)) conflict()
    return
  }
  app.decorate(kRegistration, { contract, routes })

  decorateReply(app)
  decorateNotImplemented(app)

  const keepContract = contractKeeper(contract)
  const adopt = (reply: FastifyReply): void => {
    keepContract(rawOf(reply))
    belongsTo(rawOf(reply), reply)
  }
  let isClosing = false
  app.addHook('onRequest', function (_request, reply, done) {
    adopt(reply)
    // With return503OnClosing: false, Fastify goes on to answer as always.
    if (isClosing) rawOf(reply).removeHeader('retry-after')
    done()
  })
  app.addHook('preSerialization', onPreSerialization)
  // What the onRequest of an earlier plugin answers comes past ours.
  app.addHook('onError', function (request, reply, error, done) {
    adopt(reply)
    onError(request, reply, error, done)
  })
  app.addHook('onSend', function (request, reply, payload, done) {
    adopt(reply)
    return onSend(request, reply, payload, done)
  })
  checkRoutes(app, contract, routes)
  checkPermissions(app)

  // Only the root has a server of its own, and answers for all of it.
  if (Object.hasOwn(app, 'server')) {
    const server: NodeJS.EventEmitter = app.server
    const close = (response: ServerResponse): void => { response.setHeader('retry-after', RETRY_AFTER) }
    app.addHook('preClose', done => {
      isClosing = true
      server.prependListener('request', (_request, response: ServerResponse) => { close(response) })
      done()
    })
    app.addHook('onReady', done => {
      // The responses of a server with serverOptions() keep it by their class, until Express gives them another.
      const own = app.hasDecorator('express')
      if (own || ofServer === undefined) {
        server.prependListener('request', (_request, response: ServerResponse) => { keepContract(response, own) })
      }
      done()
    })
    keepUpgrades(app, contract, response => {
      keepContract(response)
      if (isClosing) close(response)
    })
    server.on('unknownProtocol', socket => {
      if (server.listenerCount('unknownProtocol') === 1) answerOnSocket(contract, socket, 400, 'This server speaks HTTP/2 only')
    })
  }
  if (ofServer === undefined) {
    app.addHook('onReady', done => {
      if (warned.has(app.server)) return done()
      warned.add(app.server)
      app.log.warn('fastify-reason-phrase: this server was created without serverOptions(), so it answers malformed requests past the contract')
      done()
    })
  }
}

function contractFor (options: ContractOptions, existing: Contract | undefined): Contract {
  const contract = new Contract(options)
  if (existing === undefined) return contract
  if (Object.keys(options).length > 0 && !contract.equals(existing)) conflict()
  return existing
}

function conflict (): never {
  throw new Error('fastify-reason-phrase: these options differ from those that the server, or an earlier registration, has. Give them once')
}

function onPreSerialization (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: HookHandlerDoneFunction): void {
  const response = rawOf(reply)
  markSending(response)
  if (isUnsuccessful(reply.statusCode) && !isExempt(response)) {
    const message = messageIn(payload)
    if (isResent(response, payload)) {
      sayResent(response, message)
      done()
      return
    }
    // An error handler that sends a body without a message hides that of the error.
    if (message !== '' || messageThrown(response) !== undefined) say(response, message)
    // Fastify's own not-found handler logs what it sends.
    if (request.is404 && message === `Route ${request.raw.method}:${request.raw.url} not found`) markLogged(response)
  }
  done()
}

// What else Fastify reads of an error.
const ALSO_READ = ['code', 'message']

interface Thrown {
  headers?: unknown
  statusCode?: unknown
  status?: unknown
  expose?: unknown
  isBoom?: unknown
  output?: { statusCode: number, headers: Record<string, string> }
}

function onError (request: FastifyRequest, reply: FastifyReply, thrown: unknown, done: () => void): void {
  const response = rawOf(reply)
  if (isExempt(response)) {
    done()
    return
  }
  let exposed = false
  let hasStatus = false
  let isReadable = false
  try {
    const error: Thrown = Object(thrown)
    // As Fastify reads them: null has no keys, and a symbol is no number.
    const { headers, statusCode, status, expose, isBoom, output } = error
    for (const name of ALSO_READ) Reflect.get(error, name)
    if (headers !== undefined) Object.keys(headers as object)
    hasStatus = isBoom === true || isUnsuccessful(Number(statusCode)) || isUnsuccessful(Number(status))
    exposed = expose === true
    isReadable = thrown instanceof Error
    if (isBoom === true && output !== undefined) {
      // Of a Boom every status code is one of these; what only looks like one can have any.
      if (isUnsuccessful(output.statusCode)) reply.code(output.statusCode)
      reply.headers(output.headers)
    }
  } catch {
    // Where a getter throws, Fastify fails, too, and leaves the status code at 200.
    reply.code(500)
  }
  const earlier = messageGiven(response) ?? messageThrown(response)
  if (earlier !== undefined && !hasStatus && isUnsuccessful(reply.statusCode) && !isServerError(reply.statusCode)) {
    // Another plugin's onSend, say, failed what is answered: no fault of the client's, and not for it to read.
    say(response, earlier)
    noteThrown(response, thrown)
  } else {
    sayThrown(response, messageOf(thrown), thrown, exposed)
  }
  ignorePreconditions(request)
  // What is no Error, Fastify sends as a payload, past the very hook that threw it, and
  // what cannot be read, it reads again where nothing catches it: either would end the process.
  if (!isReadable && isSending(response)) response.writeHead(500).end()
  done()
}

/** An error is one whatever the client has cached (RFC 9110 section 13.2.1). */
function ignorePreconditions ({ raw: { headers } }: FastifyRequest): void {
  if (headers['if-none-match'] !== undefined) delete headers['if-none-match']
}

function onSend (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: (error?: Error | null, payload?: unknown) => void): Promise<string> | undefined {
  const response = rawOf(reply)
  markSending(response)
  // Fastify serialises what it fails to read of an error that an error handler threw, with the status code as it was.
  if (!isUnsuccessful(reply.statusCode) && messageThrown(response) !== undefined && isErrorOf(reply.statusCode, payload)) reply.code(500)
  // The status of a fetch Response goes before the reply's.
  const isResponse = isWebResponse(payload)
  if (!isUnsuccessful(isResponse ? payload.status : reply.statusCode) || isExempt(response)) {
    done()
    return
  }
  ignorePreconditions(request)
  if (payload === undefined || payload === null) {
    // So does one that sends no body at all.
    if (messageThrown(response) !== undefined) say(response, '')
    done()
    return
  }
  if (isResponse) {
    // Fastify catches what the rest of the sending throws only where it is behind its own promise.
    return onSendWebResponse(reply, payload).then(() => '')
  }
  if (typeof payload === 'string' || payload instanceof Uint8Array) liftMessage(reply, payload)
  else discard(payload)
  // Fastify's own hook for HEAD takes any payload but null.
  done(null, request.method === 'HEAD' ? '' : null)
}

function liftMessage (reply: FastifyReply, body: string | Uint8Array): void {
  const response = rawOf(reply)
  if (messageGiven(response) !== undefined) return
  const message = messageIn(body)
  if (isResent(response, body)) {
    sayResent(response, message)
    markLogged(response)
    return
  }
  const thrown = messageThrown(response)
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
  // What Node refuses fails where Fastify, which has an error already, cannot answer it again.
  for (const [name, value] of Object.entries(reply.getHeaders())) if (!isSendable(name, value)) reply.removeHeader(name)
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
