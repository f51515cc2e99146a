import type { Contract } from '../../lib/contract.js'
import { MAX_HEADER_LENGTH } from '../../lib/reason-phrase.js'
import { meaningOf } from '../../lib/status-codes.js'
import { describeContract, describeError, joinParagraphs } from './descriptions.js'
import type { Json } from './json.js'

/** Returns the document without its operations: the given parts, with the header and the responses of the contract. */
export function createDocument (document: Json, { header, phrases }: Contract): Json {
  const { info, components } = document
  const responses: Json = {}
  for (const [statusCode, phrase] of phrases) responses[statusCode] = createErrorResponse(statusCode, meaningOf(statusCode, phrase), header)
  return {
    ...document,
    openapi: '3.1.0',
    info: {
      title: 'API',
      version: '0.0.0',
      ...info,
      description: joinParagraphs(info?.description, describeContract(header))
    },
    components: {
      ...components,
      headers: { ...components?.headers, [header]: createMessageHeader() },
      responses: { ...components?.responses, ...responses }
    }
  }
}

/** Returns an unsuccessful response: a description, and the header with the message. */
export function createErrorResponse (statusCode: number, meaning: string, header: string): Json {
  return { description: describeError(statusCode, meaning), headers: { [header]: { $ref: `#/components/headers/${header}` } } }
}

function createMessageHeader (): Json {
  return {
    description: 'The message of an unsuccessful response. Over HTTP/1.x its first 128 characters are the reason phrase, too.',
    required: true,
    schema: { type: 'string', minLength: 1, maxLength: MAX_HEADER_LENGTH, pattern: '^[ -~]*$' }
  }
}
