/** The longest delay that `setTimeout()` accepts, in milliseconds. */
export const MAX_TIMEOUT_MS = 2 ** 31 - 1
