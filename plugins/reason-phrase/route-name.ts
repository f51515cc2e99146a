/** Returns the methods and the URL of a route, for messages. */
export function getRouteName ({ method, url }: { readonly method: string | readonly string[], readonly url?: string | undefined }): string {
  return `${[method].flat().join(', ')} ${url}`
}
