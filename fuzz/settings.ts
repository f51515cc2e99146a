/** Reads an integer from the command line, or from an environment variable if the argument is missing. */
export function readInteger (position: number, name: string, fallback: number): number {
  const given = process.argv[2 + position] ?? process.env[name]
  if (given === undefined) return fallback
  if (!/^-?\d+$/.test(given)) throw new TypeError(`${name} must be an integer, not ${given}`)
  return Number(given)
}

/** Reads the seed. Default: a new seed. */
export function readSeed (position: number): number {
  return readInteger(position, 'SEED', createSeed())
}

/** Returns a new seed, derived from the time and the process id. */
export function createSeed (): number {
  return (Date.now() ^ (process.pid << 16)) & 0x7fffffff
}
