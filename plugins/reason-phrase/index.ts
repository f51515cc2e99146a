import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { isDeepStrictEqual } from 'node:util'
import type { FastifyInstance, FastifyReply, FastifyRequest, HookHandlerDoneFunction, RegisterOptions } from 'fastify'
import fp from 'fastify-plugin'
import { discard, isWebResponse, readStart } from '../../lib/body.js'
import { answerIfAwaited, answerOnSocket, type ClientErrorListener } from '../../lib/client-error.js'
import { Contract, type ContractOptions } from '../../lib/contract.js'
import { isErrorReport, isSerializedError } from '../../lib/error-report.js'
import { isSendable } from '../../lib/headers.js'
import { isJson, isPlainText } from '../../lib/media-type.js'
import { messageIn, messageOf, startOf } from '../../lib/message.js'
import { HEADER_LIMIT } from '../../lib/reason-phrase.js'
import { drainOnCancel } from '../../lib/response/request-body.js'
import {
  belongsTo, contractKeeper, isExempt, isResent, isSending, keepContractByClass, markLogged, markSending, markThrown,
  messageGiven, messageThrown, noteThrown, say, sayBody, sayResent, sayThrown, setPayload, takePayload
} from '../../lib/response/response.js'
import { RETRY_AFTER_SECONDS } from '../../lib/service-unavailable.js'
import { isServerError, isUnsuccessful } from '../../lib/status-codes.js'
import { decorateReply } from './decorators.js'
import { hasBegun, noteHandlers } from './handlers.js'
import { decorateNotImplemented } from './not-implemented.js'
import { checkPermissions } from './permissions.js'
import { checkRoutes, serializeIgnored, type RouteSchemaOptions } from './route-schemas.js'
import { serverContract } from './server-options.js'
import { keepUpgrades } from './upgrades.js'

/** Options of the plugin. */
export interface ReasonPhraseOptions extends ContractOptions, RouteSchemaOptions {}

// The compiler drops an import that no type needs. These add to Fastify's own types.
export type {} from './decorators.js'
export type {} from './not-implemented.js'
export type {} from './permissions.js'
export type {} from './route-schemas.js'

// When another process will be there, in seconds, for what is asked of one that closes.
const RETRY_AFTER = String(RETRY_AFTER_SECONDS)

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
    return onSend(contract, request, reply, payload, done)
  })
  noteHandlers(app)
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
      const byClass = ofServer !== undefined || keepContractByClass(server, contract)
      // Express gives the responses another class.
      const own = app.hasDecorator('express')
      if (own || !byClass) {
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
      keepClientErrors(app.server, contract)
      app.log.warn('fastify-reason-phrase: this server was created without serverOptions(), so it answers malformed requests past the contract')
      done()
    })
  }
}

/** Brings what others answer to a client error under the contract, where a response is still to come. */
function keepClientErrors (server: NodeJS.EventEmitter, contract: Contract): void {
  const listeners = server.listeners('clientError') as ClientErrorListener[]
  server.removeAllListeners('clientError')
  server.on('clientError', (error, socket) => {
    answerIfAwaited(contract, error, socket, (error, socket) => { for (const listener of listeners) listener.call(server, error, socket) }, hasBegun)
  })
}

function contractFor (options: ContractOptions, existing: Contract | undefined): Contract {
  const contract = new Contract(options)
  if (existing === undefined) return contract
  if (Object.values(options).some(value => value !== undefined) && !contract.equals(existing)) conflict()
  return existing
}

function conflict (): never {
  throw new Error('fastify-reason-phrase: these options differ from those that the server, or an earlier registration, has. Give them once')
}

function onPreSerialization (_request: FastifyRequest, reply: FastifyReply, payload: unknown, done: HookHandlerDoneFunction): void {
  const response = rawOf(reply)
  markSending(response)
  if (isUnsuccessful(reply.statusCode) && !isExempt(response)) setPayload(response, payload)
  done()
}

