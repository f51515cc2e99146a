import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import t from 'tap'
import type { DroppedBody } from '../../../lib/response/dropped-body.js'
import {
  attachError, clearMessage, getError, getErrorMessage, getMessage, getMessageSource, getPhase, getReplyMessage, holdHead,
  isClientError, isExempt, isLogged, markClientError, markCompleted, markEnded, markLogged, markSent, setBodyMessage, setError, setReply, setReplyMessage,
  setPublisher, setSerializedErrorMessage, startHead, startSerializing, takeHead, takePublisher, TRANSITIONS, type MessageSource, type Phase, type ResponseEvent
} from '../../../lib/response/state.js'

const create = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()))
const droppedBody = {} as DroppedBody
const head = { statusCode: 404, headers: {}, contentLength: NaN, isRaw: true }

const PHASES: Record<Phase, (response: ServerResponse) => void> = {
  open: () => {},
  serializing: startSerializing,
  held: response => { holdHead(response, head) },
  sent: markSent,
  completed: response => { markSent(response); markCompleted(response, droppedBody) },
  ended: response => { markSent(response); markEnded(response) }
}

const SOURCES: Record<MessageSource, (response: ServerResponse) => void> = {
  unset: () => {},
  none: response => { setError(response, new Error('old'), 'old'); clearMessage(response) },
  reply: response => { setReplyMessage(response, 'old') },
  body: response => { setBodyMessage(response, 'old', false) },
  'private-reply': response => { setReplyMessage(response, 'old', true) },
  'private-body': response => { setBodyMessage(response, 'old', true) },
  error: response => { setError(response, new Error('old'), 'old') },
  'exposed-error': response => { setError(response, new Error('old'), 'old', { isExposed: true }) }
}

/** Reports each event. Events that set a message set `new`. */
const EVENTS: Record<ResponseEvent, (response: ServerResponse) => void> = {
  setReplyMessage: response => { setReplyMessage(response, 'new') },
  setBodyMessage: response => { setBodyMessage(response, 'new', false) },
  clearMessage,
  setError: response => { setError(response, new Error('new'), 'new') },
  setLateError: response => {
    const { statusCode } = response
    response.statusCode = 404
    setError(response, new Error('new'), 'new')
    response.statusCode = statusCode
  },
  attachError: response => { attachError(response, new Error('new')) },
  setSerializedErrorMessage: response => { setSerializedErrorMessage(response, 'new', false) },
  startSerializing,
  startHead,
  holdHead: response => { holdHead(response, head) },
  takeHead: response => { takeHead(response) },
  markSent,
  markCompleted: response => { markCompleted(response, droppedBody) },
  markEnded
}

type Effect = [to: Phase, source?: Partial<Record<MessageSource | 'any', MessageSource>>]

/** A late error keeps the message. Without a message, the error is not late. */
const LATE: Effect[1] = { unset: 'error', reply: 'body', 'private-reply': 'private-body', error: 'private-body', 'exposed-error': 'body' }

/**
 * What each event does in each phase: the next phase, and the source of the message if the source changes. An event without an
 * entry is ignored.
 */
const EXPECTED: Record<Phase, Partial<Record<ResponseEvent, Effect>>> = {
  open: {
    setReplyMessage: ['open', { any: 'reply' }],
    setBodyMessage: ['open', { any: 'body', reply: 'reply', 'private-reply': 'private-reply' }],
    clearMessage: ['open', { error: 'none', 'exposed-error': 'none' }],
    setError: ['open', { any: 'error' }],
    setLateError: ['open', LATE],
    attachError: ['open'],
    startSerializing: ['serializing'],
    startHead: ['open', { error: 'unset', 'exposed-error': 'unset' }],
    holdHead: ['held'],
    markSent: ['sent']
  },
  serializing: {
    setReplyMessage: ['serializing', { any: 'reply' }],
    setBodyMessage: ['serializing', { any: 'body', reply: 'reply', 'private-reply': 'private-reply' }],
    clearMessage: ['serializing', { error: 'none', 'exposed-error': 'none' }],
    setError: ['open', { any: 'error' }],
    setLateError: ['open', LATE],
    attachError: ['open'],
    setSerializedErrorMessage: ['serializing', { error: 'error', 'exposed-error': 'error' }],
    startSerializing: ['serializing'],
    startHead: ['serializing'],
    holdHead: ['held'],
    markSent: ['sent']
  },
  held: {
    setReplyMessage: ['held', { any: 'reply' }],
    setError: ['held'],
    attachError: ['held'],
    takeHead: ['open']
  },
  sent: {
    markCompleted: ['completed'],
    markEnded: ['ended']
  },
  completed: {
    markEnded: ['ended']
  },
  ended: {}
}

