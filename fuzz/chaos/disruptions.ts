import { setTimeout as sleep } from 'node:timers/promises'
import type { Gate } from '../../test/fixtures/database.js'
import type { Random } from '../random.js'
import type { ServiceProcess } from './service-process.js'

/** The disruptions of a service process. Afterwards, the process runs and can reach its database again. */
export type Disruption = 'kill' | 'stop' | 'pause' | 'cut'

/** A service process, and the gate between the process and its database. */
export interface Disrupted {
  readonly service: ServiceProcess
  readonly gate: Gate | undefined
}

/** The time between two disruptions of a process, in milliseconds. */
const MIN_UPTIME_MS = 200
const MAX_UPTIME_MS = 2_200
/** The maximum time from the end of a process to its next start, in milliseconds. */
const MAX_DOWNTIME_MS = 200
/** The duration of a pause, in milliseconds. It is longer than the deadline of the client and the timeouts of the database. */
const PAUSE_MS = 4_000
/** The maximum time for which a process is cut off from its database, in milliseconds. */
const MAX_CUT_MS = 2_500

/**
 * How many of twenty disruptions are of each kind. Most of them are kills, because each kill interrupts requests at different
 * points.
 */
const WITHOUT_GATE = createLots({ kill: 16, stop: 3, pause: 1, cut: 0 })
const WITH_GATE = createLots({ kill: 12, stop: 2, pause: 3, cut: 3 })

function createLots (shares: Record<Disruption, number>): Disruption[] {
  return Object.entries(shares).flatMap(([disruption, share]) => Array<Disruption>(share).fill(disruption as Disruption))
}

const DISRUPT: Record<Disruption, (disrupted: Disrupted, random: Random) => Promise<void>> = {
  async kill ({ service }, random) {
    await service.kill()
    await sleep(MAX_DOWNTIME_MS * random.next())
    await service.start()
  },
  async stop ({ service }, random) {
    await service.stop()
    await sleep(MAX_DOWNTIME_MS * random.next())
    await service.start()
  },
  async pause ({ service }) {
    service.pause()
    await sleep(PAUSE_MS)
    service.resume()
  },
  async cut ({ gate }, random) {
    // In half of the cases, the connections transfer no bytes for some time before they are closed.
    if (random.chance(0.5)) {
      gate!.mute()
      await sleep(MAX_CUT_MS / 2 * random.next())
    }
    await gate!.close()
    await sleep(MAX_CUT_MS / 2 * random.next())
    await gate!.open()
  }
}

/**
 * Disrupts a process repeatedly until the run is over.
 *
 * @param counts the numbers of disruptions by kind, which this function increments
 */
export async function disrupt (disrupted: Disrupted, random: Random, isOver: () => boolean, counts: Record<Disruption, number>): Promise<void> {
  for (;;) {
    await sleep(MIN_UPTIME_MS + (MAX_UPTIME_MS - MIN_UPTIME_MS) * random.next())
    if (isOver()) return
    const disruption = random.pick(disrupted.gate === undefined ? WITHOUT_GATE : WITH_GATE)
    await DISRUPT[disruption](disrupted, random)
    counts[disruption]++
  }
}