interface Thrown {
  code?: unknown
  message?: unknown
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
    // Fastify reads these, too. As it does: null has no keys, and a symbol is no number.
    const { headers, statusCode, status, expose, isBoom, output, code: _code, message: _message } = error // eslint-disable-line @typescript-eslint/no-unused-vars
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
  // What failed may be a hook between the payload and ours.
  const object = takePayload(response)
  if (object !== undefined) liftSerialized(request, reply, serialize(reply, object), object)
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
  markThrown(response)
  done()
}

/** An error is one whatever the client has cached (RFC 9110 section 13.2.1). */
function ignorePreconditions ({ raw: { headers } }: FastifyRequest): void {
  if (headers['if-none-match'] !== undefined) delete headers['if-none-match']
}

function onSend (contract: Contract, request: FastifyRequest, reply: FastifyReply, payload: unknown, done: (error?: Error | null, payload?: unknown) => void): Promise<string> | undefined {
  const response = rawOf(reply)
  markSending(response)
  // Fastify serialises what it fails to read of an error that an error handler threw, with the status code as it was.
  if (!isUnsuccessful(reply.statusCode) && messageThrown(response) !== undefined && isSerializedError(reply.statusCode, payload)) reply.code(500)
  // The status of a fetch Response goes before the reply's.
  const isResponse = isWebResponse(payload)
  if (!isUnsuccessful(isResponse ? payload.status : reply.statusCode) || isExempt(response)) {
    done()
    return
  }
  ignorePreconditions(request)
  if (payload === undefined || payload === null) {
    hideThrown(response)
    done()
    return
  }
  const object = takePayload(response)
  if (isResponse) return onSendLater(reply, onSendWebResponse(reply, payload))
  const text = typeof payload === 'string' || payload instanceof Uint8Array ? payload : undefined
  if (object !== undefined) {
    // An earlier hook may have compressed it. Or it failed, and this is Fastify's text of the error, which has its length by now.
    const isSerialized = text !== undefined && !reply.hasHeader('content-length')
    liftSerialized(request, reply, isSerialized ? text : serialize(reply, object), object)
  } else if (text !== undefined) {
    liftMessage(reply, text)
  } else if (hasReadableText(reply) && messageGiven(response) === undefined && !reply.hasHeader(contract.field)) {
    return onSendLater(reply, onSendStream(reply, payload as Readable))
  } else if (!reply.hasHeader('content-encoding')) {
    hideThrown(response)
  }
  if (text === undefined) discard(drainOnCancel(payload as Readable, request.raw))
  // Fastify's own hook for HEAD takes any payload but null.
  done(null, request.method === 'HEAD' ? '' : null)
}

// Fastify catches what the rest of the sending throws only where it is behind its own promise.
async function onSendLater (reply: FastifyReply, message: Promise<void>): Promise<string> {
  await message
  // Answered meanwhile, as @fastify/reply-from does when an upstream is silent for long: nothing is left to send.
  if (reply.sent) await new Promise(() => {})
  return ''
}

/** Whether a stream is of what a message can be in. */
function hasReadableText (reply: FastifyReply): boolean {
  const type = reply.getHeader('content-type')
  return typeof type === 'string' && (isJson(type) || isPlainText(type)) && !reply.hasHeader('content-encoding')
}

async function onSendStream (reply: FastifyReply, payload: Readable | ReadableStream<Uint8Array>): Promise<void> {
  const { bytes, isCut } = await readStart(drainOnCancel(payload, reply.request.raw))
  const message = messageIn(bytes, isCut)
  // An upstream's own 5xx is not for its clients.
  if (message !== '') sayBody(rawOf(reply), message, isServerError(reply.statusCode))
  else hideThrown(rawOf(reply))
}

/** An error handler that sends a body without a message, or no body, hides that of the error. */
function hideThrown (response: ServerResponse): void {
  if (messageThrown(response) !== undefined) say(response, '')
}

