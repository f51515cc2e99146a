import { interval, median, medians, spans } from './statistics.js'

// How near the 95 % interval of a headline ratio must come to it, at least.
const PRECISION = 0.03

// Of fewer rounds an interval can be narrow by chance.
const ENOUGH = 20

/**
 * Measures the variants of a work in rounds, until its headline ratios are known
 * well enough, and on which side of what they may be at most. After the least
 * rounds, only the variants of those that are not go on.
 *
 * In a round the variants are there together, and are measured in slices, in
 * turn, in random order. Of its slices the median counts: a moment in which
 * the machine is slow is a moment of all of them, and of few slices.
 *
 * @param work `{ variants, baseline, headlines: [{ of, to, most }], open }`;
 *   `open(variant)` resolves with `{ measure, end }`
 * @param limits the least and the most rounds, and the slices of each
 * @returns the figures of each variant, its ratio to the baseline, and the headlines
 */
export async function rounds ({ variants, baseline, headlines = [], open }, { least, most, slices }) {
  const done = []
  let left = variants
  while (done.length < most && left.length > 0) {
    done.push(await round(left, open, slices))
    if (done.length >= least) left = unsettled()
  }

  return {
    variants: variants.map(variant => {
      const samples = done.filter(figures => variant in figures).map(figures => figures[variant])
      return {
        name: variant,
        rounds: samples.length,
        ...Object.fromEntries(Object.entries(medians(samples)).map(([figure, value]) => [figure, rounded(value)])),
        ...(baseline !== undefined && { ratio: ratio(done, variant, baseline) })
      }
    }),
    headlines: headlines.map(({ of, to, most }) => {
      const found = ratio(done, of, to)
      return { of, to, most, ...found, settled: isNarrow(found) }
    })
  }

  function unsettled () {
    const pairs = headlines.filter(({ of, to, most }) => done.length < ENOUGH || !isKnown(ratio(done, of, to), most)).flatMap(({ of, to }) => [of, to])
    return variants.filter(variant => pairs.includes(variant))
  }
}

async function round (variants, open, slices) {
  const opened = {}
  for (const variant of shuffled(variants)) opened[variant] = await open(variant)
  const taken = Object.fromEntries(variants.map(variant => [variant, []]))
  for (let i = 0; i < slices; i++) {
    for (const variant of shuffled(variants)) taken[variant].push(await opened[variant].measure())
  }
  for (const variant of variants) await opened[variant].end()
  return Object.fromEntries(variants.map(variant => [variant, medians(taken[variant])]))
}

function shuffled (values) {
  return values.map(value => [Math.random(), value]).sort(([a], [b]) => a - b).map(([, value]) => value)
}

function ratio (done, of, to) {
  const ratios = done.filter(figures => of in figures && to in figures).map(figures => figures[of].cpu / figures[to].cpu)
  const [low, high] = interval(ratios)
  return { median: rounded(median(ratios)), low: rounded(low), high: rounded(high) }
}

function isKnown (found, most) {
  return isNarrow(found) && !spans(found, most)
}

function isNarrow ({ median, low, high }) {
  return high - median < PRECISION * median && median - low < PRECISION * median
}

function rounded (value) {
  return Number(value.toPrecision(4))
}
