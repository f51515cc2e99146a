import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { isServerError, isUnsuccessful } from '../status-codes.js'
import type { DroppedBody } from './dropped-body.js'

/**
 * The phase of a response.
 *
 * - `open`: nothing is sent for it yet. This is also the phase after an error, until a payload is sent for the error.
 * - `serializing`: the `onSend` hooks run with its payload.
 * - `held`: `writeHead()` was called for an error without a message. The body may still contain one.
 * - `sent`: the header section of an error is written. The client gets nothing else.
 * - `completed`: the error is sent completely, but its writer still writes a body.
 * - `ended`: the writer has ended the error.
 *
 * A success stays `open` or `serializing`, because Node's own methods send it.
 */
export type Phase = 'open' | 'serializing' | 'held' | 'sent' | 'completed' | 'ended'

/**
 * Where the message of a response comes from.
 *
 * - `unset`: there is no message yet. The header fields, the reason phrase or the body may contain one.
 * - `none`: an error handler chose to send no message.
 * - `reply`: a reply decorator.
 * - `private-reply`: an error that was passed to a reply decorator. With a 5xx, the message is only logged.
 * - `body`: a body for the client.
 * - `private-body`: a body from an upstream, or a serialized error. With a 5xx, the message is only logged.
 * - `error`: a thrown error. With a 5xx, the message is only logged.
 * - `exposed-error`: a thrown error with `expose: true`.
 */
export type MessageSource = 'unset' | 'none' | 'reply' | 'private-reply' | 'body' | 'private-body' | 'error' | 'exposed-error'

/** The events of a response. */
export type ResponseEvent =
  | 'setReplyMessage' | 'setBodyMessage' | 'clearMessage' | 'setError' | 'setLateError' | 'attachError' | 'setSerializedErrorMessage'
  | 'startSerializing' | 'startHead' | 'holdHead' | 'takeHead' | 'markSent' | 'markCompleted' | 'markEnded'

interface Transition {
  to: Phase
  /** The sources whose message the event replaces. Any other message stays. */
  replaces: ReadonlySet<MessageSource>
}

type Transitions = { readonly [event in ResponseEvent]?: Transition }

const NOTHING: ReadonlySet<MessageSource> = new Set()
const ANY: ReadonlySet<MessageSource> = new Set(['unset', 'none', 'reply', 'private-reply', 'body', 'private-body', 'error', 'exposed-error'])
const ALL_BUT_REPLY: ReadonlySet<MessageSource> = new Set(['unset', 'none', 'body', 'private-body', 'error', 'exposed-error'])
const ERRORS: ReadonlySet<MessageSource> = new Set(['error', 'exposed-error'])

/**
 * The new source of a message that stays when a hook throws while an error is sent. Fastify's serialized form of the new error
 * does not replace such a message, but a body of the error handler does.
 */
const KEPT_SOURCES: Readonly<Record<MessageSource, MessageSource>> = {
  unset: 'unset',
  none: 'none',
  reply: 'body',
  'private-reply': 'private-body',
  body: 'body',
  'private-body': 'private-body',
  error: 'private-body',
  'exposed-error': 'body'
}

/**
 * The transition table: what each event does in each phase. An event without an entry comes too late, and is ignored.
 * `docs/how-it-works.md` shows this table.
 */
export const TRANSITIONS: { readonly [phase in Phase]: Transitions } = {
  open: {
    setReplyMessage: { to: 'open', replaces: ANY },
    setBodyMessage: { to: 'open', replaces: ALL_BUT_REPLY },
    clearMessage: { to: 'open', replaces: ERRORS },
    setError: { to: 'open', replaces: ANY },
    setLateError: { to: 'open', replaces: NOTHING },
    attachError: { to: 'open', replaces: NOTHING },
    startSerializing: { to: 'serializing', replaces: NOTHING },
    // An error handler that writes to the raw response does not send the message of the error.
    startHead: { to: 'open', replaces: ERRORS },
    holdHead: { to: 'held', replaces: NOTHING },
    markSent: { to: 'sent', replaces: NOTHING }
  },
  serializing: {
    setReplyMessage: { to: 'serializing', replaces: ANY },
    setBodyMessage: { to: 'serializing', replaces: ALL_BUT_REPLY },
    clearMessage: { to: 'serializing', replaces: ERRORS },
    setError: { to: 'open', replaces: ANY },
    setLateError: { to: 'open', replaces: NOTHING },
    attachError: { to: 'open', replaces: NOTHING },
    setSerializedErrorMessage: { to: 'serializing', replaces: ERRORS },
    startSerializing: { to: 'serializing', replaces: NOTHING },
    startHead: { to: 'serializing', replaces: NOTHING },
    holdHead: { to: 'held', replaces: NOTHING },
    markSent: { to: 'sent', replaces: NOTHING }
  },
  held: {
    setReplyMessage: { to: 'held', replaces: ANY },
    setError: { to: 'held', replaces: NOTHING },
    attachError: { to: 'held', replaces: NOTHING },
    // If Node then refuses a header, the writer can write another header section.
    takeHead: { to: 'open', replaces: NOTHING }
  },
  sent: {
    markCompleted: { to: 'completed', replaces: NOTHING },
    markEnded: { to: 'ended', replaces: NOTHING }
  },
  completed: {
    markEnded: { to: 'ended', replaces: NOTHING }
  },
  ended: {}
}

