const MILLISECONDS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** A unit of time. */
export type Unit = keyof typeof MILLISECONDS

const DURATION_PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/

/**
 * Returns a duration, such as `60s` or `1.5m`, in milliseconds. Returns NaN if it is malformed.
 *
 * @param unit the unit of a number that is written without a unit
 */
export function parseDuration (text: string, unit: Unit): number {
  const [, number, given = unit] = DURATION_PATTERN.exec(text) ?? []
  return Number(number) * MILLISECONDS[given as Unit]
}

/** Returns a duration in milliseconds as text, such as `412 ms` or `1.5 s`. */
export function formatDuration (milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`
}