/** Sets the message of the response from an object as it was serialized, and replaces any earlier one. */
function liftSerialized (request: FastifyRequest, reply: FastifyReply, body: string | Uint8Array, object: unknown): void {
  const response = rawOf(reply)
  const message = messageIn(serializeIgnored(reply, body) ?? body)
  if (isResent(response, object)) {
    sayResent(response, message)
    return
  }
  if (message !== '') sayBody(response, message, isPrivate(reply, body))
  else hideThrown(response)
  // Fastify's own not-found handler logs what it sends.
  if (request.is404 && message === `Route ${request.raw.method}:${request.raw.url} not found`) markLogged(response)
}

/** Returns an object as Fastify serialises it, or an empty string where that fails. */
function serialize (reply: FastifyReply, object: unknown): string {
  try {
    return reply.serialize(object as object) as string
  } catch {
    return ''
  }
}

function liftMessage (reply: FastifyReply, body: string | Uint8Array): void {
  const response = rawOf(reply)
  if (messageGiven(response) !== undefined) return
  if (isResent(response, body)) {
    sayResent(response, messageIn(body))
    markLogged(response)
    return
  }
  const thrown = messageThrown(response)
  // Only Fastify's own serialisation of an error has its length by now. The
  // error is in the log already, and may be one that an error handler threw.
  const serialised = reply.hasHeader('content-length')
  // A schema that refuses the error leaves its message as it is.
  const ignored = (serialised && serializeIgnored(reply, body)) || undefined
  const message = ignored === undefined && serialised && endsWithMessage(body, thrown) ? thrown : messageIn(ignored ?? body)
  if (thrown === undefined) {
    if (message !== '') sayBody(response, message, isPrivate(reply, body))
    return
  }
  if (message === '') {
    // A schema of null declares that an error has no body. A page may have the message in it, and a compressed body as well.
    const isDeclared = serialised && body === 'null'
    if (!isDeclared && !reply.hasHeader('content-encoding') && !shows(ignored ?? body, thrown)) hideThrown(response)
  } else if (message !== thrown) {
    if (serialised) sayThrown(response, message, undefined, false)
    else sayBody(response, message, isPrivate(reply, body))
  }
  if (serialised || message === thrown) markLogged(response)
}

/** Whether the message of a body is for the log alone (`docs/security.md`). */
function isPrivate (reply: FastifyReply, body: string | Uint8Array): boolean {
  return isServerError(reply.statusCode) && isErrorReport(body)
}

/** Whether a text is in a body, also with escapes of HTML or JSON. */
function shows (body: string | Uint8Array, text: string): boolean {
  return lettersOf(startOf(body)).includes(lettersOf(text.slice(0, HEADER_LIMIT)))
}

function lettersOf (text: string): string {
  return text.replace(/&#?\w{1,8};|\\(?:u[\da-f]{4}|.)|[^\p{L}\p{N}]/giu, '')
}

/**
 * Whether a body ends as Fastify's serialisation of an error does, with a
 * message in which nothing is escaped: to parse it, or to serialise the
 * message again, would cost more than the rest of the hook.
 */
function endsWithMessage (body: string | Uint8Array, message: string | undefined): message is string {
  if (message === undefined || typeof body !== 'string') return false
  const end = body.length - 2
  return body.endsWith('"}') && body.endsWith(message, end) && body.endsWith('"message":"', end - message.length)
}

// Fastify takes status and headers of a fetch Response only after this hook.
async function onSendWebResponse (reply: FastifyReply, payload: Response): Promise<void> {
  reply.code(payload.status)
  for (const [name, value] of payload.headers) reply.header(name, value)
  // What Node refuses fails where Fastify, which has an error already, cannot answer it again.
  for (const [name, value] of Object.entries(reply.getHeaders())) if (!isSendable(name, value)) reply.removeHeader(name)
  const { bytes, isCut } = await readStart(drainOnCancel(payload.body, reply.request.raw))
  const message = messageIn(bytes, isCut) || payload.statusText
  if (message !== '') sayBody(rawOf(reply), message, isServerError(payload.status))
  else hideThrown(rawOf(reply))
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
