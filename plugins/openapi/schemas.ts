import type { Json } from './json.js'

type Replace = (reference: Json) => void

/** Moves each named schema that the document uses at least twice to `components.schemas`, and refers to it. */
export function extractSchemas (openapiObject: Json, schemas: Record<string, object>): void {
  // A module of schemas can also export functions.
  const named = Object.entries(schemas).filter(([, schema]) => typeof schema === 'object')
  const names = new Map(named.map(([name, schema]) => [getFingerprint(schema), name]))
  const uses = new Map<string, Replace[]>()
  const collectUses = (root: Json): void => visit(root, (node, replace) => {
    const name = names.get(getFingerprint(node))
    if (name !== undefined) uses.set(name, [...uses.get(name) ?? [], replace])
  })
  collectUses(openapiObject.paths)

  const shared = [...uses.keys()].filter(name => uses.get(name)!.length > 1)
  for (const name of shared) {
    const schema = JSON.parse(JSON.stringify(schemas[name]))
    openapiObject.components.schemas[name] = schema
    collectUses(schema)
  }
  for (const name of shared) {
    for (const replace of uses.get(name)!) replace({ $ref: `#/components/schemas/${name}` })
  }
}

/** Calls a function for each object within an object, the innermost objects first. */
function visit (node: Json, onObject: (node: Json, replace: Replace) => void): void {
  for (const [key, child] of Object.entries(node)) {
    if (typeof child !== 'object' || child === null) continue
    visit(child, onObject)
    onObject(child, reference => { node[key] = reference })
  }
}

/** Returns a text that is equal for schemas that differ only in their examples, because Swagger moves examples out of a schema. */
function getFingerprint (schema: Json): string {
  const { examples, example, ...rest } = schema
  return JSON.stringify(rest)
}
