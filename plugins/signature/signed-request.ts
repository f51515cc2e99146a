import type { FastifyRequest } from 'fastify'
import { Fields } from '../../lib/signature/fields.js'
import { QueryParameters } from '../../lib/signature/query-parameters.js'
import { parseTarget } from '../../lib/signature/signature-base.js'
import type { SignedRequest } from '../../lib/signature/signatures.js'
import { serializeDictionary, serializeMember, type Dictionary, type Parameters } from '../../lib/signature/structured-fields.js'

// The request fields that are dictionaries. The parameter `sf` serializes them strictly (RFC 9421 section 2.1.1).
const DICTIONARIES = new Set(['accept-signature', 'content-digest', 'priority', 'repr-digest', 'signature', 'signature-input', 'want-content-digest', 'want-repr-digest'])

/** The components of a Fastify request. */
export class SignedFastifyRequest implements SignedRequest {
  readonly #request: FastifyRequest
  readonly #fields: Fields
  #query: QueryParameters | undefined

  constructor (request: FastifyRequest) {
    this.#request = request
    this.#fields = new Fields(request.raw.rawHeaders)
  }

  get method (): string {
    return this.#request.method
  }

  get scheme (): string {
    return this.#request.protocol
  }

  get authority (): string {
    return this.#request.host.toLowerCase().replace(this.scheme === 'https' ? /:443$/ : /:80$/, '')
  }

  get target (): string {
    return this.#request.originalUrl
  }

  queryParameter (name: string): string | undefined {
    this.#query ??= new QueryParameters(parseTarget(this.target).query.slice(1))
    return this.#query.get(name)
  }

  /** Returns the value of a field; undefined if there is none. */
  value (name: string): string | undefined {
    return this.#fields.value(name)
  }

  dictionary (name: string): Dictionary | undefined {
    return this.#fields.dictionary(name)
  }

  /** Returns the value of a field with at most one of the parameters `bs`, `key` and `sf` (RFC 9421 section 2.1). */
  field (name: string, parameters: Parameters): string | undefined {
    if (parameters.size === 0) return this.value(name)
    if (parameters.size > 1) return undefined
    if (parameters.get('bs')?.value === true) return this.#encodeLines(name)
    if (parameters.get('sf')?.value === true) return this.#serializeField(name)
    const key = parameters.get('key')?.value
    return typeof key === 'string' ? this.#serializeMember(name, key) : undefined
  }

  #encodeLines (name: string): string | undefined {
    const lines = this.#fields.lines(name)
    return lines.length === 0 ? undefined : lines.map(line => `:${Buffer.from(line, 'latin1').toString('base64')}:`).join(', ')
  }

  #serializeField (name: string): string | undefined {
    const dictionary = DICTIONARIES.has(name) ? this.dictionary(name) : undefined
    return dictionary && serializeDictionary(dictionary)
  }

  #serializeMember (name: string, key: string): string | undefined {
    const member = this.dictionary(name)?.get(key)
    return member && serializeMember(member)
  }
}
