/** Whether a value is an object as one writes it, and of no class. */
export function isPlainObject (value: unknown): value is object {
  return typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value))
}
