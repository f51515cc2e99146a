import { SignatureError } from './errors.js'
import { createSignatureBase, getComponentValue, type Component, type SignableRequest } from './signature-base.js'
import type { ComponentList } from './component-list.js'
import type { Signature } from './signatures.js'
import { serializeMember, type Item, type Parameters } from './structured-fields.js'

/** The derived components of requests without parameters (RFC 9421 section 2.2). */
export const DERIVED_COMPONENTS = ['@method', '@target-uri', '@authority', '@scheme', '@request-target', '@path', '@query']

/** A component that a signature covers. */
export interface CoveredComponent extends Component {
  /** The identifier with its parameters in alphabetical order, because their order makes no difference (RFC 9421 section 2). */
  readonly key: string
}

// No component with several parameters has a value, so their order matters only for the error message.
const MAX_SORTED_PARAMETERS = 8

/** Reads a component identifier of `Signature-Input` (RFC 9421 section 2). */
export function readComponent (item: Item): CoveredComponent {
  const { bare, parameters } = item
  return {
    name: typeof bare.value === 'string' ? bare.value : '',
    parameters,
    identifier: serializeMember(item),
    key: serializeMember({ bare, parameters: sortParameters(parameters) })
  }
}

function sortParameters (parameters: Parameters): Parameters {
  if (parameters.size < 2 || parameters.size > MAX_SORTED_PARAMETERS) return parameters
  return new Map([...parameters].sort(([a], [b]) => a < b ? -1 : 1))
}

/** The values of the components of a request. Each value is read once, even if several signatures cover the same component. */
export class ComponentValues {
  readonly #request: SignableRequest
  readonly #values = new Map<string, string | undefined>()

  constructor (request: SignableRequest) {
    this.#request = request
  }

  /** Returns the value of a component; undefined if the request has none. */
  get (component: CoveredComponent): string | undefined {
    if (!this.#values.has(component.key)) this.#values.set(component.key, getComponentValue(this.#request, component))
    return this.#values.get(component.key)
  }

  /**
   * Checks that the request has a value for each component.
   *
   * @throws {SignatureError} if a value is missing
   */
  check ({ components }: ComponentList): void {
    const missing = this.#findMissing(components)
    if (missing !== undefined) throw new SignatureError(`The signature covers ${missing.identifier}, but the request has no value for it`)
  }

  /** Returns the signature base (RFC 9421 section 2.5); an empty string if a component has no value. */
  createSignatureBase ({ input, list: { components } }: Signature): string {
    if (this.#findMissing(components) !== undefined) return ''
    return createSignatureBase(components, input, component => this.get(component)!)
  }

  #findMissing (components: readonly CoveredComponent[]): CoveredComponent | undefined {
    return components.find(component => this.get(component) === undefined)
  }
}
