import type { Signer } from '../client/signer.js'

/** The parts of a request of Swagger UI that matter here. Its other parts are options of fetch. */
export interface PageRequest {
  url: string
  method?: string
  headers?: Record<string, string>
  body?: RequestInit['body']
  /** Sends the request instead of fetch. */
  userFetch?: () => Promise<Response>
}

const SIGNED_FIELDS = ['content-digest', 'signature-input', 'signature']

/**
 * Signs a request of Swagger UI. The signed `Request` itself is sent: if Swagger UI serialized a form again, the boundary and
 * the digest would change.
 *
 * @returns the given request, whose headers show the signature
 */
export async function signRequest (request: PageRequest, sign: Signer): Promise<PageRequest> {
  const headers = new Headers(request.headers)
  // The browser adds the content type of a form, because it chooses the boundary.
  if (request.body instanceof FormData) headers.delete('content-type')
  const signed = await sign(new Request(request.url, { ...request as RequestInit, headers }))

  for (const name of SIGNED_FIELDS) {
    const value = signed.headers.get(name)
    if (value !== null) request.headers = { ...request.headers, [name]: value }
  }
  request.userFetch = () => fetch(signed)
  return request
}
