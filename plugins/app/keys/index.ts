import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, unwatchFile, watchFile } from 'node:fs'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Static } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import fp from 'fastify-plugin'
import { Keys, Permission } from '../../../schemas/key.js'
import signature, { type Key } from '../../signature/index.js'

/** Where the keys are. */
export interface KeysOptions {
  /** A JSON array of `{ id, secret, permissions }`. Default: `keys.json`. */
  keysFile?: string
  /** Whether the file is made with a key of its own where there is none. Default: `true`. */
  makeKeys?: boolean
}

/** The keys cannot be read; the message says why, and has nothing of what is in the file. */
export class KeysUnreadable extends Error {
  constructor (file: string, reason: string) {
    super(`The keys (${file}) cannot be read: ${reason}`)
  }
}

// How often the file is looked at, in milliseconds.
const INTERVAL = 1000

async function make (file: string): Promise<void> {
  const key: Static<typeof Keys>[number] = {
    id: 'dev',
    secret: randomBytes(32).toString('base64url'),
    permissions: Permission.anyOf.map(({ const: permission }) => permission)
  }
  await mkdir(dirname(file), { recursive: true })
  // Whole at once, for another process that starts meanwhile, and after a crash. What a crash leaves of a draft is in
  // nobody's way, since each has a name of its own: in containers, every process has the same id.
  const draft = `${file}.${randomUUID()}`
  try {
    await writeFile(draft, JSON.stringify([key], null, 2) + '\n', { mode: 0o600, flag: 'wx', flush: true })
    await link(draft, file)
  } finally {
    await rm(draft, { force: true })
  }
}

async function read (file: string): Promise<Map<string, Key>> {
  const text = await readFile(file, 'utf8').catch(({ code }) => {
    throw new KeysUnreadable(file, code === 'ENOENT' ? 'there is no such file' : code)
  })
  let keys: unknown
  try {
    keys = JSON.parse(text)
  } catch {
    // What the parser says quotes the text.
    throw new KeysUnreadable(file, 'it is not JSON')
  }
  const error = Value.Errors(Keys, keys).First()
  if (error !== undefined) throw new KeysUnreadable(file, `${error.path || '/'}: ${error.message}`)
  const map = new Map<string, Key>()
  for (const { id, secret, permissions } of keys as Static<typeof Keys>) {
    if (map.has(id)) throw new KeysUnreadable(file, `the id "${id}" is there twice`)
    map.set(id, { secret, permissions })
  }
  return map
}

/** Has each request signed with a key of the file, which can be edited while the service runs. */
export default fp<KeysOptions>(async function keys (app, { keysFile: file = 'keys.json', makeKeys = true }) {
  if (makeKeys && !existsSync(file)) {
    await make(file).then(() => {
      app.log.info(`Made ${file} with a key, dev, that has every permission`)
    }, error => {
      if (error.code !== 'EEXIST') throw new KeysUnreadable(file, error.code)
    })
  }
  let keys = await read(file)

  async function reread (): Promise<void> {
    try {
      keys = await read(file)
      app.log.info(`Read the keys again: ${keys.size}`)
    } catch (error) {
      app.log.error(`The keys stay as they were. ${(error as Error).message}`)
    }
  }
  // By its state, since editors put another file in its place.
  watchFile(file, { interval: INTERVAL, persistent: false }, reread)
  app.addHook('onClose', async () => { unwatchFile(file, reread) })

  await app.register(signature, { keys: id => keys.get(id) })
}, { name: 'keys' })
