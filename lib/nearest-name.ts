/**
 * Returns the known name that someone most likely meant: the only one that begins with the name, or the one with the
 * fewest typing errors. Ignores case, `-` and `_`. Returns undefined if no known name is similar enough.
 */
export function nearestName (name: string, known: Iterable<string>): string | undefined {
  const text = simplify(name)
  const candidates = [...known]
  const beginning = text === '' ? [] : candidates.filter(candidate => simplify(candidate).startsWith(text))
  return beginning.length === 1 ? beginning[0] : correctName(name, candidates)
}

/**
 * Returns the known name that a name is a misspelling of, with at most two errors. Ignores case, `-` and `_`. Returns
 * undefined if no known name is similar enough.
 */
export function correctName (name: string, known: Iterable<string>): string | undefined {
  const text = simplify(name)
  let nearest: string | undefined
  // With two errors, a short name is similar to almost any name.
  let limit = text.length <= 3 ? 1 : 2
  for (const candidate of known) {
    const simplified = simplify(candidate)
    const errors = countErrors(text, simplified)
    if (errors > limit || errors >= simplified.length) continue
    nearest = candidate
    limit = errors - 1
  }
  return nearest
}

function simplify (name: string): string {
  return name.toLowerCase().replace(/[-_]/g, '')
}

/** Returns how many letters are missing, added, wrong, or swapped with the next one (Damerau–Levenshtein distance). */
function countErrors (a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (isSame ? 0 : 1))
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (isSwapped) row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
