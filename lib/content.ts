const METHODS_WITHOUT_CONTENT = new Set(['GET', 'HEAD', 'TRACE'])

/** Returns whether requests with this method can have content. If not, Fastify calls the handler without reading any content. */
export function allowsContent (method: string): boolean {
  return !METHODS_WITHOUT_CONTENT.has(method)
}
