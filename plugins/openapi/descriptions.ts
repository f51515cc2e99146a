import { MAX_HEADER_LENGTH } from '../../lib/reason-phrase.js'
import { isServerError } from '../../lib/status-codes.js'

const NO_BODY = 'The response has no body; its message is in the header.'
const UNKNOWN_STATUS = 'The execution status is unknown: the operation may have succeeded.'

// Matches the end of a sentence, with the closing quotes, brackets and Markdown marks that may follow it.
const END_PATTERN = /[.!?:;…。！？][)\]}"'”’»*_`]*$/

/** The description of an operation that is not implemented. */
export const NOT_IMPLEMENTED = 'Not implemented yet: a valid request gets 501.'

/** Joins paragraphs. Skips missing ones. */
export function joinParagraphs (...paragraphs: Array<string | undefined>): string {
  return paragraphs.filter(Boolean).join('\n\n')
}

/**
 * Joins texts to one paragraph, each with a full stop at its end. Skips missing texts. If one of the texts has several lines,
 * each text becomes its own paragraph, because Markdown would append the next text to a list or table.
 */
export function joinSentences (...texts: Array<string | false | undefined>): string {
  const sentences = texts.filter(text => typeof text === 'string').map(text => text.trim()).filter(text => text !== '')
  if (sentences.some(isMultiline)) return joinParagraphs(...sentences.map(text => isMultiline(text) ? text : endSentence(text)))
  return sentences.map(endSentence).join(' ')
}

function isMultiline (text: string): boolean {
  return text.includes('\n')
}

function endSentence (text: string): string {
  return END_PATTERN.test(text) ? text : `${text}.`
}

/** Returns the description of an unsuccessful response. */
export function describeError (statusCode: number, meaning: string | undefined): string {
  // After a 501, the status is known: nothing was executed.
  return joinSentences(meaning, isServerError(statusCode) && statusCode !== 501 && UNKNOWN_STATUS, NO_BODY)
}

/** The ranges of status codes for unsuccessful responses, with their meanings. */
const RANGES = {
  '4XX': { meaning: 'Another client error.', note: false },
  '5XX': { meaning: 'Another server error.', note: UNKNOWN_STATUS },
  default: { meaning: 'Another unsuccessful response.', note: 'With a 5xx, the execution status is unknown: the operation may have succeeded.' }
} as const

/** A range of status codes for unsuccessful responses. */
export type Range = keyof typeof RANGES

/** Returns whether a key in the responses of an operation is a range of status codes for unsuccessful responses. */
export function isRange (key: string): key is Range {
  return Object.hasOwn(RANGES, key)
}

/** Returns the description of the unsuccessful responses of a range. Default: the general meaning of the range. */
export function describeRange (range: Range, meaning?: string): string {
  return joinSentences(meaning ?? RANGES[range].meaning, RANGES[range].note, NO_BODY)
}

/** Returns the description of the contract for the document. */
export function describeContract (header: string): string {
  return `An unsuccessful response has no body. Its message is in the \`${header}\` header: ASCII, at most ${MAX_HEADER_LENGTH} characters. ` +
    'Over HTTP/1.x its first 128 characters are the reason phrase of the status line, too. ' +
    'With a 4xx the operation was rejected. With a 5xx its execution status is unknown, and it may have succeeded: do not treat it as failed.'
}
