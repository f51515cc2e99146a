/**
 * Returns the symbol with a description that an object has, or that it inherits; undefined if it has none. Fastify and Node
 * keep some of what they know under symbols that they do not export.
 */
export function findSymbol (object: object, description: string): symbol | undefined {
  for (let owner: object | null = object; owner !== null; owner = Object.getPrototypeOf(owner)) {
    const symbol = Object.getOwnPropertySymbols(owner).find(one => one.description === description)
    if (symbol !== undefined) return symbol
  }
}
