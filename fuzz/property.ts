import fc from 'fast-check'
import { readSeed, readInteger } from './settings.js'
import { textOf } from './values.js'

/** The number of runs, the seed, and the path to a failure of an earlier run. */
export interface Settings {
  runs: number
  seed: number
  path: string | undefined
}

/** Reads the settings from the command line, or from the environment variables if an argument is missing. */
export function readSettings (runs: number): Settings {
  return { runs: readInteger(0, 'RUNS', runs), seed: readSeed(1), path: process.argv[4] ?? process.env.FC_PATH }
}

/** Checks a property, prints the result, and exits the process: with 0 if the property holds, and with 1 otherwise. */
export async function checkProperty<T> (name: string, { runs, seed, path }: Settings, arbitrary: fc.Arbitrary<T>, check: (value: T) => Promise<void>, summary: () => string): Promise<never> {
  const result = await fc.check(fc.asyncProperty(arbitrary, check), { numRuns: runs, seed, ...(path !== undefined && { path }) })
  if (result.failed) {
    console.log(await fc.asyncDefaultReportMessage(result))
    console.log(textOf(result.errorInstance))
    console.log(`To repeat the failure: node --import tsx fuzz/${name}.ts ${runs} ${seed} ${result.counterexamplePath}`)
  } else {
    console.log(`${name}: ${summary()}, seed ${seed}`)
  }
  process.exit(result.failed ? 1 : 0)
}
