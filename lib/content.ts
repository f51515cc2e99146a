const METHODS_WITHOUT_CONTENT = new Set(['GET', 'HEAD', 'TRACE'])

/** Returns whether requests with this method can have content. Fastify calls the handlers of other methods without reading any. */
export function allowsContent (method: string): boolean {
  return !METHODS_WITHOUT_CONTENT.has(method)
}
