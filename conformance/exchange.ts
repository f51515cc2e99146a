import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { isUnsuccessful } from '../lib/status-codes.js'
import type { Answer } from './answer.js'
import { Prefix } from './prefix.js'
import { AnswerSyntaxError, readAnswers } from './reader.js'
import { connect, type Target } from './target.js'

/** One thing that is done on a connection. */
export type Step =
  /** Sends bytes; with those that complete a request, its method. */
  | { send: Uint8Array, method?: string }
  /** Waits for so many answers, or so many milliseconds. */
  | { answers: number, within?: number }
  /** Waits for the first bytes, such as those of a 1xx, or so many milliseconds. */
  | { bytes: true, within: number }
  | { pause: number }
  /** Closes this side of the connection. */
  | { end: true }

/** What went over a connection. */
export interface Exchange {
  /** The bytes sent; for HTTP/2, its requests as a text. */
  readonly sent: Uint8Array
  /** The first bytes that came; for HTTP/2, its responses as a text. */
  readonly received: Uint8Array
  /** How many bytes came. */
  readonly receivedLength: number
  readonly answers: readonly Answer[]
  /** How many requests were sent in full. */
  readonly requests: number
  /** What of the bytes that came was no answer. */
  readonly failure?: AnswerSyntaxError
  /** How the connection ended: by the server, properly or not, by this side, because time was up, or because too much came. */
  readonly end: 'closed' | 'reset' | 'left' | 'timeout' | 'limit'
  /** Why there was no connection in the first place. */
  readonly refused?: Error
}

/**
 * How long a connection is watched for bytes that should not come, in
 * milliseconds: once all answers are there, and once it is known that an
 * unsuccessful answer has a body.
 */
export const LINGER = 250

/** More bytes are not read on a connection. */
export const MAX_EXCHANGE_BYTES = 16 * 1024 * 1024

/** How many bytes of what came are kept for a person to read. */
export const KEPT_RECEIVED_BYTES = 64 * 1024

/** Takes the steps on a connection of their own, reads what comes, and closes it. */
export async function exchange (target: Target, steps: readonly Step[], timeout = target.timeout): Promise<Exchange> {
  const socket = connect(target, 'http/1.1')
  const closed = new Promise(resolve => { socket.once('close', resolve) })
  const sent: Uint8Array[] = []
  const received = new Prefix(KEPT_RECEIVED_BYTES)
  const answers: Answer[] = []
  const methods: string[] = []
  let failure: AnswerSyntaxError | undefined
  let end: Exchange['end'] = 'closed'
  let refused: Error | undefined
  let connected = false
  const state = { ended: false }
  const over = new AbortController()
  const changed = new EventTarget()
  const change = (): void => { changed.dispatchEvent(new Event('change')) }

  socket.once(target.scheme === 'https' ? 'secureConnect' : 'connect', () => { connected = true })
  socket.on('error', error => {
    if (!connected) refused ??= error
    // By an AbortError, a stream that was read to its end closes its other side.
    else if (end === 'closed' && error.name !== 'AbortError') end = 'reset'
  })

  const leave = (how: Exchange['end']): void => {
    end = how
    over.abort()
    socket.destroy()
  }

  // An unsuccessful answer that does not end with its header section is known to be wrong: its end is not waited for.
  let stuck: NodeJS.Timeout | undefined
  let isPending = false
  let limit = MAX_EXCHANGE_BYTES
  const begun = (statusCode: number): void => {
    isPending = true
    if (!isUnsuccessful(statusCode)) return
    stuck = setTimeout(leave, LINGER, 'left')
    limit = KEPT_RECEIVED_BYTES
  }

  async function * bytes (): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        received.push(chunk)
        change()
        yield chunk
        if (received.length > limit) leave(stuck === undefined ? 'limit' : 'left')
      }
    } catch {
      // How it ended is known from the socket.
    }
  }

  const reading = (async () => {
    try {
      for await (const answer of readAnswers(bytes(), methods, { begun, isWhole: () => end === 'closed' })) {
        clearTimeout(stuck)
        stuck = undefined
        limit = MAX_EXCHANGE_BYTES
        isPending = false
        answers.push(answer)
        change()
      }
    } catch (error) {
      failure = error as AnswerSyntaxError
    }
    state.ended = true
    change()
  })()

  const timer = setTimeout(() => {
    if (!connected) refused ??= new Error(`no connection within ${timeout} ms`)
    leave('timeout')
  }, timeout)

  const until = async (isMet: () => boolean, within?: number): Promise<void> => {
    const waiting = AbortSignal.any([over.signal, ...within === undefined ? [] : [AbortSignal.timeout(within)]])
    while (!state.ended && !isMet() && !waiting.aborted) {
      await once(changed, 'change', { signal: waiting }).catch(() => {})
    }
  }

  for (const step of steps) {
    if (state.ended) break
    if ('send' in step) {
      sent.push(step.send)
      if (step.method !== undefined) methods.push(step.method)
      if (socket.writable) socket.write(step.send)
    } else if ('answers' in step) {
      await until(() => answers.length >= step.answers, step.within)
    } else if ('bytes' in step) {
      await until(() => received.length > 0, step.within)
    } else if ('pause' in step) {
      await sleep(step.pause, undefined, { signal: over.signal }).catch(() => {})
    } else {
      // A server can take that for the end of the connection, and would then not be seen to leave an answer without one.
      await until(() => !isPending)
      socket.end()
    }
  }
  await until(() => answers.length >= methods.length)
  await until(() => false, LINGER)
  clearTimeout(timer)
  clearTimeout(stuck)
  if (!state.ended && !over.signal.aborted) end = 'left'
  socket.destroy()
  await Promise.all([reading, closed])
  const isUnfinished = (['left', 'reset'] as Array<Exchange['end']>).includes(end)
  if (isUnfinished && failure?.answer !== undefined && isUnsuccessful(failure.answer.statusCode)) {
    answers.push(failure.answer)
    failure = undefined
  }
  return {
    sent: Buffer.concat(sent),
    received: received.bytes(),
    receivedLength: received.length,
    answers,
    requests: methods.length,
    failure,
    end,
    refused
  }
}