for (const phase of Object.keys(PHASES) as Phase[]) {
  t.test(`applies the effect of each event in the phase ${phase}`, async t => {
    for (const event of Object.keys(EVENTS) as ResponseEvent[]) {
      for (const source of Object.keys(SOURCES) as MessageSource[]) {
        const response = create()
        SOURCES[source](response)
        PHASES[phase](response)
        t.equal(getMessageSource(response), source, 'the source before the event')
        const before = getMessage(response)

        EVENTS[event](response)
        const [to, sources = {}] = EXPECTED[phase][event] ?? [phase]
        const expected = sources[source] ?? sources.any
        const title = `${event} after a message from ${source}`
        t.equal(getPhase(response), to, `${title}: the phase`)
        t.equal(getMessageSource(response), expected ?? source, `${title}: the source`)
        const isKept = expected === undefined || (source.endsWith('reply') && event === 'setBodyMessage') || (event === 'setLateError' && source !== 'unset')
        const message = isKept ? before : expected === 'unset' || expected === 'none' ? '' : 'new'
        t.equal(getMessage(response), message, `${title}: the message`)
      }
    }
  })
}

t.test('has an entry in the table for each event that has an effect, and no other entries', async t => {
  for (const [phase, effects] of Object.entries(EXPECTED)) {
    t.strictSame(Object.keys(TRANSITIONS[phase as Phase]).sort(), Object.keys(effects).sort(), phase)
  }
})

t.test('distinguishes the messages of replies and bodies from the messages of errors', async t => {
  for (const [source, replyMessage, errorMessage] of [
    ['unset', undefined, undefined], ['none', '', undefined], ['reply', 'old', undefined], ['body', 'old', undefined],
    ['private-reply', 'old', undefined], ['private-body', 'old', undefined], ['error', undefined, 'old'], ['exposed-error', undefined, 'old']
  ] as const) {
    const response = create()
    SOURCES[source](response)
    t.equal(getReplyMessage(response), replyMessage, source)
    t.equal(getErrorMessage(response), errorMessage, source)
  }
})

t.test('keeps the message of a 4xx if a hook throws while it is sent', async t => {
  for (const [statusCode, details, message] of [
    [404, {}, 'first'], [404, { hasStatusCode: true }, 'second'], [503, {}, 'second'], [200, {}, 'second']
  ] as const) {
    const response = create()
    const error = new Error('second')
    setReplyMessage(response, 'first')
    response.statusCode = statusCode
    startSerializing(response)
    markLogged(response)
    setError(response, error, 'second', details)
    t.equal(getMessage(response), message, `${statusCode} ${JSON.stringify(details)}`)
    t.equal(getError(response), error, 'the log gets the error')
    t.equal(isLogged(response), false)
    t.equal(getPhase(response), 'open')
  }
})

t.test('keeps the source of a message if the same error is serialized', async t => {
  for (const [isSame, source] of [[true, 'exposed-error'], [false, 'error']] as const) {
    const response = create()
    SOURCES['exposed-error'](response)
    startSerializing(response)
    setSerializedErrorMessage(response, 'new', isSame)
    t.equal(getMessageSource(response), source)
    t.equal(getMessage(response), 'new')
  }
})

t.test('returns the held header section', async t => {
  const response = create()
  holdHead(response, head)
  t.equal(takeHead(response), head)
  t.equal(getPhase(response), 'open')
})

t.test('is exempt on an exempt route, unless a decorator sets a message', async t => {
  const response = create()
  t.equal(isExempt(response), false, 'without a reply')
  const log = { info () {}, warn () {}, error () {} }
  setReply(response, { log, routeOptions: { config: {} } })
  t.equal(isExempt(response), false)
  setReply(response, { log, routeOptions: { config: { reasonPhrase: false } } })
  t.equal(isExempt(response), true)
  setReplyMessage(response, 'Not like that')
  t.equal(isExempt(response), false)
})

t.test('marks the response to a request that cannot be read', async t => {
  const response = create()
  t.equal(isClientError(response), false)
  markClientError(response)
  t.equal(isClientError(response), true)
  t.equal(isClientError(create()), false)
})

t.test('returns the publisher of an error once', async t => {
  const response = create()
  const publish = (): void => {}
  t.equal(takePublisher(response), undefined)
  setPublisher(response, publish)
  t.equal(takePublisher(response), publish)
  t.equal(takePublisher(response), undefined)
})
