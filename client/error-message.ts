/**
 * Returns the most specific message of a thrown value. Fetch throws a
 * `TypeError` that says only `fetch failed`; its cause says why. The thrown
 * value can have any type, because it can be the reason of an abort.
 */
export function getErrorMessage (thrown: unknown): string {
  try {
    const { errors, message } = Object(thrown instanceof TypeError && thrown.cause ? thrown.cause : thrown)
    // For a host with several addresses, the cause is an AggregateError without a message.
    return String(message || errors?.[0].message || thrown)
  } catch {
    return 'Unknown error'
  }
}
