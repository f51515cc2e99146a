/**
 * Returns what went wrong, in words. The TypeError of fetch says only that it
 * failed, and its cause says why. What is thrown can be anything, since it can
 * be the reason of an abort.
 */
export function reasonOf (thrown: unknown): string {
  try {
    const { errors, message } = Object(thrown instanceof TypeError && thrown.cause ? thrown.cause : thrown)
    // A host can have several addresses, and each an error of its own.
    return String(message || errors?.[0].message || thrown)
  } catch {
    return 'Unknown error'
  }
}
