/**
 * Returns the most specific message of a thrown value. Fetch throws a
 * `TypeError` that says only `fetch failed`; its cause says why. The value can
 * be anything, because it can be the reason of an abort.
 */
export function getErrorMessage (thrown: unknown): string {
  try {
    const { errors, message } = Object(thrown instanceof TypeError && thrown.cause ? thrown.cause : thrown)
    // A host with several addresses causes an AggregateError, which has no message of its own.
    return String(message || errors?.[0].message || thrown)
  } catch {
    return 'Unknown error'
  }
}
