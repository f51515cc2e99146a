import { interval, median, medians } from './statistics.js'

// How near the 95 % interval of a headline ratio must come to it.
const PRECISION = 0.03

// Of fewer rounds an interval can be narrow by chance.
const ENOUGH = 20

/**
 * Measures the variants of a work in turn, in rounds, in random order, until
 * its headline ratios are known well enough. After the least rounds, only the
 * variants of those that are not go on.
 *
 * @param work `{ variants, baseline, headlines: [{ of, to, most }], sample }`
 * @param limits the least and the most rounds
 * @returns the figures of each variant, its ratio to the baseline, and the headlines
 */
export async function rounds ({ variants, baseline, headlines = [], sample }, { least, most }) {
  const done = []
  let left = variants
  while (done.length < most && left.length > 0) {
    const round = {}
    for (const variant of shuffled(left)) round[variant] = await sample(variant)
    done.push(round)
    if (done.length >= least) left = unsettled()
  }

  return {
    variants: variants.map(variant => {
      const samples = done.filter(round => variant in round).map(round => round[variant])
      return {
        name: variant,
        rounds: samples.length,
        ...Object.fromEntries(Object.entries(medians(samples)).map(([figure, value]) => [figure, round(value)])),
        ...(baseline !== undefined && { ratio: ratio(done, variant, baseline) })
      }
    }),
    headlines: headlines.map(({ of, to, most }) => {
      const found = ratio(done, of, to)
      return { of, to, most, ...found, settled: isNarrow(found) }
    })
  }

  function unsettled () {
    const pairs = headlines.filter(({ of, to }) => done.length < ENOUGH || !isNarrow(ratio(done, of, to))).flatMap(({ of, to }) => [of, to])
    return variants.filter(variant => pairs.includes(variant))
  }
}

function shuffled (values) {
  return values.map(value => [Math.random(), value]).sort(([a], [b]) => a - b).map(([, value]) => value)
}

function ratio (done, of, to) {
  const ratios = done.filter(round => of in round && to in round).map(round => round[of].cpu / round[to].cpu)
  const [low, high] = interval(ratios)
  return { median: round(median(ratios)), low: round(low), high: round(high) }
}

function isNarrow ({ median, low, high }) {
  return high - median < PRECISION * median && median - low < PRECISION * median
}

function round (value) {
  return Number(value.toPrecision(4))
}
