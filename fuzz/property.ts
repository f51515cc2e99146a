import fc from 'fast-check'
import { seedSetting, setting } from './settings.js'
import { textOf } from './values.js'

/** What a property is checked with: runs, a seed, and the path to a failure of an earlier run. */
export interface Settings {
  runs: number
  seed: number
  path: string | undefined
}

/** From the command line, or else from the environment. */
export function settings (runs: number): Settings {
  return { runs: setting(0, 'RUNS', runs), seed: seedSetting(1), path: process.argv[4] ?? process.env.FC_PATH }
}

/** Checks a property, says what came of it, and ends the process. */
export async function search<T> (name: string, { runs, seed, path }: Settings, arbitrary: fc.Arbitrary<T>, play: (value: T) => Promise<void>, summary: () => string): Promise<never> {
  const result = await fc.check(fc.asyncProperty(arbitrary, play), { numRuns: runs, seed, ...(path !== undefined && { path }) })
  if (result.failed) {
    console.log(await fc.asyncDefaultReportMessage(result))
    console.log(textOf(result.errorInstance))
    console.log(`Again: node --import tsx fuzz/${name}.ts ${runs} ${seed} ${result.counterexamplePath}`)
  } else {
    console.log(`${name}: ${summary()}, seed ${seed}`)
  }
  process.exit(result.failed ? 1 : 0)
}
