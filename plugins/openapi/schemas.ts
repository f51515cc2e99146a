import { isPlainObject } from '../../lib/plain-object.js'
import { ComponentNames, type NamedSchema } from './component-names.js'
import { REFERENCE_PREFIX, type Json } from './json.js'

const SCHEMAS = `${REFERENCE_PREFIX}schemas/`

// The property that carries the name of a schema from the schema of its route to the complete document.
const NAME = 'x-reason-phrase-name'

// A response that carries the named schemas of a route. @fastify/swagger converts schemas only as parts of an operation.
const CARRIER = 'X-REASON-PHRASE-SCHEMAS'

/** The keywords that contain data. Data can look like a schema. */
const DATA = new Set(['const', 'default', 'enum', 'example', 'examples'])

/** The keywords that contain schemas by name. */
const MAPS = new Set(['$defs', 'definitions', 'patternProperties', 'properties'])

type Replace = (reference: Json) => void

/** The targets of the references in a part of a route's schema. */
interface Scope {
  /** The names of the schemas in the part, by `$id`. */
  ids: Map<string, string>
  /** The name of the nearest schema with an `$id`, to which a reference such as `#` refers. */
  base?: string | undefined
  /** The named schemas of the route, by name. */
  carried: Map<string, Json>
}

/** The named schemas of a document: the schemas that have a name, and those with an `$id`. */
export class NamedSchemas {
  readonly #names: ComponentNames
  // The names of the schemas to which other schemas refer.
  readonly #referred = new Set<string>()

  /**
   * @param schemas the schemas of the option `schemas`, by name
   * @param own the schemas that the document of the caller contains
   * @throws {Error} if both have different schemas with the same name
   */
  constructor (schemas: Record<string, object>, own: Json = {}) {
    this.#names = new ComponentNames(own)
    for (const [name, schema] of Object.entries(schemas)) {
      // A module of schemas may export functions too. Skip them.
      if (typeof schema === 'object') this.#names.set(name, schema)
    }
  }

  /** Returns the name of a schema with an `$id`. */
  nameOf (schema: Json): string {
    return this.#names.get(schema)!.name
  }

  /** Returns a copy of the schema of a route in which each named schema has its name. */
  mark ({ response, ...schema }: Json): Json {
    const carried = new Map<string, Json>()
    const marked: Json = { ...schema }
    for (const part of ['body', 'cookies', 'headers', 'params', 'querystring']) {
      if (schema[part] !== undefined) marked[part] = this.#markPart(schema[part], carried)
    }
    const responses: Json = {}
    for (const [key, part] of Object.entries<Json>(response ?? {})) responses[key] = this.#markResponse(part, carried)
    if (carried.size > 0) {
      // Without response schemas, @fastify/swagger would add this one. The carrier would prevent that.
      if (response === undefined) responses[200] = { type: 'null', description: 'Default Response' }
      responses[CARRIER] = { type: 'object', properties: Object.fromEntries(carried) }
    }
    return response === undefined && carried.size === 0 ? marked : { ...marked, response: responses }
  }

  #markResponse (response: Json, carried: Map<string, Json>): Json {
    if (!isPlainObject(response)) return response
    // These properties belong to the response, not to its schema.
    const { headers, 'x-response-description': description, ...schema }: Json = response
    return {
      ...this.#markPart(schema, carried),
      ...(headers && { headers: this.#mark(headers, { ids: new Map(), carried }, true) }),
      ...(description && { 'x-response-description': description })
    }
  }

  #markPart (part: Json, carried: Map<string, Json>): Json {
    // A schema of a validation library can be an instance of a class. Do not change it.
    if (!isPlainObject(part)) return part
    const ids = new Map<string, string>()
    this.#findIds(part, ids)
    return this.#mark(part, { ids, carried })
  }

