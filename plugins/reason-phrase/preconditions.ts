import type { FastifyRequest } from 'fastify'

/** Removes the precondition of a request, so that an error never becomes a 304 (RFC 9110 section 13.2.1). */
export function ignorePreconditions ({ raw: { headers } }: FastifyRequest): void {
  if (headers['if-none-match'] !== undefined) delete headers['if-none-match']
}
