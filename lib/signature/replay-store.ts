import { randomUUID } from 'node:crypto'

/** Remembers which nonces were used. If it fails, the request is answered 503. */
export interface ReplayStore {
  /** What the log says of the store at start, if anything. */
  description?: string | undefined
  /**
   * Takes a nonce, unless it was taken before. Of several calls with the same
   * nonce, at the same time and from any process, at most one may get `true`.
   *
   * @param nonce the nonce, with the id of its key
   * @param lifetime how long to remember the nonce, in seconds
   * @param expires when the signature is too old to be accepted, in seconds
   * since 1970. A store in this process needs it, in case the clock is set
   * back. A store that wraps another one must hand it on.
   */
  take (nonce: string, lifetime: number, expires?: number): boolean | Promise<boolean>
}

// How often the nonces that are held after their lifetime are looked through, in milliseconds.
const SWEEP_INTERVAL = 1000

/**
 * Returns a store in the memory of this process, for a service of one process.
 *
 * **It does not protect across restarts**: a new process knows none of the
 * nonces, so a request that the old process accepted passes once more while
 * its signature counts, for `maxAge` seconds at most. The log says so at
 * start. The store does not refuse the signatures made before the start: to be
 * safe from clocks that are ahead, it would have to refuse every request for
 * the first `clockSkew` seconds. Use `redisStore()` where this matters.
 *
 * A store that is full of nonces that still count throws, because the request
 * of a forgotten nonce would pass again. It also throws for signatures whose
 * nonces it may have forgotten, after the clock was set back.
 *
 * @param max the most nonces that it keeps. Default: 100,000
 * @throws {TypeError} if `max` is not a positive integer
 */
export function memoryStore ({ max = 100_000 }: { max?: number | undefined } = {}): ReplayStore {
  if (!Number.isSafeInteger(max) || max < 1) throw new TypeError('fastify-reason-phrase: max must be a positive integer')
  // By the monotonic clock, in the order in which their lifetimes end, as all have the same.
  const recent = new Map<string, { until: number, expires: number }>()
  // Their lifetime is over, but the wall clock was set back, and their signatures would be accepted. Each with its end.
  const held = new Map<string, number>()
  let swept = -Infinity
  // When the last signature ends whose nonce is forgotten.
  let forgotten = -Infinity

  function expire (now: number, clock: number): void {
    for (const [nonce, { until, expires }] of recent) {
      if (until > now) break
      recent.delete(nonce)
      if (expires > clock) held.set(nonce, expires)
      else forgotten = Math.max(forgotten, expires)
    }
    if (held.size === 0 || now < swept + SWEEP_INTERVAL) return
    swept = now
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
      // Without `expires`, the signature can be any that is accepted now.
      if (clock < forgotten && (expires ?? clock) <= forgotten) throw new Error('The clock was set back: nonces of that time are forgotten')
      if (recent.size + held.size >= max) throw new Error(`The memory of nonces is full (${max})`)
      recent.set(nonce, { until: now + lifetime * 1000, expires: expires ?? clock + lifetime })
      return true
    }
  }
}

/**
 * The part of a Redis client that the store uses: that of `@fastify/redis`,
 * ioredis. Both optional members were added later, so a client that has only
 * `set` still works, as before.
 */
export interface RedisClient {
  set (key: string, value: string, px: 'PX', milliseconds: number, nx: 'NX'): Promise<string | null>
  /** Without it, a nonce whose `set` the client sent twice counts as used. */
  get?: ((key: string) => Promise<string | null>) | undefined
  /** Without it, the store does not know when the client is not connected. */
  readonly status?: string | undefined
}

/**
 * Returns a store in Redis, for a service of several processes. While the
 * client is not connected, `take()` rejects at once, and no command waits in
 * the client.
 *
 * The store protects for as long as Redis remembers. Without persistence
 * (`appendonly yes`), a restart of Redis forgets the nonces. So does a failover
 * to a replica that does not have them yet. Set `maxmemory-policy noeviction`,
 * because the request of an evicted nonce passes again. A server whose clock is
 * set back can accept a signature whose nonce Redis has forgotten.
 *
 * @param prefix the beginning of its keys. Default: `nonce:`
 */
export function redisStore (redis: RedisClient, { prefix = 'nonce:' }: { prefix?: string | undefined } = {}): ReplayStore {
  return {
    async take (nonce, lifetime) {
      const { status } = redis
      // A client that waits connects at its first command.
      if (status !== undefined && status !== 'ready' && status !== 'wait') throw new Error(`The Redis client is not ready: its status is ${status}`)
      const key = prefix + nonce
      // ioredis sends a command again if its answer was lost. Then the key exists, with the value of this call.
      // Not SET with GET, which needs Redis 7 together with NX.
      const value = randomUUID()
      if (await redis.set(key, value, 'PX', lifetime * 1000, 'NX') !== null) return true
      return await redis.get?.(key) === value
    }
  }
}
