/** An object of an OpenAPI document. */
export type Json = Record<string, any>

/** The beginning of a reference to a component. */
export const REFERENCE_PREFIX = '#/components/'

/** Returns the references in a part of a document. */
export function findReferences (node: unknown, found: Set<string> = new Set()): Set<string> {
  if (typeof node !== 'object' || node === null) return found
  for (const [key, child] of Object.entries(node)) {
    if (key === '$ref' && typeof child === 'string') found.add(child)
    else findReferences(child, found)
  }
  return found
}
