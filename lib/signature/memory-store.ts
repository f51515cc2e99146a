import { checkOptionNames, throwInvalidOption } from '../invalid-option.js'
import type { ReplayStore } from './replay-store.js'

// The shortest time between two passes over the nonces that are held after their lifetime.
const SWEEP_INTERVAL_MS = 1000

/**
 * Returns a store in the memory of this process, for a service of one process.
 *
 * **It does not protect across restarts**: a new process knows none of the
 * nonces, so a request that the old process accepted passes once more while
 * its signature is valid, for `maxAge` seconds at most. The log says so at
 * start. The store does not reject the signatures made before the start: to be
 * safe from clocks that are ahead, it would have to reject every request for
 * the first `clockSkew` seconds. Use `redisStore()` if this matters to you.
 *
 * A store that is full of nonces of valid signatures throws, because the
 * request of a forgotten nonce would pass again. After the clock was set back,
 * it also throws for signatures whose nonces it may have forgotten.
 *
 * @param max the maximum number of nonces. Default: 100,000
 * @throws {TypeError} if `max` is not a positive integer, or an option is unknown
 */
export function memoryStore (options: { max?: number | undefined } = {}): ReplayStore {
  checkOptionNames(options, ['max'], 'memoryStore()')
  const { max = 100_000 } = options
  if (!Number.isSafeInteger(max) || max < 1) throwInvalidOption('max of memoryStore() must be a positive integer', max)
  // `until` is in milliseconds of the monotonic clock. All nonces have the same lifetime, so the first one ends first.
  const recent = new Map<string, { until: number, expires: number }>()
  // When the lifetime of the first nonce ends. It is kept here, so that most calls do not read the map.
  let firstUntil = Infinity
  // The nonces whose lifetime is over, and whose signatures would be accepted again, because the wall clock was set back.
  const held = new Map<string, number>()
  let sweptAt = -Infinity
  // The latest time at which a signature with a forgotten nonce expires, in seconds since 1970.
  let forgotten = -Infinity

  function endLifetimes (now: number, clock: number): void {
    firstUntil = Infinity
    for (const [nonce, { until, expires }] of recent) {
      if (until > now) {
        firstUntil = until
        return
      }
      recent.delete(nonce)
      if (expires > clock) held.set(nonce, expires)
      else forgotten = Math.max(forgotten, expires)
    }
  }

  function expire (now: number, clock: number): void {
    if (now >= firstUntil) endLifetimes(now, clock)
    if (held.size === 0 || now < sweptAt + SWEEP_INTERVAL_MS) return
    sweptAt = now
    for (const [nonce, expires] of held) {
      if (expires > clock) continue
      held.delete(nonce)
      forgotten = Math.max(forgotten, expires)
    }
  }

  return {
    description: `nonces are remembered by this process alone, at most ${max} at a time, and are forgotten when it restarts`,
    take (nonce, lifetime, expires) {
      const now = performance.now()
      const clock = Date.now() / 1000
      expire(now, clock)
      if (recent.has(nonce) || held.has(nonce)) return false
      // Without `expires`, the signature may be any signature that is valid now.
      if (clock < forgotten && (expires ?? clock) <= forgotten) throw new Error('The clock was set back: nonces of that time are forgotten')
      if (recent.size + held.size >= max) throw new Error(`The memory of nonces is full (${max}): increase max, or use redisStore()`)
      const until = now + lifetime * 1000
      firstUntil = Math.min(firstUntil, until)
      recent.set(nonce, { until, expires: expires ?? clock + lifetime })
      return true
    }
  }
}
