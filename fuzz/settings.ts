/** A whole number from the command line, or else from the environment. */
export function setting (position: number, name: string, fallback: number): number {
  const given = process.argv[2 + position] ?? process.env[name]
  if (given === undefined) return fallback
  if (!/^-?\d+$/.test(given)) throw new TypeError(`${name} must be a whole number, not ${given}`)
  return Number(given)
}

/** A seed: the one that is given, or one of today. */
export function seedSetting (position: number): number {
  return setting(position, 'SEED', (Date.now() ^ (process.pid << 16)) & 0x7fffffff)
}
