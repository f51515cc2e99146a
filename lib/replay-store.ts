/** Remembers which nonces were seen. A store that fails has its requests answered 503. */
export interface ReplayStore {
  /** What is told of it at start, if anything. */
  description?: string | undefined
  /**
   * Takes a nonce, if nobody had it yet. Of several calls with one nonce, at
   * the same time and from anywhere, one may get `true`.
   *
   * @param nonce the nonce, with the id of its key
   * @param lifetime how long to remember it, in seconds
   */
  take (nonce: string, lifetime: number): boolean | Promise<boolean>
}

/**
 * A store in the memory of this process, for a service that runs as one.
 * When it is full of nonces that still count it fails, for to forget one would
 * let its request pass again.
 *
 * @param max the most nonces that it keeps. Default: 100,000
 * @throws {TypeError} where `max` is no positive integer
 */
export function memoryStore ({ max = 100_000 }: { max?: number | undefined } = {}): ReplayStore {
  if (!Number.isSafeInteger(max) || max < 1) throw new TypeError('fastify-reason-phrase: max must be a positive integer')
  const seen = new Map<string, number>()

  function expire (now: number): void {
    // What came first is forgotten first, as all have one lifetime.
    for (const [nonce, until] of seen) {
      if (until > now) return
      seen.delete(nonce)
    }
  }

  return {
    description: `nonces are remembered by this process alone, at most ${max} at a time`,
    take (nonce, lifetime) {
      const now = performance.now()
      expire(now)
      if (seen.has(nonce)) return false
      if (seen.size >= max) throw new Error(`The memory of nonces is full (${max})`)
      seen.set(nonce, now + lifetime * 1000)
      return true
    }
  }
}

/** What is used of a Redis client: that of `@fastify/redis`, ioredis. */
export interface RedisClient {
  set (key: string, value: string, px: 'PX', milliseconds: number, nx: 'NX'): Promise<string | null>
}

/**
 * A store in Redis, for a service of several processes.
 *
 * @param prefix what its keys begin with. Default: `nonce:`
 */
export function redisStore (redis: RedisClient, { prefix = 'nonce:' }: { prefix?: string } = {}): ReplayStore {
  return {
    take: async (nonce, lifetime) => await redis.set(prefix + nonce, '1', 'PX', lifetime * 1000, 'NX') !== null
  }
}
