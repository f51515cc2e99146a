import type { Contract } from '../../lib/contract.js'
import { describeContract, joinParagraphs } from './descriptions.js'
import { createMessageField, referToFields } from './header-fields.js'
import type { Json } from './json.js'

/** Returns the document without its operations: the parts of the caller, and the header field of the contract. */
export function createDocument (document: Json, { header }: Contract): Json {
  const { info, components, paths } = document
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
      headers: { ...components?.headers, [header]: components?.headers?.[header] ?? createMessageField() }
    },
    // Swagger adds the operations to this object.
    ...(paths && { paths: { ...paths } })
  }
}

/** Returns an unsuccessful response: a description, the header field with the message, and the given parts. */
export function createErrorResponse (description: string, header: string, parts: Json = {}): Json {
  return { description, ...parts, headers: { ...referToFields([header]), ...parts.headers } }
}
