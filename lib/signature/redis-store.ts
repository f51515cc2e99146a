import { randomUUID } from 'node:crypto'
import { checkOptionNames } from '../invalid-option.js'
import type { ReplayStore } from './replay-store.js'

/**
 * The part of a Redis client that the store uses, for example the client of
 * `@fastify/redis`, which is ioredis. A client with `set` alone works as well.
 */
export interface RedisClient {
  set (key: string, value: string, px: 'PX', milliseconds: number, nx: 'NX'): Promise<string | null>
  /** Without it, a new nonce counts as used if the client sends `set` twice. */
  get?: ((key: string) => Promise<string | null>) | undefined
  /** Without it, the store does not know whether the client is connected. */
  readonly status?: string | undefined
}

/**
 * Returns a store in Redis, for a service of several processes. While the
 * client is not connected, `take()` rejects at once, and no command is queued
 * in the client.
 *
 * The store protects for as long as Redis remembers the nonces. Without
 * persistence (`appendonly yes`), Redis forgets them when it restarts. A
 * failover to a replica that does not have them yet also loses them. Set
 * `maxmemory-policy noeviction`, because the request of an evicted nonce passes
 * again. A server whose clock is set back can accept a signature whose nonce
 * Redis has forgotten.
 *
 * @param prefix the prefix of the keys in Redis. Default: `nonce:`
 * @throws {TypeError} if an option is unknown
 */
export function redisStore (redis: RedisClient, options: { prefix?: string | undefined } = {}): ReplayStore {
  checkOptionNames(options, ['prefix'], 'redisStore()')
  const { prefix = 'nonce:' } = options
  return {
    async take (nonce, lifetime) {
      const { status } = redis
      // A client with the status `wait` connects at its first command.
      if (status !== undefined && status !== 'ready' && status !== 'wait') throw new Error(`The Redis client is not ready: its status is ${status}`)
      const key = prefix + nonce
      // ioredis sends a command again if the reply was lost. Then the key exists, with the value of this call.
      // One SET with GET and NX would be enough, but needs Redis 7.
      const value = randomUUID()
      if (await redis.set(key, value, 'PX', lifetime * 1000, 'NX') !== null) return true
      return await redis.get?.(key) === value
    }
  }
}
