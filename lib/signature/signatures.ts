import { readComponent, type CoveredComponent } from './components.js'
import { SignatureError } from './errors.js'
import type { SignableRequest } from './signature-base.js'
import type { Dictionary, InnerList, Parameters } from './structured-fields.js'

/**
 * A request whose signatures can be verified.
 *
 * @internal
 */
export interface SignedRequest extends SignableRequest {
  /** Returns a field that is a dictionary; undefined if the field is absent or malformed. */
  dictionary (name: string): Dictionary | undefined
}

/** A signature of a request (RFC 9421 section 4). */
export interface Signature {
  /** The covered components and the parameters, as `Signature-Input` has them. */
  readonly input: InnerList
  readonly components: readonly CoveredComponent[]
  readonly mac: Uint8Array
  readonly keyId: string
}

// A request can try one key with each signature. Proxies add one signature or two.
const MAX_SIGNATURES = 8

// The limit for all signatures of a request together, because the value of a component can take a pass over all header fields.
const MAX_COMPONENTS = 32

const NO_PARAMETERS: Parameters = new Map()

/**
 * Returns the signatures of a request that name their key.
 *
 * @throws {SignatureError} if there is none, if a field is malformed, or if there are too many signatures or components
 */
export function parseSignatures (request: SignedRequest): Signature[] {
  for (const name of ['signature-input', 'signature']) {
    if (request.field(name, NO_PARAMETERS) === undefined) throw new SignatureError('The request is not signed: it must have Signature-Input and Signature')
  }
  const inputs = parseField(request, 'signature-input', 'Signature-Input')
  const macs = parseField(request, 'signature', 'Signature')

  const signatures: Array<Omit<Signature, 'components'>> = []
  for (const [label, input] of inputs) {
    const mac = macs.get(label)
    if (mac === undefined) continue
    if (!('items' in input)) throw createMalformedError('Signature-Input')
    if (!('bare' in mac) || !(mac.bare.value instanceof Uint8Array)) throw createMalformedError('Signature')
    const keyId = input.parameters.get('keyid')?.value
    if (typeof keyId === 'string') signatures.push({ input, mac: mac.bare.value, keyId })
  }
  if (signatures.length === 0) throw new SignatureError('The request has no signature with the id of its key: keyid')
  if (signatures.length > MAX_SIGNATURES) throw new SignatureError(`The request has more than ${MAX_SIGNATURES} signatures`)
  const componentCount = signatures.reduce((sum, { input }) => sum + input.items.length, 0)
  if (componentCount > MAX_COMPONENTS) throw new SignatureError(`The signatures cover more than ${MAX_COMPONENTS} components`)
  return signatures.map(signature => ({ ...signature, components: signature.input.items.map(readComponent) }))
}

/** Returns the value of a signature parameter (RFC 9421 section 2.3); undefined if it is absent, or of a type that no parameter here has. */
export function getParameter ({ input }: Signature, name: string): unknown {
  return input.parameters.get(name)?.value
}

function parseField (request: SignedRequest, name: string, title: string): Dictionary {
  const dictionary = request.dictionary(name)
  if (dictionary === undefined) throw createMalformedError(title)
  return dictionary
}

function createMalformedError (title: string): SignatureError {
  return new SignatureError(`The ${title} field is malformed`)
}