/** The part of the framework's reply that a response needs. */
export interface Reply {
  log: Log
  request?: { id: unknown }
  /** A route with `reasonPhrase: false` is exempt from the contract. */
  routeOptions?: { url?: string | undefined, config?: { reasonPhrase?: boolean | undefined } }
}

/** The logger of the service, or of a request. */
export interface Log {
  info (fields: object, message: string): void
  warn (message: string): void
  error (fields: object, message: string): void
}

/** A line that the framework itself has logged for a response. */
export interface FrameworkLine {
  message: string
  /** The error in the line, if it has one. */
  error?: unknown
}

/** A header section that is held until the body arrives, because the body may contain the message. */
export interface HeldHead {
  statusCode: number
  headers: OutgoingHttpHeaders
  /** The length of the body in bytes, as the writer declares it; NaN if it does not. */
  contentLength: number
  /** Whether it was written to the raw response, and not by the framework. */
  isRaw: boolean
}

const kReply = Symbol('fastify-reason-phrase.reply')
const kState = Symbol('fastify-reason-phrase.state')

type StatefulResponse = ServerResponse & { [kReply]?: Reply | undefined, [kState]?: State }

class State {
  phase: Phase
  source: MessageSource = 'unset'
  message = ''
  error: unknown = undefined
  isLogged = false
  isExpected = false
  frameworkLine: FrameworkLine | undefined = undefined
  head: HeldHead | undefined = undefined
  droppedBody: DroppedBody | undefined = undefined
  /** Whether the request of the response could not be read to its end. */
  isClientError = false
  publish: (() => void) | undefined = undefined

  constructor (phase: Phase) {
    this.phase = phase
  }
}

// The states of a success. All responses share them, so that a success does not need a state of its own.
const OPEN: Readonly<State> = Object.freeze(new State('open'))
const SERIALIZING: Readonly<State> = Object.freeze(new State('serializing'))

/**
 * Adds the state to a new response. Without this, every response would get these properties later and in another order, and
 * V8 would access them slowly.
 */
export function initializeState (response: object): void {
  const res = response as StatefulResponse
  res[kReply] = undefined
  res[kState] = OPEN
}

/** Returns the state of a response for reading. */
function read (response: ServerResponse): Readonly<State> {
  return (response as StatefulResponse)[kState] ?? OPEN
}

/** Returns the response's own state for changes. Creates the state if it is missing. */
function modify (response: ServerResponse): State {
  const res = response as StatefulResponse
  const state = res[kState]
  if (state !== undefined && state !== OPEN && state !== SERIALIZING) return state
  const own = new State(read(response).phase)
  res[kState] = own
  return own
}

/** Applies an event, and returns whether it replaces the message. */
function apply (state: State, transition: Transition | undefined): boolean {
  if (transition === undefined) return false
  state.phase = transition.to
  return transition.replaces.has(state.source)
}

/** Applies an event that sets the error for the log. Returns false if the event comes too late. */
function logError (state: State, transition: Transition | undefined, error: unknown): boolean {
  if (transition === undefined) return false
  state.phase = transition.to
  state.error = error
  state.isLogged = false
  return true
}

function setMessage (state: State, source: MessageSource, message: string): void {
  state.source = source
  state.message = message
}

/** Returns the phase of a response. */
export function getPhase (response: ServerResponse): Phase {
  return read(response).phase
}