  #findIds (node: unknown, ids: Map<string, string>): void {
    if (!isContainer(node)) return
    if ('$id' in node && typeof node.$id === 'string') ids.set(node.$id.replace(/#$/, ''), this.nameOf(node))
    for (const child of Object.values(node)) this.#findIds(child, ids)
  }

  /** Returns a copy of a schema, or of schemas by name, in which each named schema has its name instead of its `$id`. */
  #mark (node: Json, scope: Scope, isMap = false): Json {
    const named = isMap ? undefined : this.#names.get(node)
    const inner = typeof node.$id === 'string' && named !== undefined ? { ...scope, base: named.name } : scope
    const marked: Json = {}
    for (const [key, child] of Object.entries(node)) marked[key] = isMap || !DATA.has(key) ? this.#markChild(child, inner, !isMap && MAPS.has(key)) : child
    if (isMap) return marked
    if (typeof marked.$ref === 'string') marked.$ref = this.#resolve(marked.$ref, inner)
    if (named === undefined) return marked
    delete marked.$id
    this.#carry(named, scope)
    return { ...marked, [NAME]: named.name }
  }

  #markChild (child: unknown, scope: Scope, isMap: boolean): unknown {
    if (Array.isArray(child)) return child.map(item => this.#markChild(item, scope, false))
    return isPlainObject(child) ? this.#mark(child, scope, isMap) : child
  }

  #carry ({ name, schema }: NamedSchema, scope: Scope): void {
    if (scope.carried.has(name)) return
    // Add the name before the nested schemas are marked, because one of them may have the same name.
    scope.carried.set(name, {})
    scope.carried.set(name, this.#mark(schema, scope))
  }

  /** Returns a reference for the document. A reference to a named schema of the same part becomes a reference to its component. */
  #resolve (reference: string, { ids, base }: Scope): string {
    const [id = '', pointer = ''] = reference.split('#')
    const name = ids.get(reference.replace(/#$/, '')) ?? (id === '' ? base : ids.get(id))
    // @fastify/swagger resolves the other references.
    if (name === undefined || /^#\/(?:components|definitions)\//.test(reference)) return reference
    this.#referred.add(name)
    return `${SCHEMAS}${name}${pointer.startsWith('/') ? pointer : ''}`
  }

  /**
   * Moves a named schema to `components.schemas` if the document uses it at least twice, or if another schema refers to it.
   * Replaces its uses by references.
   */
  extract ({ paths, components }: Json): void {
    const carried = takeCarried(paths)
    const uses = new Map<string, Replace[]>()
    collectUses(paths, uses)
    const { schemas } = components
    const shared = [...carried.keys()].filter(name => (uses.get(name) ?? []).length > 1 || this.#referred.has(name) || Object.hasOwn(schemas, name))
    for (const name of shared) {
      if (Object.hasOwn(schemas, name)) continue
      schemas[name] = carried.get(name)
      delete schemas[name][NAME]
      collectUses(schemas[name], uses)
    }
    for (const name of shared) {
      for (const replace of uses.get(name) ?? []) replace({ $ref: `${SCHEMAS}${name}` })
    }
    visit({ paths, schemas }, node => { delete node[NAME] })
  }
}

function isContainer (node: unknown): node is object {
  return Array.isArray(node) || isPlainObject(node)
}

/** Removes the named schemas of the routes from the responses. Returns them by name. */
function takeCarried (paths: Json): Map<string, Json> {
  const carried = new Map<string, Json>()
  for (const { responses } of Object.values<Json>(paths).flatMap(path => Object.values<Json>(path))) {
    const carrier = responses?.[CARRIER]
    if (carrier === undefined) continue
    delete responses[CARRIER]
    const [{ schema }] = Object.values<Json>(carrier.content) as [Json]
    for (const [name, named] of Object.entries<Json>(schema.properties)) if (!carried.has(name)) carried.set(name, named)
  }
  return carried
}

function collectUses (root: Json, uses: Map<string, Replace[]>): void {
  visit(root, (node, replace) => {
    const name = node[NAME]
    if (name !== undefined) uses.set(name, [...uses.get(name) ?? [], replace])
  })
}

/** Calls a function for each object within an object, the innermost objects first. */
function visit (node: Json, onObject: (node: Json, replace: Replace) => void): void {
  for (const [key, child] of Object.entries(node)) {
    if (typeof child !== 'object' || child === null) continue
    visit(child, onObject)
    onObject(child, reference => { node[key] = reference })
  }
}
