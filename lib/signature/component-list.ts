import { readComponent, type CoveredComponent } from './components.js'
import { SignatureError } from './errors.js'
import { serializeMember, type InnerList } from './structured-fields.js'

/** The components that a signature covers, in order. */
export class ComponentList {
  /** The list without its parameters, strictly serialized (RFC 9651 section 4.1.1.1). */
  readonly text: string
  readonly components: readonly CoveredComponent[]
  /** The identifiers of the components. */
  readonly covered: ReadonlySet<string>
  readonly coversDigest: boolean
  readonly #problem: string | undefined

  constructor ({ items }: InnerList) {
    this.text = serializeMember({ items, parameters: new Map() })
    this.components = items.map(readComponent)
    this.covered = new Set(this.components.map(({ key }) => key))
    this.coversDigest = this.components.some(({ name }) => name === 'content-digest')
    this.#problem = findProblem(this.components)
  }

  /**
   * Checks that the names of the components are valid, that each component is
   * covered once, and that all required components are covered.
   *
   * @param required the identifiers of the required components
   * @throws {SignatureError} if a check fails
   */
  check (required: readonly string[]): void {
    if (this.#problem !== undefined) throw new SignatureError(this.#problem)
    const uncovered = findUncovered(required, this.covered)
    if (uncovered !== undefined) throw createUncoveredError(uncovered)
  }
}

/** Returns the identifier of the first required component that is not covered; undefined if all are covered. */
export function findUncovered (required: readonly string[], covered: ReadonlySet<string>): string | undefined {
  return required.find(identifier => !covered.has(identifier))
}

function findProblem (components: readonly CoveredComponent[]): string | undefined {
  const covered = new Set<string>()
  for (const { name, key } of components) {
    if (name === '' || name !== name.toLowerCase()) return 'The signature covers a component whose name is not a lowercase string'
    if (covered.has(key)) return `The signature covers ${key} twice`
    covered.add(key)
  }
}

/** Creates the error for a required component that is not covered. */
export function createUncoveredError (identifier: string): SignatureError {
  return new SignatureError(`The signature must cover ${identifier}`)
}

// A client has one list for requests with content, and one for requests without content.
const MAX_LISTS = 256

/**
 * The component lists of valid signatures, by their text. A client covers the
 * same components in every request, so each list is parsed once. Only the holder
 * of a key can add a list.
 */
export class KnownLists {
  readonly #lists = new Map<string, ComponentList>()

  /** Returns the list with this text; undefined if it is not known. */
  get (text: string): ComponentList | undefined {
    return this.#lists.get(text)
  }

  add (list: ComponentList): void {
    if (this.#lists.has(list.text)) return
    // Clients that often change their lists gain nothing from the map, so it does not matter which lists are lost.
    if (this.#lists.size === MAX_LISTS) this.#lists.clear()
    this.#lists.set(list.text, list)
  }
}