/** Returns whether the response is an error whose header section is written, or held. */
export function hasHead (response: ServerResponse): boolean {
  const { phase } = read(response)
  return phase !== 'open' && phase !== 'serializing'
}

/** Returns where the message of a response comes from. */
export function getMessageSource (response: ServerResponse): MessageSource {
  return read(response).source
}

/** Returns the message of a response. Empty if there is none. */
export function getMessage (response: ServerResponse): string {
  return read(response).message
}

/** Returns the message that a reply decorator or a body set; undefined if none did. Empty if an error handler sends none. */
export function getReplyMessage (response: ServerResponse): string | undefined {
  const { source, message } = read(response)
  return source === 'unset' || source === 'error' || source === 'exposed-error' ? undefined : message
}

/** Returns the message of the thrown error; undefined if it is not the message of the response. */
export function getErrorMessage (response: ServerResponse): string | undefined {
  const { source, message } = read(response)
  return source === 'error' || source === 'exposed-error' ? message : undefined
}

/** Returns whether a message from this source is only logged if the status code is a 5xx. */
export function isPrivateSource (source: MessageSource): boolean {
  return source === 'error' || source === 'private-reply' || source === 'private-body'
}

/**
 * Sets the message from a reply decorator.
 *
 * @param isPrivate whether the decorator got an error instead of a text. If so, the message of a 5xx is only logged. Default:
 * `false`
 */
export function setReplyMessage (response: ServerResponse, message: string, isPrivate = false): void {
  const state = modify(response)
  if (apply(state, TRANSITIONS[state.phase].setReplyMessage)) setMessage(state, isPrivate ? 'private-reply' : 'reply', message)
}

/**
 * Sets the message that a body contains.
 *
 * @param isPrivate whether the body is from an upstream, or a serialized error. If so, the message of a 5xx is only logged
 */
export function setBodyMessage (response: ServerResponse, message: string, isPrivate: boolean): void {
  const state = modify(response)
  if (apply(state, TRANSITIONS[state.phase].setBodyMessage)) setMessage(state, isPrivate ? 'private-body' : 'body', message)
}

/** Removes the message of an error, because an error handler sends a body without it, or no body. */
export function clearMessage (response: ServerResponse): void {
  const state = modify(response)
  if (apply(state, TRANSITIONS[state.phase].clearMessage)) setMessage(state, 'none', '')
}

/** What is known about an error besides its message. */
export interface ErrorDetails {
  /** Whether the message is sent with a 5xx too. Default: `false`. */
  isExposed?: boolean
  /** Whether the error has a status code of its own. Default: `false`. */
  hasStatusCode?: boolean
}

const NO_DETAILS: ErrorDetails = {}

/**
 * Sets the message of a thrown error. If a hook throws an error without a status code while a 4xx with a message is sent, the
 * error is late (`setLateError`). The message of the 4xx stays, because the late error is not the client's fault.
 */
export function setError (response: ServerResponse, error: unknown, message: string, details: ErrorDetails = NO_DETAILS): void {
  const state = modify(response)
  const { statusCode } = response
  const isLate = state.source !== 'unset' && !details.hasStatusCode && isUnsuccessful(statusCode) && !isServerError(statusCode)
  if (isLate) {
    if (logError(state, TRANSITIONS[state.phase].setLateError, error)) state.source = KEPT_SOURCES[state.source]
    return
  }
  const transition = TRANSITIONS[state.phase].setError
  if (logError(state, transition, error) && transition!.replaces.has(state.source)) setMessage(state, details.isExposed ? 'exposed-error' : 'error', message)
}

/** Attaches a thrown error to the log line of a response that keeps its message. */
export function attachError (response: ServerResponse, error: unknown): void {
  const state = modify(response)
  logError(state, TRANSITIONS[state.phase].attachError, error)
}

/**
 * Sets the message of an error as it was serialized.
 *
 * @param isSame whether this is the error that {@link setError} got. Otherwise, an error handler threw another one
 */
export function setSerializedErrorMessage (response: ServerResponse, message: string, isSame: boolean): void {
  const state = modify(response)
  if (apply(state, TRANSITIONS[state.phase].setSerializedErrorMessage)) setMessage(state, isSame ? state.source : 'error', message)
}

