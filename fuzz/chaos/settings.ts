import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Random } from '../random.js'
import { createSeed } from '../settings.js'
import { DATABASES, type DatabaseName } from './database.js'
import { FAULTS } from './faults.js'

/** The settings of a run. */
export interface Settings {
  /** The minimum duration of the run with faults, in seconds. */
  readonly seconds: number
  /** The minimum number of kills. If necessary, the run takes longer, but at most ten times `seconds`. */
  readonly kills: number
  /** Determines the injected faults. Their exact times differ between runs with the same seed. */
  readonly seed: number
  readonly database: DatabaseName
  /** The name of the fault that is planted in the service. Undefined for no fault. */
  readonly fault: string | undefined
}

/**
 * Reads the settings from the command line.
 *
 * @throws {TypeError} if an option is unknown, or if its value is invalid
 */
export function readSettings (): Settings {
  const { values: { seconds = '600', kills = '0', seed, database = process.env.TEST_DATABASE_URL ? 'postgresql' : 'sqlite', fault } } = parseArgs({
    options: { seconds: { type: 'string' }, kills: { type: 'string' }, seed: { type: 'string' }, database: { type: 'string' }, fault: { type: 'string' } }
  })
  checkName('database', database, DATABASES)
  if (fault !== undefined) checkName('fault', fault, FAULTS)
  if (fault === 'lease' && database === 'sqlite') throw new TypeError('--fault lease needs --database postgresql, because SQLite has one connection')
  return {
    seconds: toInteger('seconds', seconds),
    kills: toInteger('kills', kills),
    seed: seed === undefined ? createSeed() : toInteger('seed', seed),
    database: database as DatabaseName,
    fault
  }
}

function checkName (option: string, value: string, known: object): void {
  if (!Object.hasOwn(known, value)) throw new TypeError(`--${option} must be one of ${Object.keys(known).join(', ')}, not ${value}`)
}

function toInteger (option: string, value: string): number {
  if (!/^\d{1,10}$/.test(value)) throw new TypeError(`--${option} must be an integer of 1 to 10 digits, not ${value}`)
  return Number(value)
}

/** Returns a random number generator for one part of a run. The parts do not influence each other, so each is reproducible. */
export function createRandom (seed: number, part: string): Random {
  return new Random(createHash('sha256').update(`${seed} ${part}`).digest().readUInt32BE())
}
