/**
 * Returns the own or inherited symbol of an object that has this description; undefined if there is none. Fastify and Node
 * store some of their state under symbols that they do not export.
 */
export function findSymbol (object: object, description: string): symbol | undefined {
  for (let owner: object | null = object; owner !== null; owner = Object.getPrototypeOf(owner)) {
    const symbol = Object.getOwnPropertySymbols(owner).find(one => one.description === description)
    if (symbol !== undefined) return symbol
  }
}
