// The few figures that the benchmarks tell of their rounds.

export function median (values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Whether a limit lies within an interval, so that it does not tell which side of it is right. */
export function spans ({ low, high }, limit) {
  return low <= limit && limit < high
}

/** The median of each figure that the samples have. */
export function medians (samples) {
  return Object.fromEntries(Object.keys(samples[0]).map(figure => [figure, median(samples.map(sample => sample[figure]))]))
}

/**
 * The 95 % interval of the median, by the order of the values alone: which
 * of them lie around it as often as a coin falls so.
 */
export function interval (values) {
  const sorted = values.toSorted((a, b) => a - b)
  const n = sorted.length
  let probability = 0.5 ** n
  let below = probability
  let k = 0
  while (below + probability * (n - k) / (k + 1) <= 0.025) {
    probability *= (n - k) / (k + 1)
    below += probability
    k++
  }
  return [sorted[k], sorted[n - 1 - k]]
}
