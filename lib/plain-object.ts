/** Returns whether a value is an object literal, or has no prototype. */
export function isPlainObject (value: unknown): value is object {
  return typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value))
}
