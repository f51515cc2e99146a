import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Random } from '../random.js'
import { createSeed } from '../settings.js'
import { DATABASES, type DatabaseName } from './database.js'
import { FAULTS } from './faults.js'

/** The settings of a run. */
export interface Settings {
  /** How long the faults last at least. */
  readonly seconds: number
  /** How many processes are killed at least. A slow machine needs more time for it: at most ten times the seconds. */
  readonly kills: number
  /** Decides what is injected. The times at which it happens differ from run to run. */
  readonly seed: number
  readonly database: DatabaseName
  /** The fault that is planted in the service; undefined for the service as it is. */
  readonly fault: string | undefined
}

/**
 * Reads the settings from the command line.
 *
 * @throws {TypeError} if an option is unknown, or its value is not valid
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
  if (!/^\d{1,10}$/.test(value)) throw new TypeError(`--${option} must be a number without a sign, not ${value}`)
  return Number(value)
}

/** Returns the generator of one part of a run, so that each part is random in the same way, whatever the others do. */
export function createRandom (seed: number, part: string): Random {
  return new Random(createHash('sha256').update(`${seed} ${part}`).digest().readUInt32BE())
}
