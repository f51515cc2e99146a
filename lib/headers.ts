import { validateHeaderName, validateHeaderValue, type OutgoingHttpHeader, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import type { Contract } from './contract.js'

/** Headers in each of the forms that Node's `writeHead` takes. */
export type Headers = OutgoingHttpHeaders | readonly OutgoingHttpHeader[] | ReadonlyArray<[string, OutgoingHttpHeader]>

/** Whether headers given to `writeHead` have the contract's own among them. */
export function carriesReason (headers: Headers, contract: Contract): boolean {
  return Array.isArray(headers)
    ? contract.header in collect(headers, contract)
    : contract.field in headers || contract.header in headers
}

/**
 * The headers given to `writeHead`, in whichever of its forms, as an object
 * of their own, the contract's under the contract's spelling.
 */
export function collect (headers: Headers | undefined, contract: Contract, leaveOut?: (field: string) => boolean): OutgoingHttpHeaders {
  const collected: OutgoingHttpHeaders = {}
  if (Array.isArray(headers)) {
    const flat = Array.isArray(headers[0]) ? headers.flat() : headers
    for (let i = 0; i < flat.length; i += 2) {
      const field = String(flat[i]).toLowerCase()
      if (leaveOut?.(field)) continue
      const name = field === contract.field ? contract.header : field
      const earlier = collected[name]
      collected[name] = earlier === undefined ? flat[i + 1] : [earlier, flat[i + 1]].flat()
    }
    return collected
  }
  for (const name in headers as OutgoingHttpHeaders) {
    // Fastify's are in lower case already.
    if (leaveOut?.(name)) continue
    const field = name.toLowerCase()
    if (field !== name && leaveOut?.(field)) continue
    collected[field === contract.field ? contract.header : name] = (headers as OutgoingHttpHeaders)[name]
  }
  return collected
}

/** The value that headers given to `writeHead` have for a field, its name in lower case. */
export function valueOf (headers: Headers | undefined, field: string, contract: Contract): OutgoingHttpHeader | undefined {
  const collected = collect(headers, contract)
  const name = nameOf(collected, field)
  return name === undefined ? undefined : collected[name]
}

/** The name under which headers have a field. */
export function nameOf (headers: OutgoingHttpHeaders, field: string): string | undefined {
  for (const name in headers) {
    if (name.length === field.length && name.toLowerCase() === field) return name
  }
}

/** Lets a page on another origin read the header (Fetch, `Access-Control-Expose-Headers`). */
export function expose (header: string, response: ServerResponse, headers: OutgoingHttpHeaders): void {
  const name = nameOf(headers, 'access-control-expose-headers') ?? 'access-control-expose-headers'
  const exposed = [headers[name] ?? response.getHeader(name) ?? []].flat().join(', ')
  const fields = exposed.toLowerCase().split(',').map(field => field.trim())
  // With credentials, * is a name like any other; the page then sees no header by it.
  if (!fields.includes(header.toLowerCase())) headers[name] = exposed === '' ? header : `${exposed}, ${header}`
}

/** @throws {TypeError} for a header that HTTP/1.1 has no way to send, as Node has it */
export function checkHeader (name: string, value: unknown): void {
  validateHeaderName(name)
  for (const one of [value].flat()) validateHeaderValue(name, one as string)
}

/** Whether there is a way to send a header. */
export function isSendable (name: string, value: unknown): boolean {
  try {
    checkHeader(name, value)
    return true
  } catch {
    return false
  }
}
