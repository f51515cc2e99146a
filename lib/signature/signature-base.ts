import type { Parameters } from './structured-fields.js'

/** The only supported signature algorithm (RFC 9421 section 3.3.3). */
export const ALGORITHM = 'hmac-sha256'

/** The parts of a request that a signature can cover. This module runs in browsers, too. */
export interface SignableRequest {
  method: string
  /** `http` or `https`. */
  scheme: string
  /** The host in lower case, with the port if it is not the default port of the scheme. */
  authority: string
  /** The request target, as the request line has it (RFC 9112 section 3.2). */
  target: string
  /** Returns the value of a field, its lines joined (RFC 9421 section 2.1); undefined if there is none. */
  field (name: string, parameters: Parameters): string | undefined
  /**
   * Returns the value of a query parameter (RFC 9421 section 2.2.8); undefined
   * if there is none. The client does not have this method: it never covers
   * query parameters, and browsers load all of its code.
   */
  queryParameter? (name: string): string | undefined
}

/** A component that a signature covers. */
export interface Component {
  name: string
  parameters: Parameters
  /** The name and the parameters, serialized for the signature base. */
  identifier: string
}

/**
 * Returns the value of a component (RFC 9421 sections 2.1 and 2.2); undefined
 * if the request has none, or if requests have no such component.
 */
export function getComponentValue (request: SignableRequest, { name, parameters }: Component): string | undefined {
  if (!name.startsWith('@')) return request.field(name, parameters)
  if (name === '@query-param') {
    const parameter = parameters.get('name')?.value
    return typeof parameter === 'string' && parameters.size === 1 ? request.queryParameter?.(parameter) : undefined
  }
  if (parameters.size > 0) return undefined
  switch (name) {
    case '@method': return request.method
    case '@target-uri': return `${request.scheme}://${request.authority}${getPath(request)}${parseTarget(request.target).query}`
    case '@authority': return request.authority
    case '@scheme': return request.scheme
    case '@request-target': return request.target
    case '@path': return getPath(request)
    case '@query': return parseTarget(request.target).query || '?'
  }
}

function getPath ({ target }: SignableRequest): string {
  return parseTarget(target).path || '/'
}

// Skips the scheme and the authority of a target in absolute form, as routers do:
// only those of http and https, and only if a slash follows the authority.
const TARGET = /^(?:https?:\/\/[^/?#]*(?=\/|$))?([^?]*)(.*)$/is

/** Returns the path of a request target, and its query with the question mark. Each of them can be empty. */
export function parseTarget (target: string): { path: string, query: string } {
  const [, path, query] = TARGET.exec(target)!
  return { path, query }
}

/**
 * Returns the signature base (RFC 9421 section 2.5), which is what a signature
 * signs: a line for each component, and one for the signature parameters.
 *
 * @param parameters the value of `@signature-params`: the covered components and the parameters, strictly serialized
 */
export function createSignatureBase<C extends Component> (components: readonly C[], parameters: string, getValue: (component: C) => string): string {
  let base = ''
  for (const component of components) base += `${component.identifier}: ${getValue(component)}\n`
  return `${base}"@signature-params": ${parameters}`
}
