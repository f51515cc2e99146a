import { serializeInnerList, serializeItem, type InnerList, type Item, type Parameters } from 'structured-headers'

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
  /** Reads a parameter of the query from the target; absent where none is ever covered, as in a client that loads every byte. */
  queryParameter?: typeof queryParameter
}

/**
 * The value of a component (RFC 9421 sections 2.1 and 2.2); undefined where
 * the request has none, or a request can have none of the kind.
 *
 * @internal
 */
export function componentValue (request: SignableRequest, [name, parameters]: Item): string | undefined {
  if (typeof name !== 'string') return undefined
  if (!name.startsWith('@')) return request.field(name, parameters)
  if (name === '@query-param') return request.queryParameter?.(request.target, parameters)
  if (parameters.size > 0) return undefined
  const [, path, query] = ORIGIN_FORM.exec(request.target)!
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

/**
 * The value of `@query-param` (RFC 9421 section 2.2.8): undefined for one that occurs twice.
 *
 * @internal
 */
export function queryParameter (target: string, parameters: Parameters): string | undefined {
  const name = parameters.get('name')
  if (typeof name !== 'string' || parameters.size > 1) return undefined
  const values = []
  for (const [key, value] of new URLSearchParams(ORIGIN_FORM.exec(target)![2])) {
    if (encode(key) === name) values.push(value)
  }
  return values.length === 1 ? encode(values[0]) : undefined
}

/** As a form has it, but for a space. */
function encode (text: string): string {
  return new URLSearchParams([[text, '']]).toString().slice(0, -1).replaceAll('+', '%20')
}

/**
 * What a signature signs (RFC 9421 section 2.5): a line for each component,
 * and one for the signature's parameters.
 *
 * @param missing called with the first component that has no value; must throw
 * @internal
 */
export function signatureBase (request: SignableRequest, input: InnerList, missing: (component: string) => never): string {
  let base = ''
  for (const component of input[0]) {
    const identifier = serializeItem(component)
    base += `${identifier}: ${componentValue(request, component) ?? missing(identifier)}\n`
  }
  return `${base}"@signature-params": ${serializeInnerList(input)}`
}
