import { readCommonForm } from './common-form.js'
import { ComponentList, type KnownLists } from './component-list.js'
import { SignatureError } from './errors.js'
import type { SignableRequest } from './signature-base.js'
import { readParameters, type SignatureParameters } from './signature-parameters.js'
import { serializeMember, type Dictionary, type InnerList, type Parameters } from './structured-fields.js'

/** A request whose signatures can be verified. */
export interface SignedRequest extends SignableRequest {
  /** Returns a field that is a dictionary; undefined if the field is absent or malformed. */
  dictionary (name: string): Dictionary | undefined
}

/** A signature of a request (RFC 9421 section 4). */
export interface Signature {
  readonly list: ComponentList
  readonly parameters: SignatureParameters
  /** The list and all parameters, strictly serialized: the value of `@signature-params`. */
  readonly input: string
  readonly mac: Uint8Array
}

// The number is limited, because a request can try one key with each signature. Proxies add one or two signatures.
const MAX_SIGNATURES = 8

// The limit for all signatures of a request together, because the value of a component can take a pass over all header fields.
const MAX_COMPONENTS = 32

const NO_PARAMETERS: Parameters = new Map()

/**
 * Returns the signatures of a request that name their key.
 *
 * @throws {SignatureError} if there is none, if a field is malformed, or if there are too many signatures or components
 */
export function parseSignatures (request: SignedRequest, lists: KnownLists): Signature[] {
  const input = request.field('signature-input', NO_PARAMETERS)
  const mac = input === undefined ? undefined : request.field('signature', NO_PARAMETERS)
  if (input === undefined || mac === undefined) throw new SignatureError('The request is not signed: it must have Signature-Input and Signature')
  const signature = readCommonForm(input, mac, lists)
  return signature === undefined ? parseAnyForm(request) : [signature]
}

function parseAnyForm (request: SignedRequest): Signature[] {
  const inputs = parseField(request, 'signature-input', 'Signature-Input')
  const macs = parseField(request, 'signature', 'Signature')

  const signatures: Array<{ input: InnerList, parameters: SignatureParameters, mac: Uint8Array }> = []
  for (const [label, input] of inputs) {
    const mac = macs.get(label)
    if (mac === undefined) continue
    if (!('items' in input)) throw createMalformedError('Signature-Input')
    const bytes = 'bare' in mac ? mac.bare.value : undefined
    if (!(bytes instanceof Uint8Array)) throw createMalformedError('Signature')
    const parameters = readParameters(input.parameters)
    if (parameters !== undefined) signatures.push({ input, parameters, mac: bytes })
  }
  if (signatures.length === 0) throw new SignatureError('The request has no signature with the parameter keyid')
  if (signatures.length > MAX_SIGNATURES) throw new SignatureError(`The request has more than ${MAX_SIGNATURES} signatures`)
  const componentCount = signatures.reduce((sum, { input }) => sum + input.items.length, 0)
  if (componentCount > MAX_COMPONENTS) throw new SignatureError(`The signatures cover more than ${MAX_COMPONENTS} components`)
  return signatures.map(({ input, parameters, mac }) => ({ list: new ComponentList(input), parameters, input: serializeMember(input), mac }))
}

function parseField (request: SignedRequest, name: string, title: string): Dictionary {
  const dictionary = request.dictionary(name)
  if (dictionary === undefined) throw createMalformedError(title)
  return dictionary
}

function createMalformedError (title: string): SignatureError {
  return new SignatureError(`The ${title} field is malformed`)
}
