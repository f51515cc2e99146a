import type { Parameters } from './structured-fields.js'

/** The one algorithm of signatures here (RFC 9421 section 3.3.3). */
export const ALGORITHM = 'hmac-sha256'

/**
 * What of a request a signature can cover. Runs in browsers, too.
 *
 * @internal
 */
export interface SignableRequest {
  method: string
  /** `http` or `https`. */
  scheme: string
  /** Host, and port if it is not the scheme's own, in lower case. */
  authority: string
  /** The request target as it is sent (RFC 9112 section 3.2). */
  target: string
  /** The value of a field, its lines joined (RFC 9421 section 2.1); undefined where there is none. */
  field (name: string, parameters: Parameters): string | undefined
  /** The value of a parameter of the query (RFC 9421 section 2.2.8); absent where none is ever covered, as in a client that loads every byte. */
  queryParameter? (name: string): string | undefined
}

/** A component that a signature covers. */
export interface Component {
  name: string
  parameters: Parameters
  /** Name and parameters, as the signature base has them. */
  identifier: string
}

/**
 * The value of a component (RFC 9421 sections 2.1 and 2.2); undefined where
 * the request has none, or a request can have none of the kind.
 *
 * @internal
 */
export function componentValue (request: SignableRequest, { name, parameters }: Component): string | undefined {
  if (!name.startsWith('@')) return request.field(name, parameters)
  if (name === '@query-param') {
    const wanted = parameters.get('name')?.value
    return typeof wanted === 'string' && parameters.size === 1 ? request.queryParameter?.(wanted) : undefined
  }
  if (parameters.size > 0) return undefined
  const { path, query } = originForm(request.target)
  switch (name) {
    case '@method': return request.method
    case '@target-uri': return `${request.scheme}://${request.authority}${path || '/'}${query}`
    case '@authority': return request.authority
    case '@scheme': return request.scheme
    case '@request-target': return request.target
    case '@path': return path || '/'
    case '@query': return query || '?'
  }
}

// Without what an absolute-form begins with, as routers have it: of http and
// https alone, and only where a slash follows the authority.
const ORIGIN_FORM = /^(?:https?:\/\/[^/?#]*(?=\/|$))?([^?]*)(.*)$/is

/** The path of a request target, and its query with the question mark; each can be empty. */
export function originForm (target: string): { path: string, query: string } {
  const [, path, query] = ORIGIN_FORM.exec(target)!
  return { path, query }
}

/**
 * What a signature signs (RFC 9421 section 2.5): a line for each component,
 * and one for the signature's parameters.
 *
 * @param parameters the covered components and the parameters, as the field Signature-Input has them, serialized strictly
 * @internal
 */
export function signatureBase<C extends Component> (components: C[], parameters: string, valueOf: (component: C) => string): string {
  const lines = components.map(component => `${component.identifier}: ${valueOf(component)}`)
  return [...lines, `"@signature-params": ${parameters}`].join('\n')
}
