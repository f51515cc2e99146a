import type { Contract } from '../../lib/contract.js'
import { describeContract, joinParagraphs } from './descriptions.js'
import { createErrorFields, referToFields } from './header-fields.js'
import type { Json } from './json.js'

/** Returns the document without its operations: the parts of the caller, and the header fields of every error. */
export function createDocument (document: Json, contract: Contract): Json {
  const { info, components, paths } = document
  return {
    ...document,
    openapi: '3.1.0',
    info: {
      title: 'API',
      version: '0.0.0',
      ...info,
      description: joinParagraphs(info?.description, describeContract(contract.header))
    },
    components: {
      ...components,
      headers: { ...createErrorFields(contract), ...components?.headers }
    },
    // Swagger adds the operations to this object.
    ...(paths && { paths: { ...paths } })
  }
}

/** Returns an unsuccessful response: a description, the header fields of every error, and the given parts. */
export function createErrorResponse (description: string, contract: Contract, parts: Json = {}): Json {
  return { description, ...parts, headers: { ...referToFields(Object.keys(createErrorFields(contract))), ...parts.headers } }
}
