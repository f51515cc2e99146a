import { MAX_HEADER_LENGTH } from '../../lib/reason-phrase.js'
import { isServerError } from '../../lib/status-codes.js'

const NO_BODY = 'The response has no body; its message is in the header.'
const UNKNOWN_STATUS = 'The execution status is unknown: the operation may have succeeded.'

/** The description of an operation that is not implemented. */
export const NOT_IMPLEMENTED = 'Not implemented yet: it answers 501 where it would succeed.'

/** Joins paragraphs, and skips those that are missing. */
export function joinParagraphs (...paragraphs: Array<string | undefined>): string {
  return paragraphs.filter(Boolean).join('\n\n')
}

/** Joins texts to one paragraph, each with a full stop at its end, and skips those that are missing. */
export function joinSentences (...texts: Array<string | false | undefined>): string {
  return texts.filter(text => typeof text === 'string').map(text => text.trim().replace(/[^.!?]$/, '$&.')).join(' ')
}

/** Returns the description of an unsuccessful response. */
export function describeError (statusCode: number, meaning: string): string {
  return joinSentences(meaning, isServerError(statusCode) && UNKNOWN_STATUS, NO_BODY)
}

/** Returns the description of the contract for the document. */
export function describeContract (header: string): string {
  return `An unsuccessful response has no body. Its message is in the \`${header}\` header: ASCII, at most ${MAX_HEADER_LENGTH} characters. ` +
    'Over HTTP/1.x its first 128 characters are the reason phrase of the status line, too. ' +
    'With a 4xx the operation was rejected. With a 5xx its execution status is unknown, and it may have succeeded: do not treat it as failed.'
}