/** Reports that the `onSend` hooks run. */
export function startSerializing (response: ServerResponse): void {
  const res = response as StatefulResponse
  const state = res[kState]
  if (state === undefined || state === OPEN) res[kState] = SERIALIZING
  else if (state !== SERIALIZING) apply(state, TRANSITIONS[state.phase].startSerializing)
}

/** Reports that the header section of an error is about to be written. */
export function startHead (response: ServerResponse): void {
  const state = modify(response)
  if (apply(state, TRANSITIONS[state.phase].startHead)) setMessage(state, 'unset', '')
}

/** Holds the header section of an error until the body arrives. */
export function holdHead (response: ServerResponse, head: HeldHead): void {
  const state = modify(response)
  apply(state, TRANSITIONS[state.phase].holdHead)
  state.head = head
}

/** Returns the header section that is held, and removes it from the state. */
export function takeHead (response: ServerResponse): HeldHead {
  const state = modify(response)
  apply(state, TRANSITIONS[state.phase].takeHead)
  const head = state.head!
  state.head = undefined
  return head
}

/** Marks the response as an error whose header section is written. */
export function markSent (response: ServerResponse): void {
  const state = modify(response)
  apply(state, TRANSITIONS[state.phase].markSent)
}

/** Reports that the error is sent completely, and sets the object that takes the body that is still written. */
export function markCompleted (response: ServerResponse, droppedBody: DroppedBody): void {
  const state = modify(response)
  apply(state, TRANSITIONS[state.phase].markCompleted)
  state.droppedBody = droppedBody
}

/** Marks the response as an error that its writer has ended. */
export function markEnded (response: ServerResponse): void {
  const state = modify(response)
  apply(state, TRANSITIONS[state.phase].markEnded)
}

/** Returns the object that takes the body that is still written to an error; undefined if there is none. */
export function getDroppedBody (response: ServerResponse): DroppedBody | undefined {
  return read(response).droppedBody
}

/** Sets the reply that a response belongs to. */
export function setReply (response: ServerResponse, reply: Reply): void {
  (response as StatefulResponse)[kReply] = reply
}

/** Returns the reply that a response belongs to, if it is known. */
export function getReply (response: ServerResponse): Reply | undefined {
  return (response as StatefulResponse)[kReply]
}

/** Returns whether the response is exempt from the contract: its route is exempt, and no decorator set a message. */
export function isExempt (response: ServerResponse): boolean {
  // The source is tested first, because Fastify creates routeOptions for each access.
  return read(response).source === 'unset' && getReply(response)?.routeOptions?.config?.reasonPhrase === false
}

/** Marks the message as logged. */
export function markLogged (response: ServerResponse): void {
  modify(response).isLogged = true
}

/** Returns whether the message is logged already. */
export function isLogged (response: ServerResponse): boolean {
  return read(response).isLogged
}

/** Marks the error as intended by the operator of the service. Its message is logged at level `info`, even with a 5xx. */
export function markExpected (response: ServerResponse): void {
  modify(response).isExpected = true
}

/** Returns whether the error is intended by the operator of the service. */
export function isExpected (response: ServerResponse): boolean {
  return read(response).isExpected
}

/** Records the last line that the framework itself has logged for the response, so that nobody logs it again. */
export function setFrameworkLine (response: ServerResponse, line: FrameworkLine): void {
  modify(response).frameworkLine = line
}

/** Returns the last line that the framework itself has logged for the response. */
export function getFrameworkLine (response: ServerResponse): FrameworkLine | undefined {
  return read(response).frameworkLine
}

/** Returns the error that was thrown for the response; undefined if there is none. */
export function getError (response: ServerResponse): unknown {
  return read(response).error
}

/** Marks the response as one to a request that could not be read to its end. */
export function markClientError (response: ServerResponse): void {
  modify(response).isClientError = true
}

/** Returns whether the request of the response could not be read to its end. */
export function isClientError (response: ServerResponse): boolean {
  return read(response).isClientError
}

/** Sets the function that publishes the error on the channel after it was sent. */
export function setPublisher (response: ServerResponse, publish: () => void): void {
  modify(response).publish = publish
}

/** Removes the function that publishes the error on the channel, and returns it; undefined if there is none. */
export function takePublisher (response: ServerResponse): (() => void) | undefined {
  const { publish } = read(response)
  if (publish !== undefined) modify(response).publish = undefined
  return publish
}
