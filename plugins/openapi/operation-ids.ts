import { reserveName } from './component-names.js'
import type { RouteOperation } from './errors.js'
import type { Json } from './json.js'

/**
 * Adds an `operationId` to each operation without one, made from its method and path: `getTopicByTopicId` for
 * `GET /topic/{topicId}`. Client generators name their functions after it.
 */
export function addOperationIds ({ paths }: Json, operations: RouteOperation[]): void {
  const taken = new Set<string>(Object.values<Json>(paths).flatMap(path => Object.values<Json>(path)).map(({ operationId }) => operationId))
  const owners = new Map<string, string>()
  for (const { method, path, operation } of operations) {
    const { operationId } = operation
    if (operationId === undefined) operation.operationId = reserveName(taken, createOperationId(method, path))
    // All methods of a route share the id of its schema.
    else if (owners.get(operationId) === path) operation.operationId = reserveName(taken, `${operationId}-${method}`)
    else owners.set(operationId, path)
  }
}

function createOperationId (method: string, path: string): string {
  const words = path.replaceAll('{*}', '{wildcard}').replaceAll('{', 'by-').split(/[^A-Za-z0-9]+/).filter(word => word !== '')
  return method + (words.map(capitalize).join('') || 'Root')
}

function capitalize (word: string): string {
  return word[0]!.toUpperCase() + word.slice(1)
}
