import type { Json } from './json.js'

/** A schema with the name that it has in `components.schemas`. */
export interface NamedSchema {
  name: string
  schema: Json
}

/** The names of the schemas of a document. Two schemas never have the same name. */
export class ComponentNames {
  readonly #own: Json
  readonly #named = new Map<string, NamedSchema>()
  readonly #taken: Set<string>

  /** @param own the schemas that the document of the caller contains */
  constructor (own: Json) {
    this.#own = own
    this.#taken = new Set(Object.keys(own))
  }

  /**
   * Names a schema.
   *
   * @throws {Error} if the document has another schema with this name
   */
  set (name: string, schema: Json): void {
    if (this.#taken.has(name) && !this.#isOwn(name, schema)) {
      throw new Error(`fastify-reason-phrase: openapi() got two schemas with the name ${name}: schemas.${name} and document.components.schemas.${name}. Rename one of them`)
    }
    this.#taken.add(name)
    this.#named.set(getFingerprint(schema), { name, schema })
  }

  /** Returns the name of a schema: the name that it was given, or a name made from its `$id`; undefined if it has neither. */
  get (schema: Json): NamedSchema | undefined {
    const fingerprint = getFingerprint(schema)
    const named = this.#named.get(fingerprint)
    if (named !== undefined || typeof schema.$id !== 'string') return named
    const created = { name: this.#createName(schema.$id, schema), schema }
    this.#named.set(fingerprint, created)
    return created
  }

  #createName (id: string, schema: Json): string {
    const name = toComponentName(id)
    return this.#isOwn(name, schema) ? name : reserveName(this.#taken, name)
  }

  /** Returns whether the document of the caller contains this schema. */
  #isOwn (name: string, schema: Json): boolean {
    return Object.hasOwn(this.#own, name) && getFingerprint(this.#own[name]) === getFingerprint(schema)
  }
}

/** Reserves a name, and returns it. If the name is taken, a number is added. */
export function reserveName (taken: Set<string>, name: string): string {
  let free = name
  for (let number = 2; taken.has(free); number++) free = `${name}${number}`
  taken.add(free)
  return free
}

/** Makes a name of letters, digits, `.`, `_` and `-` from an `$id`: `Pet` from `Pet#` and from `https://example.com/Pet.json`. */
function toComponentName (id: string): string {
  const path = id.replace(/^[a-z][a-z\d+.-]*:.*[/:]/i, '').replace(/#$/, '').replace(/\.json$/, '')
  return path.replace(/[^\w.-]+/g, '-').replace(/^-|-$/g, '') || 'Schema'
}

/** Returns a text that identifies a schema. Schemas that differ only in their examples have the same text. */
function getFingerprint (schema: Json): string {
  const { examples, example, ...rest } = schema
  return JSON.stringify(rest)
}
