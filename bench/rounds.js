import { interval, median } from './statistics.js'

// How near the 95 % interval of a headline ratio must come to it.
const PRECISION = 0.03

/**
 * Measures the variants of a work in turn, in rounds, in random order, until
 * its headline ratios are known well enough.
 *
 * @param work `{ variants, baseline, headlines: [{ of, to, most }], sample }`
 * @param limits the least and the most rounds
 * @returns the figures of each variant, its ratio to the baseline, and the headlines
 */
export async function rounds ({ variants, baseline, headlines = [], sample }, { least, most }) {
  const samples = Object.fromEntries(variants.map(variant => [variant, []]))
  let count = 0
  do {
    for (const variant of shuffled(variants)) samples[variant].push(await sample(variant))
    count++
  } while (count < least || (count < most && !headlines.every(({ of, to }) => isSettled(ratio(samples, of, to)))))

  return {
    rounds: count,
    variants: variants.map(variant => {
      const figures = Object.keys(samples[variant][0])
      return {
        name: variant,
        ...Object.fromEntries(figures.map(figure => [figure, round(median(samples[variant].map(one => one[figure])))])),
        ...(baseline !== undefined && { ratio: ratio(samples, variant, baseline) })
      }
    }),
    headlines: headlines.map(({ of, to, most }) => {
      const found = ratio(samples, of, to)
      return { of, to, most, ...found, settled: isSettled(found) }
    })
  }
}

function shuffled (values) {
  return values.map(value => [Math.random(), value]).sort(([a], [b]) => a - b).map(([, value]) => value)
}

function ratio (samples, of, to) {
  const ratios = samples[of].map(({ cpu }, i) => cpu / samples[to][i].cpu)
  const [low, high] = interval(ratios)
  return { median: round(median(ratios)), low: round(low), high: round(high) }
}

function isSettled ({ median, low, high }) {
  return high - median < PRECISION * median && median - low < PRECISION * median
}

function round (value) {
  return Number(value.toPrecision(4))
}
