/**
 * Returns the known name that a name is probably a typo of; undefined if none is near. Letters can be wrong, missing, added
 * or swapped: one in a name of up to 5 letters, two in one of up to 13, and three in a longer one. Upper and lower case
 * count as the same.
 */
export function findNearestName (name: string, known: Iterable<string>): string | undefined {
  let nearest: string | undefined
  let leastDistance = Infinity
  for (const candidate of known) {
    const distance = getEditDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance > getLimit(candidate) || distance >= leastDistance) continue
    nearest = candidate
    leastDistance = distance
  }
  return nearest
}

/** Returns how many letters of a name can be wrong. */
function getLimit ({ length }: string): number {
  if (length <= 5) return 1
  return length <= 13 ? 2 : 3
}

/** Returns the least number of edits between two texts (optimal string alignment): replaced, missing, added and swapped letters. */
function getEditDistance (from: string, to: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const cost = from[row - 1] === to[column - 1] ? 0 : 1
      current[column] = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + cost)
      const isSwap = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
      if (isSwap) current[column] = Math.min(current[column]!, beforePrevious[column - 2]! + 1)
    }
    beforePrevious = previous
    previous = current
  }
  return previous[to.length]!
}
