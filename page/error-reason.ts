import { outcomeOf, type Outcome, type OutcomeOptions } from '../client/outcome.js'

/** A response in the state of Swagger UI, an Immutable.js map. */
interface PageResponse { get (name: string): any }

const MEANINGS: Record<Outcome, string | undefined> = {
  success: undefined,
  rejected: 'The request was rejected. It did nothing.',
  unknown: 'The operation may or may not have happened. Do not treat it as failed.'
}

/**
 * Returns what the page shows for an unsuccessful response: its reason, and notes about the outcome of the operation.
 * Returns undefined if there was no response, or if the response is not an error.
 *
 * @param names the names of the headers of the service
 */
export function describeError (response: PageResponse, names: OutcomeOptions): { reason: string, notes: string[] } | undefined {
  const status = response.get('status')
  if (!(status >= 400)) return undefined
  const fields = response.get('headers').toJS()
  const headers = {
    // Swagger UI splits a value at commas, so its parts are joined again.
    get: (name: string): string | null => [fields[name.toLowerCase()] ?? []].flat().join(', ') || null
  }
  const { outcome, reason, retryAfter, requestId } = outcomeOf({ status, statusText: response.get('statusText'), headers }, names)
  const retry = retryAfter === undefined ? undefined : `Retry after ${retryAfter} s.`
  const id = requestId === undefined ? undefined : `Request id: ${requestId}`
  return { reason, notes: [MEANINGS[outcome], retry, id].filter(note => note !== undefined) }
}

/** Returns a component of React that shows the reason of an error. */
export function createErrorReason ({ createElement: h }: any, { reason, notes }: { reason: string, notes: string[] }): () => object {
  return function ErrorReason () {
    return h('div', { className: 'error-reason' },
      h('h5', null, 'Reason'),
      h('p', { className: 'error-reason-text' }, reason),
      notes.map(note => h('p', { key: note }, note)))
  }
}
